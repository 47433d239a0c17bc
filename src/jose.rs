//! Reads JSON Web Tokens for what they say of themselves. Nothing here trusts a token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Gives a token's claims without looking at its signature; `None` when it is no JWT (RFC 7519).
pub fn unverified_claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let decode = |part: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    decode(header).filter(Value::is_object)?;
    decode(payload).filter(Value::is_object)
}

/// Gives the second after which a token says it is expired (`exp`, RFC 7519, section 4.1.4).
pub fn expiry(token: &str) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a time with a fraction is cut to its second")]
    let whole = |n: f64| n as i64;
    let exp = unverified_claims(token)?.get("exp").cloned()?;
    exp.as_i64().or_else(|| exp.as_f64().map(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_read_from_tokens_only() {
        let token = |claims: &str| {
            format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"}"), URL_SAFE_NO_PAD.encode(claims))
        };
        assert_eq!(expiry(&token("{\"exp\":1700000000}")), Some(1_700_000_000));
        assert_eq!(expiry(&token("{\"exp\":1700000000.9}")), Some(1_700_000_000));
        assert_eq!(expiry(&token("{}")), None);
        for bad in ["", "a.b.c", "opaque", "e30.e30", "e30.W10.x"] {
            assert_eq!(expiry(bad), None, "{bad}");
        }
    }
}
