//! What the rest of the run shows.

use super::{Example, example};
use crate::check::StatusSet;
use crate::evidence::Memory;
use crate::evidence::testing::{Try, get};

fn gets(status: u16) -> Try {
    get("https://api.test/notes/1").bearer().gets(status)
}

fn refusal(code: u16) -> StatusSet {
    StatusSet::of(&[code])
}

pub(super) fn examples() -> Vec<Example> {
    let ended = || Memory { ender: Some(("auth/logout".into(), "POST /logout".into())), ..Memory::default() };
    let known = || Memory { elsewhere: 2, ..Memory::default() };
    let others = || Memory { others: vec!["root".into()], ..known() };
    vec![
        example("session-ended-by-case", gets(401).remembers(ended()), gets(403).remembers(ended())),
        example("lacks-right", gets(403).remembers(others()), gets(403).remembers(known())),
        example(
            "lacks-right",
            gets(403).remembers(others()),
            gets(403).text(r#"{"message":"invalid csrf token"}"#).remembers(others()),
        ),
        // Whose signature does not fit is nobody yet.
        example(
            "lacks-right",
            gets(403).remembers(others()),
            gets(403).text("<Error><Code>SignatureDoesNotMatch</Code></Error>").remembers(others()),
        ),
        example(
            "refused-with-401",
            gets(401).remembers(others()),
            gets(401).says("www-authenticate", "Bearer error=\"invalid_token\"").remembers(others()),
        ),
        example("hidden-by-404", gets(404).remembers(others()), gets(404).remembers(known())),
        example("never-accepted", gets(401), gets(401).remembers(known())),
        example(
            "missing-credential-403",
            get("https://api.test/me").by_nobody().gets(403).wants(refusal(401)),
            get("https://api.test/me").by_nobody().gets(403),
        ),
        example("unexplained", gets(403), gets(403).remembers(known())),
    ]
}
