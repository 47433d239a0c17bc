//! The session that a step was sent with.

use super::{Example, example};
use crate::check::StatusSet;
use crate::evidence::testing::{Try, get};
use crate::evidence::{Memory, Purpose, Session};

pub(super) fn examples() -> Vec<Example> {
    let refused = || StatusSet::of(&[401, 403]);
    let away = || get("https://shop.test/account").gets(302).says("location", "/login?next=/account").wants(refused());
    let as_nobody = || Session { as_nobody: true, ..Session::default() };
    let again = || Session { newer_logins: 2, ..Session::default() };
    let apart = || Session { apart: vec!["sid".into()], ..Session::default() };
    let gets = |status| get("https://api.test/me").bearer().gets(status);
    let before = || Memory { itself: true, ..Memory::default() };
    let whoami = |asked: Try| asked.purpose(Purpose::Whoami);
    vec![
        example("refused-as-nobody", away().of(as_nobody()), away()),
        // Whoever is to be let in there is not refused rightly.
        example(
            "refused-as-nobody",
            away().of(as_nobody()),
            get("https://shop.test/account").gets(302).of(as_nobody()),
        ),
        example("logged-in-again", gets(401).of(again()).remembers(before()), gets(401).remembers(before())),
        example("logged-in-again", gets(401).of(again()).remembers(before()), gets(401).of(again())),
        example(
            "logged-in-again",
            gets(401).of(again()).remembers(before()),
            gets(403).of(again()).remembers(before()),
        ),
        example("login-cookies-left", whoami(gets(401)).of(apart()), whoami(gets(401))),
        example("login-cookies-left", gets(401).of(apart()), gets(401).of(apart()).remembers(before())),
    ]
}
