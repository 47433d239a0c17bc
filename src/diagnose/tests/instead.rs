//! What came in the place of a refusal.

use super::{Example, example};
use crate::check::StatusSet;
use crate::evidence::Memory;
use crate::evidence::testing::{Try, get};

pub(super) fn examples() -> Vec<Example> {
    let nobody = |status: u16| get("https://api.test/notes/1").by_nobody().gets(status);
    let refused = |t: Try| t.wants(StatusSet::of(&[401]));
    let others = || Memory { others: vec!["alice".into()], ..Memory::default() };
    let known = || refused(get("https://api.test/notes/1").bearer().gets(404)).remembers(others());
    vec![
        example("nothing-to-refuse", refused(nobody(404)), nobody(404)),
        example("nothing-to-refuse", refused(nobody(405)), refused(nobody(403))),
        example("nothing-to-refuse", refused(nobody(404)).remembers(others()), known()),
        example("checked-before-asked", refused(nobody(422)), nobody(422)),
        example(
            "checked-before-asked",
            refused(nobody(400)),
            refused(nobody(400)).text(r#"{"error":"csrf token missing"}"#),
        ),
    ]
}
