//! A bearer token that is already there (RFC 6750): `Authorization: Bearer …` on every request.

use super::{AtOnce, Flow, ReadScheme, Scheme, SchemeKind, Seal, fields, troubles};
use crate::http::Request;
use crate::spec::{Fields, Node};
use crate::template::TemplateError;

pub(super) const KIND: SchemeKind = SchemeKind {
    name: "bearer",
    about: "a token that is already there, in `Authorization: Bearer` (RFC 6750)",
    keys: &[],
    needs: &["token"],
    logs_in: false,
    look: fields::anything,
    example: include_str!("examples/bearer.yaml"),
    troubles: troubles::BEARER,
    read,
};

#[derive(Debug)]
struct Bearer;

fn read(_: Fields<'_>, _: &Node, _: &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>> {
    Some(Box::new(Bearer))
}

impl Scheme for Bearer {
    fn begin(&self) -> Box<dyn Flow> {
        Box::new(AtOnce)
    }

    fn sign(&self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError> {
        request.headers.set("authorization", format!("Bearer {}", seal.field("token")));
        Ok(())
    }

    fn fields(&self) -> Vec<String> {
        vec!["authorization".to_owned()]
    }
}
