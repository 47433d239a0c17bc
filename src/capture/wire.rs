//! What of the trail sources read: the cookies that were set, and addresses.

use crate::http::jar::StoreOutcome;
use crate::http::{Response, Trail};

/// A cookie as an answer set it.
pub(super) struct SetCookie {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) deleted: bool,
}

/// What the answers of a step set, in order; also what the jar refused, since it was sent.
pub(super) fn cookies(trail: &Trail) -> Vec<SetCookie> {
    let set = trail.jar.stored().map(|stored| SetCookie {
        name: stored.name().to_string(),
        value: decoded(stored.value().as_bytes()),
        deleted: matches!(stored.outcome, StoreOutcome::Deleted(_)),
    });
    set.collect()
}

/// Where `Location` points; an absolute one stays as it is written.
pub(super) fn location(trail: &Trail, response: &Response) -> Option<String> {
    let field = response.headers.text("location")?;
    if url::Url::parse(&field).is_ok() {
        return Some(field);
    }
    let from = &trail.hops.last()?.request.address;
    match from.join(&field) {
        Ok(address) => {
            // An address has no fragment, and a callback may carry its code in one.
            let fragment = field.split_once('#').map_or(String::new(), |(_, f)| format!("#{f}"));
            Some(format!("{address}{fragment}"))
        }
        Err(_) => from.url().join(&field).ok().map(String::from),
    }
}

pub(super) fn final_url(trail: &Trail) -> Option<String> {
    Some(trail.hops.last()?.request.address.to_string())
}

/// Undoes percent-encoding; bytes that come out as no UTF-8 leave the text as it was.
fn decoded(raw: &[u8]) -> String {
    let hex = |at: usize| raw.get(at).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        match (raw[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| String::from_utf8_lossy(raw).into_owned())
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn cookies_are_percent_decoded_and_nothing_else() {
        assert_eq!(decoded(b"a%20b+c%3d\"x\""), "a b+c=\"x\"");
        assert_eq!(decoded(b"%"), "%");
        assert_eq!(decoded(b"%4"), "%4");
        assert_eq!(decoded(b"%zz%c3%a9"), "%zz\u{e9}");
        assert_eq!(decoded(b"%ff"), "%ff");
    }
}
