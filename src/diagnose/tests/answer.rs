//! What the server means.

use super::{Example, example};
use crate::evidence::Memory;
use crate::evidence::testing::{Try, get, send};

const URL: &str = "https://api.test/me";

fn told(status: u16, text: &str) -> Try {
    send("POST", "https://api.test/notes").bearer().gets(status).text(&format!("{{\"message\":\"{text}\"}}"))
}

pub(super) fn examples() -> Vec<Example> {
    let page = "<html><form action=\"/login\"><input type='password'></form></html>";
    let guarded = || Memory { guarded: true, ..Memory::default() };
    vec![
        example("csrf-token-missing", told(403, "CSRF verification failed"), told(403, "you may not")),
        example(
            "csrf-token-missing",
            told(403, "invalid csrf token").with("x-csrf-token", "abc"),
            told(404, "invalid csrf token"),
        ),
        example("rate-limited", get(URL).bearer().gets(429), get(URL).bearer().gets(403)),
        example("rate-limited", told(403, "API rate limit exceeded"), told(429, "too many wrong passwords")),
        example("login-page", get(URL).by_cookies().gets(200).text(page), get("https://api.test/login").text(page)),
        example(
            "login-page",
            get(URL).by_cookies().gets(302).says("location", "/login"),
            get(URL).by_cookies().gets(302).says("location", "/home"),
        ),
        example(
            "error-with-200",
            get(URL).bearer().text(r#"{"errors":[{"message":"no"}]}"#),
            get(URL).bearer().text(r#"{"errors":[]}"#),
        ),
        example(
            "preflight-refused",
            send("OPTIONS", URL).by_nobody().with("access-control-request-method", "GET").gets(401),
            send("OPTIONS", URL).by_nobody().gets(401),
        ),
        example(
            "origin-refused",
            told(403, "Invalid CORS request").with("origin", "https://evil.test"),
            told(403, "Invalid CORS request"),
        ),
        example("quota-used-up", get(URL).bearer().gets(402), get(URL).bearer().gets(403)),
        example(
            "client-certificate-wanted",
            told(400, "No required SSL certificate was sent"),
            told(400, "no certificate of birth"),
        ),
        example("auth-crashed", get(URL).bearer().gets(500).remembers(guarded()), get(URL).bearer().gets(500)),
        example("auth-crashed", told(503, "introspection endpoint is down"), get(URL).gets(500).remembers(guarded())),
        example("header-underscore", get(URL).with("api_key", "k").gets(401), get(URL).with("api-key", "k").gets(401)),
        example("credential-dropped", told(401, "Missing authorization header"), told(401, "invalid token")),
    ]
}
