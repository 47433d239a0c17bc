//! Tokens that were waited for until they are over: servers that refuse them for another reason, or at another time.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::api::{Api, unauthorized};
use crate::runs::{BLIND, PEOPLE, Project, Run, SCHEME};
use crate::server::{Reply, Request, Server, claims, json};

pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A token that says when it ends; nobody here looks at its signature.
pub fn token(number: usize, end: i64) -> String {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(json!({ "alg": "HS256" })), part(json!({ "jti": number, "exp": end })))
}

pub fn end_of(request: &Request) -> Option<i64> {
    claims(request.bearer())?["exp"].as_i64()
}

/// What a server knows: the tokens that it gave, in their order, and those that it did not revoke.
#[derive(Default)]
pub struct Books {
    pub given: Vec<String>,
    pub good: HashSet<String>,
}

/// A server whose tokens live so many seconds; `judge` says why a token that it gave is refused.
pub fn server(
    life: i64,
    login: impl Fn(&mut Books) + Send + Sync + 'static,
    judge: impl Fn(&Books, &Request, i64) -> Option<&'static str> + Send + Sync + 'static,
) -> Server {
    let books: Mutex<Books> = Mutex::default();
    Server::start(move |r| {
        let mut books = books.lock().unwrap();
        if r.is("POST /login") {
            login(&mut books);
            let token = token(books.given.len(), now() + life);
            books.given.push(token.clone());
            books.good.insert(token.clone());
            return json(200, &json!({ "access_token": token }).to_string());
        }
        match end_of(r) {
            Some(end) if books.given.contains(&r.bearer().to_owned()) => match judge(&books, r, end) {
                None => json(200, r#"{"username":"alice"}"#),
                Some(why) => unauthorized(why),
            },
            _ => unauthorized(""),
        }
    })
}

const CASE: &str = "cases:\n  - { name: c, as: alice, with: token-expired, request: GET /me }\n";

fn run(server: &Server, suite: &str) -> Run {
    Project::new(&server.url, &format!("{BLIND}{PEOPLE}"), suite).run("--max-wait 10s")
}

fn over(end: i64) -> bool {
    now() >= end
}

#[test]
fn a_token_that_is_refused_for_its_end_proves_that_it_is_looked_at() {
    let strict = server(3, |_| (), |_, _, end| over(end).then_some(""));
    run(&strict, CASE).must(0, &[("c", "proven")]);
    // Before its end, shortly before, after it, with a fresh one; and without any.
    assert_eq!(strict.count("GET /me"), 5);
    assert_eq!(strict.count("POST /login"), 2);
}

/// A token two minutes after its end is taken for no leeway.
#[test]
fn a_token_that_is_taken_is_told_when_no_leeway_explains_it() {
    run(&server(-119, |_| (), |_, _, _| None), CASE).must(1, &[("c", "failed: mutant-accepted")]);
    run(&server(2, |_| (), |_, _, _| None), CASE).must(3, &[("c", "inconclusive: no-bad-token")]);
    let minute = server(2, |_| (), |_, _, end| over(end + 60).then_some(""));
    run(&minute, CASE).must(3, &[("c", "inconclusive: no-bad-token")]);
}

/// It dies of something else before: idle, used up, a restart.
#[test]
fn a_token_that_dies_before_its_end_shows_nothing() {
    let dying = server(4, |_| (), |_, _, end| over(end - 3).then_some(""));
    run(&dying, CASE).must(3, &[("c", "inconclusive: control-refused")]);
}

/// The end is not looked at; a login ends the tokens before it, and comes just then.
#[test]
fn a_newer_session_may_be_what_ended_it() {
    const OTHERS: &str = "serial: true\ncases:\n  - { name: later, steps: [ { pause: 4s, request: GET /me, expect: 401 } ] }\n  - { name: again, as: alice, request: GET /me, expect: 200 }\n";
    let single = |why: &'static str| {
        server(4, |books| books.good.clear(), move |books, r, _| (!books.good.contains(r.bearer())).then_some(why))
    };
    let run = |why| {
        let project = Project::new(&single(why).url, &format!("{BLIND}{PEOPLE}"), CASE);
        project.file("others.yaml", OTHERS);
        project.run("--max-wait 10s")
    };
    assert_eq!(run("").reason("c"), "other-cause");
    assert_eq!(run("the session is unknown").reason("c"), "other-cause");
}

#[test]
fn another_reason_that_is_named_is_the_reason() {
    let revoked = server(3, |_| (), |_, _, end| over(end).then_some("the token was revoked"));
    run(&revoked, CASE).must(3, &[("c", "inconclusive: other-cause")]);
    let named = server(3, |_| (), |_, _, end| over(end).then_some("the token expired"));
    run(&named, CASE).must(0, &[("c", "proven")]);
}

/// After the end nobody is let in any more, with whatever token.
#[test]
fn a_fresh_token_has_to_be_allowed() {
    let first = Mutex::new(None);
    let broken = server(
        3,
        |_| (),
        move |_, _, end| {
            let first = *first.lock().unwrap().get_or_insert(end);
            over(first).then_some("")
        },
    );
    run(&broken, CASE).must(3, &[("c", "inconclusive: control-after")]);
}

