//! What was sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Example, example};
use crate::evidence::testing::{get, jwt, send};

const URL: &str = "https://api.test/me";

fn sends(value: &str) -> crate::evidence::testing::Try {
    get(URL).with("authorization", value).gets(401)
}

fn basic(password: &str) -> crate::evidence::testing::Try {
    sends(&format!("Basic {}", STANDARD.encode(format!("alice:{password}"))))
}

fn posts(password: &str) -> crate::evidence::testing::Try {
    let body = format!(r#"{{"username":"alice","password":"{password}"}}"#);
    send("POST", "https://api.test/login").body("application/json", &body).at_login().gets(401)
}

pub(super) fn examples() -> Vec<Example> {
    let token = jwt(r#"{"alg":"RS256"}"#, r#"{"sub":"a"}"#);
    let asks = |scheme: &str| get(URL).bearer().gets(401).says("www-authenticate", scheme);
    vec![
        example("no-identity", get(URL).by_nobody().gets(401), get(URL).by_nobody().bearer().gets(401)),
        example("credential-not-sent", get(URL).gets(401), get(URL).bearer().gets(401)),
        example("credential-not-sent", get(URL).by_cookies().gets(401), get(URL).gets(404)),
        example("credential-not-sent", get(URL).by_cookies().gets(403), get(URL).by_certificate().gets(403)),
        example("placeholder-credential", sends("Bearer undefined"), sends("Bearer undefined1")),
        example("placeholder-credential", sends("Bearer {{ token }}"), get(URL).with("authorization", "Bearer null")),
        example("double-scheme", sends("Bearer Bearer abc"), sends("Bearer bearer-abc")),
        example("json-credential", sends("Bearer {\"access_token\":\"a\"}"), sends("Bearer abc")),
        example("quoted-credential", sends("Bearer \"abc\""), sends("Bearer a'bc")),
        example("blank-in-credential", sends("Bearer ab c"), sends("Digest username=\"a\", realm=\"b c\"")),
        example("blank-in-credential", sends("Bearer abc\u{200b}"), sends("Bearer abc")),
        example(
            "odd-secret",
            basic("\u{feff}wonderland").knows("alice.password", "\u{feff}wonderland"),
            basic("wonderland").knows("alice.password", "wonderland"),
        ),
        example(
            "odd-secret",
            posts("wonderland ").knows("alice.password", "wonderland "),
            posts("wonderland ").knows("alice.password", "wonderland"),
        ),
        example("scheme-missing", sends(&token), sends(&format!("Bearer {token}"))),
        example("scheme-missing", sends("k3y").says("www-authenticate", "Bearer"), sends("k3y")),
        example("scheme-mismatch", asks("Basic realm=\"x\""), asks("bearer realm=\"x\"")),
        example("scheme-mismatch", sends("Basic YTpi").says("www-authenticate", "Bearer"), asks("DPoP algs=\"ES256\"")),
        example("several-credentials", get(URL).bearer().bearer().gets(400), get(URL).bearer().gets(400)),
        example(
            "several-credentials",
            get("https://api.test/me?access_token=a").bearer().gets(400),
            get("https://api.test/me?access_token=a").gets(400),
        ),
        example(
            "credential-elsewhere",
            get(URL).with("x-token", "abc").gets(401).says("www-authenticate", "Bearer realm=\"x\""),
            get(URL).with("x-token", "abc").gets(401).says("www-authenticate", "Bearer error=\"invalid_token\""),
        ),
        example(
            "credential-elsewhere",
            get(URL).with("x-auth", "abc").gets(401).text(r#"{"message":"missing API key in X-Api-Key"}"#),
            get(URL).with("x-api-key", "abc").gets(401).text(r#"{"message":"missing API key in X-Api-Key"}"#),
        ),
        example("percent-encoded-credential", sends("Bearer abc%3D%3D"), sends("Bearer abc==")),
    ]
}
