//! The session that a step was sent with.

use super::{Example, example};
use crate::check::StatusSet;
use crate::evidence::testing::{Try, get, send};
use crate::evidence::{Memory, Purpose, Renewal, Sender, Session};

/// A page that is for whoever is in.
const ACCOUNT: &str = "https://shop.test/account";

pub(super) fn examples() -> Vec<Example> {
    let refused = || StatusSet::of(&[401, 403]);
    let away = || get("https://shop.test/account").gets(302).says("location", "/login?next=/account").wants(refused());
    let as_nobody = || Session { as_nobody: true, ..Session::default() };
    let again = || Session { newer_logins: 2, ..Session::default() };
    let apart = || Session { apart: vec!["sid".into()], ..Session::default() };
    let renewal = || Renewal { cookie: "sid".into(), case: "s/first".into(), line: "GET /me".into() };
    let renewed = || Session { renewed: Some(renewal()), ..Session::default() };
    let left = || Memory { left: Some("POST /logout".into()), ..Memory::default() };
    let gets = |status| get("https://api.test/me").bearer().gets(status);
    let before = || Memory { itself: true, ..Memory::default() };
    let whoami = |asked: Try| asked.purpose(Purpose::Whoami);
    let works = |session: Session| Session { works: true, ..session };
    let out = || Session { logouts: vec!["s/logout".into()], ..Session::default() };
    let form = || send("POST", "https://shop.test/login").gets(303);
    let entering = |asked: Try| asked.gets(401).by(Sender::Entering { name: "alice".into() }).purpose(Purpose::Login);
    vec![
        example("refused-as-nobody", away().of(as_nobody()), away()),
        // Whoever is to be let in there is not refused rightly.
        example(
            "refused-as-nobody",
            away().of(as_nobody()),
            get("https://shop.test/account").gets(302).of(as_nobody()),
        ),
        example("session-renewed", gets(401).of(renewed()), gets(401)),
        example("session-renewed", gets(401).of(renewed()), gets(403).of(renewed())),
        example("session-renewed", gets(401).of(renewed()), gets(401).of(renewed()).remembers(left())),
        example("logged-in-again", gets(401).of(again()).remembers(before()), gets(401).remembers(before())),
        example("logged-in-again", gets(401).of(again()).remembers(before()), gets(401).of(again())),
        example(
            "logged-in-again",
            gets(401).of(again()).remembers(before()),
            gets(403).of(again()).remembers(before()),
        ),
        // Of two logins at once the later one may end the first before its `whoami`, or before the page behind its form.
        example("logged-in-again", whoami(gets(401)).of(works(again())), whoami(gets(401)).of(again())),
        example("logged-in-again", entering(form().then("GET", ACCOUNT)).of(again()), entering(form()).of(again())),
        example("logged-out-meanwhile", gets(401).of(out()).remembers(before()), gets(401).of(out())),
        example(
            "logged-out-meanwhile",
            gets(401).of(out()).remembers(before()),
            gets(403).of(out()).remembers(before()),
        ),
        example("login-cookies-left", whoami(gets(401)).of(apart()), whoami(gets(401))),
        example("login-cookies-left", gets(401).of(apart()), gets(401).of(apart()).remembers(before())),
    ]
}