/// The server's clock is a minute behind, and it says so: its tokens end a minute later than they seem to.
#[test]
fn a_server_with_another_clock() {
    const BEHIND: i64 = 60;
    let late = |says: bool| {
        let inner = server(3 - BEHIND, |_| (), |_, _, end| over(end + BEHIND).then_some(""));
        let url = inner.url.clone();
        drop(inner);
        (url, says)
    };
    let (url, _) = late(false);
    let asked = Project::new(&url, &format!("{BLIND}{PEOPLE}"), CASE).run("--max-wait 10s");
    // Nothing says that its clock is another, so a minute after the end it may still be a leeway.
    asked.must(3, &[("c", "inconclusive: no-bad-token")]);
    let told = Server::start({
        let books: Mutex<Vec<String>> = Mutex::default();
        move |r| {
            let mut books = books.lock().unwrap();
            let clock = jiff::Timestamp::from_second(now() - BEHIND).unwrap();
            let clock = clock.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            let reply: Reply = if r.is("POST /login") {
                let token = token(books.len(), now() - BEHIND + 3);
                books.push(token.clone());
                json(200, &json!({ "access_token": token }).to_string())
            } else {
                match end_of(r).filter(|end| now() - BEHIND < *end) {
                    Some(_) => json(200, "{}"),
                    None => unauthorized(""),
                }
            };
            reply.header("date", clock)
        }
    });
    run(&told, CASE).must(0, &[("c", "proven")]);
}

/// A token that nobody can read ends when its login says.
#[test]
fn an_opaque_token_ends_as_its_login_says() {
    let begun = Mutex::new(Vec::<(String, i64)>::new());
    let opaque = Server::start(move |r| {
        let mut given = begun.lock().unwrap();
        if r.is("POST /login") {
            let token = format!("opaque-token-number-{}", given.len());
            given.push((token.clone(), now() + 3));
            return json(200, &json!({ "access_token": token, "expires_in": 3 }).to_string());
        }
        match given.iter().find(|(token, _)| token == r.bearer()) {
            Some((_, end)) if !over(*end) => json(200, "{}"),
            _ => unauthorized(""),
        }
    });
    let scheme =
        BLIND.replace("{ access_token: $.access_token }", "{ access_token: $.access_token, expires_in: $.expires_in }");
    let project = Project::new(&opaque.url, &format!("{scheme}{PEOPLE}"), CASE);
    project.run("--max-wait 10s").must(0, &[("c", "proven")]);
    project.run("").must(3, &[("c", "inconclusive: not-applicable")]);
}

/// Nobody waits with it: neither the other defects of the same request nor other cases, few as the places are.
#[test]
fn what_waits_has_no_place() {
    let strict = server(4, |_| (), |_, _, end| over(end).then_some(""));
    let waiting: String = (0..9)
        .map(|n| {
            format!("  - {{ name: w{n}, as: alice, with: [token-expired, tok-garbage], request: GET /me?n={n} }}\n")
        })
        .collect();
    let suite = format!("cases:\n{waiting}  - {{ name: other, as: bob, request: GET /other, expect: 200 }}\n");
    let project = Project::new(&strict.url, &format!("{BLIND}{PEOPLE}"), &suite);
    let run = project.run("--max-wait 10s -j 2");
    assert_eq!(run.code, 0, "{}", run.said);
    let asked = strict.seen();
    let began = asked[0].at;
    let other = asked.iter().find(|r| r.path == "/other").unwrap();
    let later = other.at.saturating_sub(began);
    assert!(later.as_secs() < 2, "{later:?}");
    assert!(run.took.as_secs() < 12, "{:?}", run.took);
}

/// A pack of which nothing has a sense for what is sent shows nothing, and says so once.
#[test]
fn packs_of_which_no_row_applies_are_not_green() {
    let api = Api::default();
    let server = Server::start(move |r| api.answer(r));
    let run = |with: &str, arguments: &str| {
        let suite = format!("cases:\n  - {{ name: it, as: [alice, bob], with: {with}, request: GET /me }}\n");
        Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite).run(arguments)
    };
    let told = |run: &Run, verdict: &str| run.cases().iter().filter(|case| case["verdict"] == verdict).count();
    let idle = run("[pack.session, pack.expiry]", "");
    assert_eq!((idle.code, told(&idle, "inconclusive"), told(&idle, "passed")), (3, 2, 0), "{}", idle.said);
    let first = idle.cases().iter().find(|case| case["verdict"] == "inconclusive").unwrap();
    assert_eq!(first["reasons"][0]["code"], "nothing-applies");
    for words in ["`pack.session` and `pack.expiry`", "the field `authorization`", "cookie: NAME"] {
        assert!(idle.said.contains(words), "{words}: {}", idle.said);
    }
    // Rows that have no sense among others that have are skipped, whoever asks for which of them.
    let some = run("[pack.session, tok-garbage]", "");
    assert_eq!((some.code, told(&some, "inconclusive")), (0, 0), "{}", some.said);
    let one = run("[pack.session, pack.expiry]", "--id suite/it[as=alice,with=sess-none]");
    assert_eq!(told(&one, "inconclusive"), 0, "{}", one.said);
}
