//! Header values.

use std::borrow::Cow;
use std::ops::Range;

use super::keys::{Kind, kind_of};
use super::{SCHEMES, mask_jwts, mask_plain, mask_url, replace_all, settle, stand_in};

/// Parameters of Digest, AWS, OAuth 1, Hawk and HTTP signatures that show who asks and how, but prove nothing.
const KEPT: [&str; 28] = [
    "username",
    "username*",
    "userhash",
    "realm",
    "nonce",
    "nextnonce",
    "uri",
    "nc",
    "qop",
    "algorithm",
    "opaque",
    "charset",
    "keyid",
    "headers",
    "signedheaders",
    "credential",
    "created",
    "expires",
    "id",
    "ts",
    "version",
    "oauth_consumer_key",
    "oauth_signature_method",
    "oauth_timestamp",
    "oauth_nonce",
    "oauth_version",
    "oauth_callback",
    "app",
];

/// How a header carries credentials.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    /// A scheme and a credential, or a scheme and parameters.
    Authorization,
    /// Parameters only.
    Parameters,
    Cookie,
    SetCookie,
    /// The whole value.
    Whole(Kind),
    /// An address.
    Address,
}

/// Tells how the header of this name carries credentials, if it does.
pub(super) fn carrier(name: &str) -> Option<Carrier> {
    let name = name.trim().to_ascii_lowercase();
    match name.as_str() {
        "authorization" | "proxy-authorization" => Some(Carrier::Authorization),
        "authentication-info" | "proxy-authentication-info" => Some(Carrier::Parameters),
        "cookie" => Some(Carrier::Cookie),
        "set-cookie" | "set-cookie2" => Some(Carrier::SetCookie),
        "location" | "content-location" | "referer" | "refresh" => Some(Carrier::Address),
        "x-auth" | "x-auth-key" => Some(Carrier::Whole(Kind::Token)),
        // `X-Hub-Signature-256`; it proves as much as a credential, and a weak key could be guessed from it.
        _ if name.ends_with("-signature") || name.contains("-signature-") => Some(Carrier::Whole(Kind::Token)),
        _ => kind_of(&name).map(Carrier::Whole),
    }
}

/// Masks what a header of this name must not show: credentials keep their scheme, cookies their names and attributes,
/// Digest its public parameters.
pub fn mask_header<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    settle(value, |value| mask_once(name, value))
}

fn mask_once(name: &str, value: &str) -> String {
    let masked = match carrier(name) {
        Some(Carrier::Authorization) => mask_authorization(value),
        Some(Carrier::Parameters) => replace_all(value, changes_in_parameters(value, 0)),
        Some(Carrier::Cookie) => mask_cookies(value),
        Some(Carrier::SetCookie) => {
            let end = value.find(';').unwrap_or(value.len());
            replace_all(value, change_in_cookie(value, 0..end).into_iter().collect())
        }
        Some(Carrier::Whole(kind)) => whole(value, kind),
        Some(Carrier::Address) => mask_url(value),
        None => mask_plain(value),
    };
    mask_jwts(&masked).into_owned()
}

fn whole(value: &str, kind: Kind) -> Cow<'_, str> {
    stand_in(value, kind).map_or(Cow::Borrowed(value), Cow::Owned)
}

fn mask_authorization(value: &str) -> Cow<'_, str> {
    let start = value.len() - value.trim_start().len();
    let Some(gap) = value[start..].find(char::is_whitespace).map(|gap| start + gap) else {
        let only_scheme = SCHEMES.iter().chain(&["Digest"]).any(|known| known.eq_ignore_ascii_case(value));
        return if only_scheme { Cow::Borrowed(value) } else { whole(value, Kind::Token) };
    };
    let rest = gap + value[gap..].len() - value[gap..].trim_start().len();
    let scheme = &value[start..gap];
    if scheme.eq_ignore_ascii_case("basic") && value[rest..].contains('‹') {
        return Cow::Borrowed(value); // the password is masked already, and the user name is no secret
    }
    let simple = SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
    if !simple && has_parameters(&value[rest..]) {
        return replace_all(value, changes_in_parameters(&value[rest..], rest));
    }
    let kind = if scheme.eq_ignore_ascii_case("basic") { Kind::Password } else { Kind::Token };
    let shown = stand_in(&value[rest..], kind);
    replace_all(value, shown.map(|shown| (rest..value.len(), shown)).into_iter().collect())
}

/// Tells `name=value` from a credential that ends in padding.
fn has_parameters(text: &str) -> bool {
    let Some((name, value)) = text.split_once('=') else { return false };
    is_name(name) && !value.trim_start().is_empty() && !value.starts_with('=')
}

fn is_name(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_*.".contains(&b))
}

/// Masks all parameters but the public ones; what is no parameter is masked too.
fn changes_in_parameters(text: &str, offset: usize) -> Vec<(Range<usize>, String)> {
    let mut changes = Vec::new();
    for piece in pieces(text) {
        let item = text[piece.clone()].trim();
        let start = piece.start + text[piece.clone()].len() - text[piece].trim_start().len();
        let (name, value) = item.split_once('=').filter(|(name, _)| is_name(name)).unwrap_or(("", item));
        let value_at = start + item.len() - value.len();
        let known = KEPT.iter().any(|kept| kept.eq_ignore_ascii_case(name.trim()));
        let quoted = value.trim().strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
        if known && (quoted.is_some() || !value.trim().contains(char::is_whitespace)) {
            continue;
        }
        let (inner, quote) = quoted.map_or((value, 0), |inner| (inner, 1));
        let Some(shown) = stand_in(inner, Kind::Token) else { continue };
        let lead = if quote == 1 { value.len() - value.trim_start().len() + 1 } else { 0 };
        let at = offset + value_at + lead;
        changes.push((at..at + inner.len(), shown));
    }
    changes
}

