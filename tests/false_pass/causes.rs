//! Servers that are right, and of which the wrong cause was named.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::runs::{COOKIES, PEOPLE, Project, Run, SCHEME};
use crate::server::{Reply, Request, Server, json, status};

/// Cookies of a request by their names.
fn cookie(r: &Request, name: &str) -> String {
    let pairs = r.header("cookie").split("; ").filter_map(|pair| pair.split_once('='));
    pairs.filter(|(own, _)| *own == name).map(|(_, value)| value.to_owned()).next().unwrap_or_default()
}

/// A site that sends whoever has no session to its login page.
#[derive(Default)]
struct Site {
    alive: Vec<String>,
    issued: usize,
}

impl Site {
    fn answer(&mut self, r: &Request, remembers: bool) -> Reply {
        let is_in = |site: &Self, name: &str| site.alive.contains(&cookie(r, name));
        match r.path.as_str() {
            "/login" => {
                self.issued += 1;
                let (sid, remember) = (format!("session-id-{}", self.issued), format!("remember-id-{}", self.issued));
                self.alive.push(sid.clone());
                let reply = json(200, "{}").header("set-cookie", format!("sid={sid}; Path=/"));
                if !remembers {
                    return reply;
                }
                self.alive.push(remember.clone());
                reply.header("set-cookie", format!("remember={remember}; Path=/"))
            }
            "/logout" => {
                self.alive.retain(|id| *id != cookie(r, "sid") && *id != cookie(r, "remember"));
                status(204)
            }
            _ if is_in(self, "sid") || is_in(self, "remember") => json(200, r#"{"account":"alice"}"#),
            _ => status(302).header("location", "/login?next=/me"),
        }
    }

    fn run(remembers: bool, suite: &str) -> Run {
        let site = Mutex::new(Self::default());
        let server = Server::start(move |r| site.lock().unwrap().answer(r, remembers));
        Project::new(&server.url, &format!("{COOKIES}    logout: {{ request: POST /logout }}\n{PEOPLE}"), suite).run("")
    }
}

/// A dead session is sent to the login page as anybody is: it does not work on. Whoever tells it by hand is told why that
/// is not what the suite declares.
#[test]
fn a_dead_session_that_is_answered_as_anonymous_is_declared_for_anonymous_alone() {
    let suite = |identity: &str, case: &str| {
        format!(
            "outcomes: {{ deny: {{ anonymous: {{ status: 302 }}{identity} }} }}
cases:
  - {{ name: it, as: alice, {case} }}
"
        )
    };
    let flow = "use: lifecycle.logout-replay, args: { probe: { request: GET /me, expect: 200 } }";
    Site::run(false, &suite("", flow)).must(0, &[("it", "proven")]);
    Site::run(false, &suite(", identity: 403", flow)).must(0, &[("it", "proven")]);
    let by_hand =
        "session: fresh, steps: [ { request: GET /me }, { request: logout }, { request: GET /me, expect: deny } ]";
    let run = Site::run(false, &suite("", by_hand));
    run.must(1, &[("it", "failed: check-failed")]);
    assert!(run.said.contains("refused-as-nobody") && run.said.contains("outcomes.deny.identity"), "{}", run.said);
    let run = Site::run(false, &suite(", identity: { status: 302 }", by_hand));
    assert_eq!(run.code, 0, "{}", run.said);
}

/// A cookie that remembers people lets in beside the session: that is nobody's way in.
#[test]
fn a_cookie_that_lets_in_beside_the_session_is_named() {
    let suite = |more: &str| {
        format!(
            "cases:\n  - {{ name: it, as: alice, with: [sess-none, sess-garbage, sess-bitflip], request: GET /me{more} }}\n"
        )
    };
    let run = Site::run(true, &suite(""));
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(run.said.contains("remember: none") && run.said.contains("another cookie"), "{}", run.said);
    assert!(!run.said.contains("nothing is protected") && !run.said.contains("anonymous is allowed"), "{}", run.said);
    let broken = Site::run(true, &suite(", cookies: { remember: none }"));
    assert_eq!(broken.code, 0, "that is what helps: {}", broken.said);
    assert_eq!(Site::run(false, &suite("")).code, 0);
}

/// A new login of a user ends the sessions before it.
#[test]
fn a_session_that_another_login_of_the_run_ended_is_told() {
    let run = |session: &str| {
        let newest: Mutex<HashMap<String, usize>> = Mutex::default();
        let server = Server::start(move |r| {
            let mut newest = newest.lock().unwrap();
            let (name, number) = r.bearer().split_once('-').unwrap_or_default();
            match r.path.as_str() {
                "/login" => {
                    let name = r.field("username");
                    let number = newest.entry(name.clone()).or_default();
                    *number += 1;
                    json(200, &format!(r#"{{"access_token":"{name}-{number}"}}"#))
                }
                _ if newest.get(name).is_some_and(|n| n.to_string() == number) => {
                    json(200, &format!(r#"{{"username":"{name}"}}"#))
                }
                _ => json(401, r#"{"error":"unauthorized"}"#),
            }
        });
        let suite = format!(
            "serial: true
cases:
  - {{ name: before, as: alice, request: GET /me }}
  - {{ name: one of its own, as: alice, session: {session}, request: GET /me }}
  - {{ name: after, as: alice, request: GET /me, expect: {{ status: 200, json: {{ $.username: alice }} }} }}
"
        );
        let scheme = SCHEME.split("    whoami").next().unwrap();
        Project::new(&server.url, &format!("{scheme}{PEOPLE}"), &suite).run("-j 1")
    };
    let told = run("fresh");
    assert!(told.code != 0 && told.said.contains("logged-in-again"), "{}", told.said);
    assert!(told.said.contains("session: exclusive"), "{}", told.said);
    assert_eq!(run("exclusive").code, 0, "that is what helps");
}

/// An API that wants the cookie of the login beside the token.
#[test]
fn cookies_of_a_login_that_stayed_behind_are_told() {
    let run = |keep: &str| {
        let server = Server::start(|r| match r.path.as_str() {
            "/login" => json(200, r#"{"access_token":"token-1"}"#).header("set-cookie", "sid=session-1; Path=/"),
            _ if r.bearer() == "token-1" && cookie(r, "sid") == "session-1" => json(200, r#"{"username":"alice"}"#),
            _ => status(401),
        });
        let scheme = SCHEME.replace("    send:", &format!("{keep}    send:"));
        let suite = "cases:\n  - { name: it, as: alice, request: GET /me }\n";
        Project::new(&server.url, &format!("{scheme}{PEOPLE}"), suite).run("")
    };
    let told = run("");
    assert!(told.code != 0 && told.said.contains("login-cookies-left"), "{}", told.said);
    assert!(told.said.contains("cookies: keep"), "{}", told.said);
    assert_eq!(run("    cookies: keep\n").code, 0, "that is what helps");
}

/// A site that gives a session another id with each answer; the ones before are good for ever, or no more.
fn renewing(keeps: bool, suite: &str) -> Run {
    let state: Mutex<(usize, HashMap<String, String>)> = Mutex::default();
    let server = Server::start(move |r| {
        let (issued, alive) = &mut *state.lock().unwrap();
        let sent = cookie(r, "sid");
        let known = if keeps { alive.get(&sent).cloned() } else { alive.remove(&sent) };
        let name = match r.path.as_str() {
            "/login" => Some(r.field("username")),
            "/never" => None,
            _ => known,
        };
        let Some(name) = name else { return status(401) };
        *issued += 1;
        let id = format!("session-id-{issued}");
        alive.insert(id.clone(), name.clone());
        json(200, &format!(r#"{{"username":"{name}"}}"#)).header("set-cookie", format!("sid={id}; Path=/"))
    });
    let whoami = "    whoami: { request: GET /me, expect: { json: { $.username: \"{{ identity.username }}\" } } }\n";
    Project::new(&server.url, &format!("{COOKIES}{whoami}{PEOPLE}"), suite).run("-j 1")
}

/// Each case begins with a copy of the session as its login left it: the first that sends it makes it old for all others.
#[test]
fn a_session_that_each_answer_renews_is_told() {
    let suite = |session: &str| {
        format!(
            "serial: true
cases:
  - {{ name: first, as: alice, session: {session}, request: GET /me }}
  - {{ name: second, as: alice, session: {session}, request: GET /me, expect: {{ status: 200, json: {{ $.username: alice }} }} }}
"
        )
    };
    let told = renewing(false, &suite("shared"));
    told.must(3, &[("first", "passed"), ("second", "inconclusive: session-disturbed")]);
    assert!(told.said.contains("session-renewed") && told.said.contains("session: fresh"), "{}", told.said);
    assert!(told.said.contains("`suite/first`") && told.said.contains("another `sid`"), "{}", told.said);
    renewing(false, &suite("fresh")).must(0, &[("first", "passed"), ("second", "passed")]);
    renewing(true, &suite("shared")).must(0, &[("first", "passed"), ("second", "passed")]);
}

/// Where the ids before are still good, or the case itself sends an old one, the refusal is what it looks like.
#[test]
fn a_refusal_beside_a_renewed_session_is_no_excuse() {
    let suite = "serial: true
cases:
  - { name: first, as: alice, request: GET /me }
  - { name: second, as: alice, request: GET /me }
  - { name: third, as: alice, request: GET /never, expect: 200 }
";
    let run = renewing(true, suite);
    run.must(1, &[("first", "passed"), ("second", "passed"), ("third", "failed: check-failed")]);
    assert!(!run.said.contains("session-renewed"), "{}", run.said);
    let own = "cases:
  - name: it
    as: alice
    steps:
      - { name: a, request: GET /me }
      - { name: b, request: GET /me }
      - { name: c, request: GET /me, credential: a, expect: 200 }
";
    renewing(false, own).must(1, &[("it", "failed: check-failed")]);
}

/// A server that ends the sessions of a user by each login, or by each logout.
fn ending(by_login: bool, holds: bool, suite: &str, arguments: &str) -> Run {
    let state: Mutex<(usize, HashMap<String, String>)> = Mutex::default();
    let server = Server::start(move |r| {
        if r.path == "/login" {
            let (issued, alive) = &mut *state.lock().unwrap();
            *issued += 1;
            let token = format!("token-number-{issued}");
            if by_login {
                alive.retain(|_, name| *name != r.field("username"));
            }
            alive.insert(token.clone(), r.field("username"));
            return json(200, &format!(r#"{{"access_token":"{token}"}}"#));
        }
        // The first one waits for the login that ends it.
        let issued = || state.lock().unwrap().0;
        for _ in 0..200 {
            if !holds || issued() > 1 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let (_, alive) = &mut *state.lock().unwrap();
        let Some(name) = alive.get(r.bearer()).cloned() else { return json(401, r#"{"error":"unauthorized"}"#) };
        if r.path == "/logout" {
            alive.retain(|_, other| *other != name);
            return status(204);
        }
        json(200, &format!(r#"{{"username":"{name}"}}"#))
    });
    Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run(arguments)
}

/// Two logins of one user at once: the later one ends the session of the first before its `whoami`.
#[test]
fn a_login_that_another_one_ended_is_no_matter_of_its_password() {
    let suite = "cases:
  - { name: one, as: alice, session: fresh, request: GET /me }
  - { name: two, as: alice, session: fresh, request: GET /me }
";
    let run = ending(true, true, suite, "-j 4");
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(run.said.contains("logged-in-again") && run.said.contains("session: exclusive"), "{}", run.said);
    assert!(!run.said.contains("accepted nowhere") && !run.said.contains("`password`"), "{}", run.said);
}

#[test]
fn a_logout_of_another_session_that_ended_this_one_is_told() {
    let suite = "serial: true
cases:
  - { name: before, as: alice, request: GET /me }
  - { name: another, as: alice, session: fresh, request: GET /me }
  - { name: meanwhile, as: alice, request: GET /me }
  - { name: out, as: alice, session: fresh, request: POST /logout, expect: 204 }
  - { name: after, as: alice, request: GET /me, expect: 200 }
";
    let run = ending(false, false, suite, "-j 1");
    assert_eq!((run.code, &*run.verdict("after")), (1, "failed"), "{}", run.said);
    assert!(run.said.contains("logged-out-meanwhile") && run.said.contains("`suite/out`"), "{}", run.said);
    assert!(!run.said.contains("logged-in-again"), "it outlived a login before: {}", run.said);
}
