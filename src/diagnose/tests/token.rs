//! The token.

use super::{Example, example};
use crate::check::StatusSet;
use crate::evidence::Memory;
use crate::evidence::testing::{NOW, Try, get, jwt};

const URL: &str = "https://api.test/me";
/// The server's clock says what this one does.
const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

fn claims(claims: &str) -> Try {
    get(URL).with("authorization", &format!("Bearer {}", jwt(r#"{"alg":"RS256"}"#, claims))).gets(401)
}

fn exp(seconds: i64) -> Try {
    claims(&format!("{{\"exp\":{}}}", NOW + seconds))
}

fn told(text: &str) -> Try {
    get(URL).bearer().gets(401).text(&format!("{{\"message\":\"{text}\"}}"))
}

pub(super) fn examples() -> Vec<Example> {
    let nbf = |seconds: i64| claims(&format!("{{\"nbf\":{}}}", NOW + seconds));
    let invalid = |more: &str| {
        get(URL).bearer().gets(401).says("www-authenticate", &format!("Bearer error=\"invalid_token\"{more}"))
    };
    let short = |text: &str| get(URL).with("authorization", text).gets(401);
    vec![
        example("token-expired", exp(-125).says("date", DATE), exp(125).says("date", DATE)),
        example("token-expired", told("jwt expired"), told("your password expires soon")),
        // An expected refusal is none to explain, unless it proves nothing.
        example("token-expired", exp(-5).wants(StatusSet::of(&[401])).doubted(), exp(-5).wants(StatusSet::of(&[401]))),
        example("token-expired", exp(-5), exp(-5).gets(404)),
        example(
            "clocks-differ",
            exp(60).says("date", "Tue, 14 Nov 2023 22:20:00 GMT"),
            exp(-60).says("date", "Tue, 14 Nov 2023 22:20:00 GMT"),
        ),
        example(
            "clocks-differ",
            nbf(-10).says("date", "Tue, 14 Nov 2023 22:10:00 GMT"),
            nbf(-10).says("date", "Tue, 14 Nov 2023 22:13:18 GMT"),
        ),
        example("token-not-yet-valid", nbf(60), nbf(-60)),
        example("token-not-yet-valid", told("jwt not active"), told("jwt of an active user")),
        example("token-truncated", short("Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIi"), claims("{}")),
        example("token-truncated", short("Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIi.c2ln"), short("Bearer abc.def")),
        example(
            "token-unsigned",
            short(&format!("Bearer {}", jwt(r#"{"alg":"none"}"#, "{}"))),
            short(&format!("Bearer {}", jwt(r#"{"alg":"ES256"}"#, "{}"))),
        ),
        example("token-revoked", told("token has been revoked"), told("revoked").by_nobody().gets(404)),
        example("wrong-audience", told("jwt audience invalid. expected: api"), told("no audience")),
        example("wrong-issuer", told("Jwt issuer is not configured"), told("the issuer of the note")),
        example("signature-refused", told("invalid signature"), told("sign here")),
        example(
            "step-up-wanted",
            invalid("")
                .says("www-authenticate", "Bearer error=\"insufficient_user_authentication\", max_age=\"5\"")
                .gets(401)
                .text(r#"{"error":"insufficient_user_authentication"}"#),
            invalid(""),
        ),
        example("token-refused", invalid(""), invalid(", error_description=\"the token expired\"")),
        example("token-refused", invalid("").remembers(Memory { elsewhere: 2, ..Memory::default() }), exp(-5)),
        example("token-encrypted", short("Bearer eyJhbGciOiJSUzI1NiJ9.a.b.c.d"), claims("{}")),
        example(
            "other-environment",
            claims(r#"{"iss":"https://id.staging.test"}"#),
            claims(r#"{"iss":"https://api.test"}"#),
        ),
    ]
}

/// Other tokens than open an API, and those that open less of it.
pub(super) fn lesser() -> Vec<Example> {
    vec![
        example("wrong-token-kind", claims(r#"{"typ":"Refresh"}"#), claims(r#"{"typ":"Bearer"}"#)),
        example("wrong-token-kind", claims(r#"{"token_use":"id"}"#), claims(r#"{"token_use":"access"}"#)),
        // A proof has a nonce as an ID token has, and stands beside the token.
        example(
            "wrong-token-kind",
            claims(r#"{"nonce":"n","sub":"a","aud":"b"}"#),
            get(URL).with("dpop", &jwt(r#"{"alg":"ES256"}"#, r#"{"nonce":"n","sub":"a","aud":"b"}"#)).gets(401),
        ),
        example(
            "scope-missing",
            get(URL)
                .bearer()
                .gets(403)
                .says("www-authenticate", "Bearer error=\"insufficient_scope\", scope=\"admin\""),
            get(URL).bearer().gets(403),
        ),
        example(
            "scope-not-given",
            get(URL).bearer().gets(403).without_scope("admin"),
            get(URL)
                .bearer()
                .gets(403)
                .without_scope("admin")
                .says("www-authenticate", "Bearer error=\"insufficient_scope\""),
        ),
        example("scope-not-given", get(URL).bearer().gets(403).without_scope("admin"), get(URL).bearer().gets(403)),
    ]
}
