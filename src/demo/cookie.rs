//! The session cookie, written and read by hand (RFC 6265bis §4).

use axum::http::{HeaderMap, HeaderValue, header};

use super::state::State;

/// The name of the session cookie.
pub(crate) const NAME: &str = "demo_session";

/// The session id a request brings; nothing when it brings two that differ, for one of them was planted.
pub(crate) fn session_id(headers: &HeaderMap) -> Option<&str> {
    let mut found = None;
    for value in headers.get_all(header::COOKIE) {
        for pair in value.to_str().ok()?.split(';') {
            let Some((name, value)) = pair.trim().split_once('=') else {
                continue;
            };
            if name != NAME {
                continue;
            }
            if found.is_some_and(|other| other != value) {
                return None;
            }
            found = Some(value);
        }
    }
    found
}

/// The header value that sets the session cookie, for as long as the browser runs.
pub(crate) fn set(app: &State, id: &str) -> HeaderValue {
    written(app, id, "")
}

/// The header value that removes the session cookie.
pub(crate) fn clear(app: &State) -> HeaderValue {
    written(app, "", "; Max-Age=0")
}

fn written(app: &State, id: &str, more: &str) -> HeaderValue {
    let attributes = [
        ("; HttpOnly", !app.is_weak("cookie-without-httponly")),
        ("; SameSite=Lax", !app.is_weak("cookie-without-samesite")),
        ("; Secure", app.is_https() && !app.is_weak("cookie-without-secure")),
    ];
    let attributes: String = attributes.into_iter().filter(|(_, on)| *on).map(|(text, _)| text).collect();
    let text = format!("{NAME}={id}; Path=/{attributes}{more}");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(cookies: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_static(cookie));
        }
        session_id(&headers).map(str::to_owned)
    }

    #[test]
    fn finds_the_session_among_others() {
        assert_eq!(id_of(&["a=b; demo_session=x=y;c"]).as_deref(), Some("x=y"));
        assert_eq!(id_of(&["a=b", "demo_session=1"]).as_deref(), Some("1"));
        assert_eq!(id_of(&["xdemo_session=1; Demo_Session=2"]), None);
        assert_eq!(id_of(&[]), None);
    }

    #[test]
    fn two_that_differ_are_none() {
        assert_eq!(id_of(&["demo_session=1; demo_session=2"]), None);
        assert_eq!(id_of(&["demo_session=1", "demo_session=1"]).as_deref(), Some("1"));
    }
}