/// Splits at commas outside of quotes.
fn pieces(text: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                pieces.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(start..text.len());
    pieces
}

fn mask_cookies(value: &str) -> Cow<'_, str> {
    let mut changes = Vec::new();
    let mut start = 0;
    for piece in value.split(';') {
        changes.extend(change_in_cookie(value, start..start + piece.len()));
        start += piece.len() + 1;
    }
    replace_all(value, changes)
}

/// Masks the value of one `name=value`; a cookie without a name is all value.
fn change_in_cookie(header: &str, at: Range<usize>) -> Option<(Range<usize>, String)> {
    let cookie = &header[at.clone()];
    let value = cookie.find('=').map_or_else(|| cookie.trim_start(), |equals| &cookie[equals + 1..]);
    let shown = stand_in(value.trim_matches('"'), Kind::Token)?;
    Some((at.end - value.len()..at.end, shown))
}

#[cfg(test)]
mod tests {
    use super::super::fingerprint;
    use super::*;

    const LONG: &str = "3f9a1c2b-a-credential";

    fn masked(name: &str, value: &str) -> String {
        let once = mask_header(name, value).into_owned();
        assert_eq!(mask_header(name, &once), once, "masking again changes {name}");
        once
    }

    #[test]
    fn a_credential_keeps_its_scheme() {
        let shown = fingerprint(LONG);
        assert_eq!(shown.chars().count(), "‹masked:3f9a1c2b›".chars().count());
        assert_eq!(masked("Authorization", &format!("Bearer {LONG}")), format!("Bearer {shown}"));
        assert_eq!(masked("proxy-authorization", &format!("bearer \t{LONG}")), format!("bearer \t{shown}"));
        assert_eq!(masked("AUTHORIZATION", LONG), shown);
        assert_eq!(masked("Authorization", "Basic YWxpY2U6aHVudGVyMg=="), "Basic ‹masked›");
        assert_eq!(masked("Authorization", "Basic YWxpY2U6‹alice.password›"), "Basic YWxpY2U6‹alice.password›");
        assert_eq!(masked("Authorization", "Bearer ‹alice.access_token#1›"), "Bearer ‹alice.access_token#1›");
        assert_eq!(masked("Authorization", "Bearer"), "Bearer");
        assert_eq!(masked("Authorization", "hunter2"), "‹masked›");
    }

    #[test]
    fn parameters_that_prove_something_are_masked() {
        assert_eq!(
            masked(
                "Authorization",
                r#"Digest username="alice", realm="a, b", nonce="n", uri="/x?a=1", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", algorithm=MD5"#
            ),
            format!(
                r#"Digest username="alice", realm="a, b", nonce="n", uri="/x?a=1", qop=auth, nc=00000001, cnonce="‹masked›", response="{}", algorithm=MD5"#,
                fingerprint("6629fae49393a05397450978507c4ef1")
            )
        );
        assert_eq!(
            masked(
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AKID/20130524/s3, SignedHeaders=host;range, Signature=fe5f"
            ),
            "AWS4-HMAC-SHA256 Credential=AKID/20130524/s3, SignedHeaders=host;range, Signature=‹masked›"
        );
        assert_eq!(masked("Authorization", "Odd realm=x stray, stray"), "Odd realm=‹masked›, ‹masked›");
    }

    #[test]
    fn cookies_keep_names_and_attributes() {
        assert_eq!(masked("Cookie", "sid=abc; theme=; b=\"x\"; odd"), "sid=‹masked›; theme=; b=‹masked›; ‹masked›");
        assert_eq!(
            masked("Set-Cookie", &format!("sid={LONG}; Path=/; HttpOnly")),
            format!("sid={}; Path=/; HttpOnly", fingerprint(LONG))
        );
        assert_eq!(masked("Set-Cookie", "sid=; Max-Age=0"), "sid=; Max-Age=0");
    }

    #[test]
    fn headers_named_like_credentials_are_masked_whole() {
        for name in [
            "X-Api-Key",
            "X-Auth-Token",
            "X-CSRF-Token",
            "X-Amz-Security-Token",
            "DPoP",
            "X-Client-Secret",
            "apikey",
            "X-Signature",
            "X-Hub-Signature-256",
        ] {
            assert_eq!(masked(name, LONG), fingerprint(LONG), "{name}");
        }
        for (name, value) in [
            ("WWW-Authenticate", "Bearer realm=\"api\", error=\"invalid_token\""),
            ("WWW-Authenticate", "Digest realm=\"r\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", qop=\"auth\""),
            ("Content-Type", "application/json; charset=utf-8"),
            ("Access-Control-Allow-Headers", "Authorization, X-CSRF-Token"),
            ("Content-Length", "12"),
            ("Signature-Input", "sig1=(\"@method\");created=1618884473"),
        ] {
            assert_eq!(masked(name, value), value, "{name}");
        }
    }

    #[test]
    fn addresses_and_tokens_in_other_headers_are_masked() {
        assert_eq!(masked("Location", "/cb?code=a1b2c3&state=xyz"), "/cb?code=‹masked›&state=xyz");
        assert_eq!(masked("Link", "<https://h/x?token=t1>; rel=next"), "<https://h/x?token=‹masked›>; rel=next");
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2ln";
        assert_eq!(masked("X-Amzn-Oidc-Data", token), fingerprint(token));
    }
}
