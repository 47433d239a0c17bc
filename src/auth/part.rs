//! What of a credential travels with requests, thing by thing: each may be worth something alone.

use std::sync::Arc;

use url::form_urlencoded;

use crate::http::Request;

/// One thing of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A header field.
    Field(Arc<str>),
    /// A cookie.
    Cookie(Arc<str>),
    /// A parameter of the query.
    Parameter(Arc<str>),
}

impl Part {
    /// Gives the request with this alone of what its signing added.
    pub fn alone(&self, unsigned: &Request, signed: &Request) -> Request {
        let mut request = unsigned.clone();
        match self {
            Self::Field(name) => {
                request.headers.remove(name);
                signed
                    .headers
                    .all(name)
                    .for_each(|value| request.headers.add(name.to_ascii_lowercase(), value.clone()));
            }
            Self::Cookie(name) => {
                let all = signed.headers.text("cookie").unwrap_or_default();
                let value = all.split("; ").filter_map(|pair| pair.split_once('=')).find(|(own, _)| *own == &**name);
                value.into_iter().for_each(|(_, value)| request.headers.put_cookie(name, Some(value)));
            }
            Self::Parameter(name) => {
                let added = signed.address.target().strip_prefix(unsigned.address.target()).unwrap_or_default();
                let pairs = form_urlencoded::parse(added.trim_start_matches(['?', '&']).as_bytes());
                pairs.filter(|(own, _)| *own == **name).for_each(|(_, value)| request.address.add_query(name, &value));
            }
        }
        request
    }

    /// How people call it.
    pub fn told(&self) -> String {
        match self {
            Self::Field(name) => format!("the field `{name}`"),
            Self::Cookie(name) => format!("the cookie `{name}`"),
            Self::Parameter(name) => format!("the parameter `{name}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Address, Headers};

    #[test]
    fn each_thing_travels_alone() {
        let unsigned = Request {
            method: "GET".to_owned(),
            address: Address::parse("http://a/b?c=d").unwrap(),
            headers: Headers::default(),
            body: bytes::Bytes::new(),
        };
        let mut signed = unsigned.clone();
        signed.headers.set("Authorization", "Bearer t");
        signed.headers.put_cookie("one", Some("1"));
        signed.headers.put_cookie("two", Some("2"));
        signed.address.add_query("key", "a b");
        signed.address.add_query("other", "x");
        let alone = |part: Part| {
            let request = part.alone(&unsigned, &signed);
            let fields: Vec<String> = request
                .headers
                .iter()
                .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
                .collect();
            format!("{} {}", request.address.target(), fields.join(", "))
        };
        assert_eq!(alone(Part::Field("Authorization".into())), "/b?c=d authorization: Bearer t");
        assert_eq!(alone(Part::Cookie("two".into())), "/b?c=d cookie: two=2");
        assert_eq!(alone(Part::Parameter("key".into())), "/b?c=d&key=a%20b ");
    }
}
