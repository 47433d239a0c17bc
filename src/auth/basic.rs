//! HTTP Basic (RFC 7617): user and password on every request, UTF-8.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fields::FieldFault;
use super::{AtOnce, Flow, ReadScheme, Scheme, SchemeKind, Seal, troubles};
use crate::http::Request;
use crate::spec::{Fields, Node};
use crate::template::TemplateError;

pub(super) const KIND: SchemeKind = SchemeKind {
    name: "basic",
    about: "user and password on every request (RFC 7617)",
    keys: &[],
    needs: &["username", "password"],
    logs_in: false,
    look,
    example: include_str!("examples/basic.yaml"),
    troubles: troubles::BASIC,
    read,
};

/// The colon ends the name (RFC 7617, section 2).
fn look(_: Option<&Node>, name: &str, value: &str) -> Option<FieldFault> {
    (name == "username" && value.contains(':')).then_some(FieldFault::Colon)
}

#[derive(Debug)]
struct Basic;

fn read(_: Fields<'_>, _: &Node, _: &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>> {
    Some(Box::new(Basic))
}

impl Scheme for Basic {
    fn begin(&self) -> Box<dyn Flow> {
        Box::new(AtOnce)
    }

    fn sign(&self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError> {
        let credential = STANDARD.encode(format!("{}:{}", seal.field("username"), seal.field("password")));
        request.headers.set("authorization", format!("Basic {credential}"));
        Ok(())
    }

    fn fields(&self) -> Vec<String> {
        vec!["authorization".to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::auth::Memory;
    use crate::http::{Address, Headers};
    use crate::template::Scope;

    fn field(username: &str, password: &str) -> String {
        let identity = [(Arc::from("username"), username.to_owned()), (Arc::from("password"), password.to_owned())];
        let (scope, memory) = (Scope::default(), Memory::default());
        let seal = Seal { scope: &scope, identity: &identity, memory: &memory, now: jiff::Timestamp::UNIX_EPOCH };
        let address = Address::parse("http://a/").unwrap();
        let (method, body) = ("GET".to_owned(), bytes::Bytes::new());
        let mut request = Request { method, address, headers: Headers::default(), body };
        Basic.sign(&seal, &mut request).unwrap();
        request.headers.text("authorization").unwrap()
    }

    /// RFC 7617, sections 2 and 2.1.
    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(field("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(field("test", "123£"), "Basic dGVzdDoxMjPCow==");
    }
}
