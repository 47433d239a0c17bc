//! Requests, answers and kits for the tests of rows.

use bytes::Bytes;
use jiff::Timestamp;

use super::{Kit, Unfit};
use crate::http::{Address, Headers, Request, Response};

fn fields(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::default();
    fields.iter().for_each(|(name, value)| headers.add(*name, (*value).to_owned()));
    headers
}

/// A GET below `http://api.example`.
pub(super) fn get(target: &str, headers: &[(&str, &str)]) -> Request {
    let address = Address::parse(&format!("http://api.example{target}")).expect("an address");
    Request { method: "GET".to_owned(), address, headers: fields(headers), body: Bytes::new() }
}

/// An answer without a body.
pub(super) fn answer(status: u16, headers: &[(&str, &str)]) -> Response {
    Response { status, version: "HTTP/1.1", headers: fields(headers), body: Bytes::new() }
}

/// A kit with nothing in it.
pub(super) fn kit() -> Kit<'static> {
    Kit {
        now: Timestamp::from_second(1_700_000_000).expect("a time"),
        part: &|_| None,
        named: &|_| None,
        allowed: None,
        resign: None,
        signer: &|| Err(Unfit::Unavailable { why: "no key".to_owned(), add: Vec::new() }),
        public: &|| Err(Unfit::Unavailable { why: "no key".to_owned(), add: Vec::new() }),
    }
}
