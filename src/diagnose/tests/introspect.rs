//! What a token is worth.

use super::{Example, example};
use crate::check::StatusSet;
use crate::evidence::testing::{Try, jwt, send};

const FORM: &str = "application/x-www-form-urlencoded";

fn ask(form: &str) -> Try {
    send("POST", "https://idp.test/introspect").body(FORM, form)
}

pub(super) fn examples() -> Vec<Example> {
    let says = |text: &str| ask("token=opaque").gets(200).text(text);
    let old = format!("token={}", jwt(r#"{"alg":"RS256"}"#, r#"{"exp":1}"#));
    let refused = |form: &str, status: u16| ask(form).gets(status).wants(StatusSet::of(&[200]));
    vec![
        example("token-inactive", says(r#"{"active":false}"#), says(r#"{"active":true}"#)),
        example("token-inactive", ask(&old).gets(200).text(r#"{"active":false}"#), ask(&old).gets(200).text("{}")),
        example(
            "token-inactive",
            says(r#"{"active":false}"#),
            ask("name=opaque").gets(200).text(r#"{"active":false}"#),
        ),
        example("asker-refused", refused("token=a", 401), refused("grant_type=x&token=a", 401)),
        example("asker-refused", refused("token=a", 404), refused("token=a", 400)),
    ]
}
