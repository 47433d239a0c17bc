//! An API key in a header field, a query parameter or a cookie.

use std::sync::Arc;

use super::{AtOnce, Flow, ReadScheme, Scheme, SchemeKind, Seal, diags, field_name, fields, plain, troubles};
use crate::http::Request;
use crate::spec::{Fields, Node, Shape, key};
use crate::template::TemplateError;

pub(super) const KIND: SchemeKind = SchemeKind {
    name: "api-key",
    about: "a key in a header field, a query parameter or a cookie",
    keys: &[
        key("header", "the field that carries the key, `X-Api-Key` by default").is(Shape::Text).usually("`X-Api-Key`"),
        key("query", "the query parameter that carries it instead").is(Shape::Text),
        key("cookie", "the cookie that carries it instead").is(Shape::Text),
        key("prefix", "a word before the key, such as `ApiKey` in `Authorization: ApiKey …`")
            .is(Shape::Text)
            .usually("no word"),
    ],
    needs: &["key"],
    logs_in: false,
    look: fields::anything,
    example: include_str!("examples/api-key.yaml"),
    troubles: troubles::API_KEY,
    read,
};

#[derive(Debug)]
struct ApiKey {
    place: Place,
    prefix: Option<Arc<str>>,
}

#[derive(Debug)]
enum Place {
    Header(Arc<str>),
    Query(Arc<str>),
    Cookie(Arc<str>),
}

fn read(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>> {
    let mut places = Vec::new();
    for (name, make) in
        [("header", Place::Header as fn(Arc<str>) -> Place), ("query", Place::Query), ("cookie", Place::Cookie)]
    {
        if let Some(word) = plain(fields.get(name), cx) {
            if name == "header" {
                field_name(word.span, &word.value, cx);
            }
            places.push(make(word.value));
        }
    }
    if places.len() > 1 {
        cx.compile.reader.fault(diags::one_place(node.span));
        return None;
    }
    let place = places.pop().unwrap_or_else(|| Place::Header("X-Api-Key".into()));
    let prefix = plain(fields.get("prefix"), cx).map(|w| w.value);
    Some(Box::new(ApiKey { place, prefix }))
}

impl Scheme for ApiKey {
    fn begin(&self) -> Box<dyn Flow> {
        Box::new(AtOnce)
    }

    fn sign(&self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError> {
        let key = seal.field("key");
        let value = self.prefix.as_ref().map_or_else(|| key.to_owned(), |p| format!("{p} {key}"));
        match &self.place {
            Place::Header(name) => request.headers.set(&**name, value),
            Place::Query(name) => request.address.add_query(name, &value),
            Place::Cookie(name) => request.headers.put_cookie(name, Some(&value)),
        }
        Ok(())
    }

    fn fields(&self) -> Vec<String> {
        match &self.place {
            Place::Header(name) => vec![name.to_string()],
            Place::Query(_) | Place::Cookie(_) => Vec::new(),
        }
    }
}
