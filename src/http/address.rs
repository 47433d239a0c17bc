//! Where a request goes: an origin, and the request-target byte for byte as it will be sent.

use std::sync::Arc;

use url::{Origin, Url};

/// An absolute address whose path and query are never normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    url: Url,
    /// Path and query as written.
    target: String,
    base: Arc<str>,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not `http` or `https`.
    #[error("an address begins with `http://` or `https://`")]
    Scheme,
    /// The host or port cannot be read.
    #[error("the host or port cannot be read")]
    Authority,
    /// A credential stands before the host (RFC 9110, section 4.2.4).
    #[error("a user or password in an address would end up in logs; use an identity")]
    UserInfo,
    /// A character cannot travel in a request line.
    #[error("a character in the target cannot be sent; write it percent-encoded")]
    Character,
}

impl Address {
    /// Reads an absolute `http` or `https` address; a fragment is dropped, since it never travels.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let lower = text.get(..8.min(text.len())).unwrap_or("").to_ascii_lowercase();
        let after = if lower.starts_with("https://") {
            8
        } else if lower.starts_with("http://") {
            7
        } else {
            return Err(AddressError::Scheme);
        };
        let end = text[after..].find(['/', '?', '#']).map_or(text.len(), |i| after + i);
        let (authority, rest) = text.split_at(end);
        if authority[after..].contains('@') {
            return Err(AddressError::UserInfo);
        }
        let rest = rest.split('#').next().unwrap_or("");
        let target = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        if target.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(AddressError::Character);
        }
        // The URL is for origins, cookies and redirects; what is sent is `target`.
        let whole = || Url::parse(&format!("{authority}{target}"));
        let url = if is_plain(&authority[after..]) {
            whole().or_else(|_| Url::parse(authority)).map_err(|_| AddressError::Authority)?
        } else {
            // A path must not be read as a host where there is none.
            let alone = Url::parse(authority).map_err(|_| AddressError::Authority)?;
            if alone.host_str().is_none_or(str::is_empty) {
                return Err(AddressError::Authority);
            }
            whole().unwrap_or(alone)
        };
        let base = url.origin().ascii_serialization().into();
        Ok(Self { url, target, base })
    }

    /// Resolves a `Location` against this address (RFC 9110, section 10.2.2).
    pub fn join(&self, location: &str) -> Result<Self, AddressError> {
        let lower = location.to_ascii_lowercase();
        if lower.starts_with("http://") || lower.starts_with("https://") {
            return Self::parse(location);
        }
        if location.starts_with('/') && !location.starts_with("//") {
            return Self::parse(&format!("{}{location}", self.base()));
        }
        let joined = self.url.join(location).map_err(|_| AddressError::Authority)?;
        Self::parse(joined.as_str())
    }

    /// Scheme, host and port, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Host and, where it is not the usual one, port: the value of `Host` (RFC 9110, section 7.2).
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The origin, for comparing.
    pub fn origin(&self) -> Origin {
        self.url.origin()
    }

    /// The parsed form, for cookies.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Path and query as they will be sent.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Path without query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("/")
    }

    /// Query without its `?`; empty where there is none.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Adds a query parameter, percent-encoded, behind what is there.
    pub fn add_query(&mut self, name: &str, value: &str) {
        let pair: String = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
        let pair = pair.replace('+', "%20");
        self.target.push(if self.target.contains('?') { '&' } else { '?' });
        self.target.push_str(&pair);
        if let Ok(url) = Url::parse(&self.to_string()) {
            self.url = url;
        }
    }

    /// Tells whether a URL library would send exactly these bytes.
    pub fn is_normal(&self) -> bool {
        let query = self.url.query();
        let sent = query.map_or_else(|| self.url.path().to_owned(), |q| format!("{}?{q}", self.url.path()));
        sent == self.target
    }
}

/// Undoes percent-encoding; bytes that come out as no UTF-8 leave the text as it was.
pub fn percent_decoded(raw: &[u8]) -> String {
    let decoded: Vec<u8> = percent_encoding::percent_decode(raw).collect();
    String::from_utf8(decoded).unwrap_or_else(|_| String::from_utf8_lossy(raw).into_owned())
}

/// Tells whether a host with its port consists of letters, digits and the marks between them only.
fn is_plain(authority: &str) -> bool {
    authority.starts_with(|c: char| c.is_ascii_alphanumeric())
        && authority.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b))
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.base(), self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_kept_byte_for_byte() {
        for target in ["//admin", "/a/../b", "/%2e%2e/x", "/x?a=b|c", "/ä"] {
            let address = Address::parse(&format!("http://127.0.0.1:80{target}")).unwrap();
            assert_eq!(address.target(), target);
            assert_eq!(address.base(), "http://127.0.0.1");
        }
        assert!(!Address::parse("http://h/a/../b").unwrap().is_normal());
        assert!(Address::parse("http://h/a?b=c").unwrap().is_normal());
        assert_eq!(Address::parse("http://h?x=1#f").unwrap().target(), "/?x=1");
        assert_eq!(Address::parse("http://h:80/a?x=1?y").unwrap().query(), "x=1?y");
        let hosts = ["http://h:80/", "http://H:81/", "https://[::1]:443/"].map(|a| Address::parse(a).unwrap().host());
        assert_eq!(hosts, ["h", "h:81", "[::1]"]);
    }

    #[test]
    fn faulty_addresses_say_why() {
        let why = |t: &str| Address::parse(t).unwrap_err();
        assert_eq!(why("ftp://h/"), AddressError::Scheme);
        assert_eq!(why("/path"), AddressError::Scheme);
        assert_eq!(why("http://"), AddressError::Authority);
        assert_eq!(why("http://a:b@h/"), AddressError::UserInfo);
        assert_eq!(why("http://h:99999/"), AddressError::Authority);
        assert_eq!(why("http:///h"), AddressError::Authority);
        assert_eq!(why("http://\\/h"), AddressError::Authority);
        assert_eq!(why("http://\t/h"), AddressError::Authority);
        assert_eq!(why("http://h/a b"), AddressError::Character);
    }

    #[test]
    fn locations_resolve_as_browsers_do() {
        let from = Address::parse("http://h:81/a/b?c").unwrap();
        let to = |l: &str| from.join(l).unwrap().to_string();
        assert_eq!(to("/x?y"), "http://h:81/x?y");
        assert_eq!(to("x"), "http://h:81/a/x");
        assert_eq!(to("//o/x"), "http://o/x");
        assert_eq!(to("https://o"), "https://o/");
        assert_eq!(to("?q"), "http://h:81/a/b?q");
    }

    #[test]
    fn what_is_percent_encoded_is_decoded_and_nothing_else() {
        for (raw, text) in [
            (&b"a%20b+c%3d\"x\""[..], "a b+c=\"x\""),
            (b"%", "%"),
            (b"%4", "%4"),
            (b"%zz%c3%a9", "%zz\u{e9}"),
            (b"%ff", "%ff"),
        ] {
            assert_eq!(percent_decoded(raw), text);
        }
    }

    #[test]
    fn query_parameters_are_added_encoded() {
        let mut address = Address::parse("http://h/a?x=1").unwrap();
        address.add_query("k", "a b&c");
        assert_eq!(address.target(), "/a?x=1&k=a%20b%26c");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = Address::parse(&text).map(|a| a.join(&text));
        }
    }
}
