//! Basic credentials.

use super::{Example, example};
use crate::evidence::testing::{Try, get};

fn basic(text: &str) -> Try {
    use base64::Engine as _;
    sent(&base64::engine::general_purpose::STANDARD.encode(text))
}

fn sent(text: &str) -> Try {
    get("https://api.test/me").with("authorization", &format!("Basic {text}")).gets(401)
}

pub(super) fn examples() -> Vec<Example> {
    vec![
        example("basic-not-base64", sent("alice:secret"), sent("YWxpY2U6c2VjcmV0")),
        example("basic-not-base64", sent("a-_b"), sent("a+/b")),
        example("basic-without-colon", basic("alicesecret"), basic("alice:secret")),
        example("basic-line-break", basic("alice:secret\n"), basic("alice:secret")),
        example("basic-empty", basic("alice:"), basic("alice:x")),
        example(
            "basic-charset",
            basic("alice:gehört"),
            basic("alice:gehört").says("www-authenticate", "Basic realm=\"x\", charset=\"UTF-8\""),
        ),
    ]
}
