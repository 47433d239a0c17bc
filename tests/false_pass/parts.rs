//! Servers that end a part of a session when somebody logs out: each thing that opens the door alone has to be dead.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::runs::{PEOPLE, Project, Run};
use crate::server::{Reply, Request, Server, json, status};

/// What a session consists of.
const THINGS: [&str; 4] = ["token", "sid", "remember", "refresh"];

/// Knows sessions by several things, and ends some of them.
struct Site {
    /// What is alive, with its kind.
    alive: Mutex<HashMap<String, &'static str>>,
    logins: Mutex<usize>,
    /// What a logout leaves alive.
    leaves: &'static str,
    /// What opens the door alone; all others only beside the first of it.
    opens: &'static [&'static str],
}

impl Site {
    fn new(leaves: &'static str, opens: &'static [&'static str]) -> Self {
        Self { alive: Mutex::default(), logins: Mutex::default(), leaves, opens }
    }

    fn log_in(&self) -> Reply {
        let number = {
            let mut logins = self.logins.lock().unwrap();
            *logins += 1;
            *logins
        };
        let thing = |kind: &str| format!("{kind}-of-login-{number}");
        self.alive.lock().unwrap().extend(THINGS.map(|kind| (thing(kind), kind)));
        let body = format!(r#"{{"access_token":"{}","refresh_token":"{}"}}"#, thing("token"), thing("refresh"));
        json(200, &body)
            .header("set-cookie", format!("sid={}; Path=/; HttpOnly", thing("sid")))
            .header("set-cookie", format!("remember={}; Path=/", thing("remember")))
    }

    /// What a request carries of a session.
    fn brought(r: &Request) -> Vec<String> {
        let cookies = r.header("cookie").split("; ").filter_map(|pair| pair.split_once('='));
        std::iter::once(r.bearer().to_owned()).chain(cookies.map(|(_, value)| value.to_owned())).collect()
    }

    fn answer(&self, r: &Request) -> Reply {
        let mut alive = self.alive.lock().unwrap();
        match r.path.as_str() {
            "/login" => {
                drop(alive);
                self.log_in()
            }
            "/me" => {
                let brought = Self::brought(r);
                let is_in = brought.iter().any(|thing| alive.get(thing).is_some_and(|kind| self.opens.contains(kind)));
                if is_in { json(200, "{}") } else { status(401) }
            }
            "/logout" | "/end" => {
                let brought = Self::brought(r);
                let login = brought.iter().find(|thing| alive.contains_key(*thing));
                let number = login.and_then(|thing| thing.rsplit('-').next()).unwrap_or_default().to_owned();
                alive.retain(|thing, kind| *kind == self.leaves || thing.rsplit('-').next() != Some(&number));
                status(204)
            }
            // The others end.
            "/password" => {
                let brought = Self::brought(r);
                let own = brought.iter().find(|thing| alive.contains_key(*thing));
                let number = own.and_then(|thing| thing.rsplit('-').next()).unwrap_or_default().to_owned();
                alive.retain(|thing, kind| *kind == self.leaves || thing.rsplit('-').next() == Some(&number));
                status(204)
            }
            "/refresh" if alive.remove(&r.field("refresh_token")).is_some() => {
                drop(alive);
                self.log_in()
            }
            "/refresh" => json(400, r#"{"error":"invalid_grant"}"#),
            _ => status(404),
        }
    }

    fn run(self, send: &str, more: &str) -> Run {
        let server = Server::start(move |r| self.answer(r));
        let suite = SUITE.replace("GET /me", &format!("GET /me{more}"));
        Project::new(&server.url, &scheme(send), &suite).run("")
    }
}

const SUITE: &str = "cases:\n  - { name: it, as: alice, use: lifecycle.logout-replay, args: { probe: GET /me } }\n";

fn scheme(send: &str) -> String {
    format!(
        r#"
auth:
  api:
    scheme: login
    login:
      request: POST /login
      json: {{ username: "{{{{ identity.username }}}}", password: "{{{{ identity.password }}}}" }}
      capture: {{ access_token: $.access_token, refresh_token: $.refresh_token }}
    logout: {{ request: POST /logout }}
    {send}
{PEOPLE}"#
    )
}

/// Both travel with every request.
const BESIDE: &str = "send: { bearer: access_token }\n    cookies: keep";
/// The cookies of the login stay behind.
const TOKEN: &str = "send: { bearer: access_token }";
/// Nothing but cookies.
const COOKIES: &str = "";
const REFRESH: &str = r#"send: { bearer: access_token }
    refresh:
      request: POST /refresh
      json: { refresh_token: "{{ session.refresh_token }}" }
      capture: { access_token: $.access_token, refresh_token: $.refresh_token }"#;

const ALL: &[&str] = &["token", "sid", "remember"];

#[test]
fn a_logout_that_ends_everything_passes() {
    for send in [BESIDE, TOKEN, COOKIES, REFRESH] {
        let run = Site::new("nothing", ALL).run(send, "");
        assert_eq!((run.code, &*run.verdict("it")), (0, "proven"), "{send}: {}", run.said);
    }
}

/// What lives on, and how the session travels.
#[test]
fn whatever_lives_on_alone_is_told() {
    let told = [
        ("token", BESIDE, "without its cookies"),
        ("sid", BESIDE, "with nothing but the cookie `sid`"),
        ("sid", TOKEN, "with nothing but the cookie `sid` of its login"),
        ("remember", TOKEN, "with nothing but the cookie `remember` of its login"),
    ];
    for (leaves, send, how) in told {
        // Where the dead one is looked at first, only what lives on alone shows it.
        let site = Strict(Site::new(leaves, ALL));
        let run = site.run(send);
        run.must(1, &[("it", "failed: check-failed")]);
        assert!(run.said.contains(how), "{leaves} of {send}: {}", run.said);
    }
    let run = Strict(Site::new("remember", ALL)).run(COOKIES);
    run.must(1, &[("it", "failed: check-failed")]);
    assert!(run.said.contains("the cookie `remember`"), "{}", run.said);
}

/// Refuses whatever carries something dead, as a server that looks at the first thing it finds.
struct Strict(Site);

impl Strict {
    fn run(self, send: &str) -> Run {
        self.run_suite(send, SUITE)
    }

    fn run_suite(self, send: &str, suite: &str) -> Run {
        let Self(site) = self;
        let scheme = scheme(send);
        let server = Server::start(move |r| {
            let brought = Site::brought(r);
            let is_dead = |thing: &String| !thing.is_empty() && !site.alive.lock().unwrap().contains_key(thing);
            if r.path == "/me" && brought.iter().any(is_dead) { status(401) } else { site.answer(r) }
        });
        Project::new(&server.url, &scheme, suite).run("")
    }
}

const REVOKE: &str =
    "cases:\n  - { name: it, as: alice, use: lifecycle.revoke-replay, args: { probe: GET /me, revoke: POST /end } }\n";
const CHANGE: &str = "
cases:
  - name: it
    as: alice
    session: exclusive
    use: lifecycle.password-change-ends-other-sessions
    args: { probe: GET /me, change: { request: POST /password, expect: 204 }, again: login }
";

/// The same is asked after a revocation, and of the other sessions after a new password.
#[test]
fn whatever_lives_on_alone_is_told_wherever_a_session_ends() {
    for suite in [REVOKE, CHANGE] {
        for (leaves, send, how) in [
            ("sid", BESIDE, "with nothing but the cookie `sid`"),
            ("remember", TOKEN, "with nothing but the cookie `remember` of its login"),
        ] {
            let run = Strict(Site::new(leaves, ALL)).run_suite(send, suite);
            run.must(1, &[("it", "failed: check-failed")]);
            assert!(run.said.contains(how), "{leaves} of {send}: {}", run.said);
        }
        for send in [BESIDE, TOKEN, COOKIES, REFRESH] {
            let run = Strict(Site::new("nothing", ALL)).run_suite(send, suite);
            assert_eq!((run.code, &*run.verdict("it")), (0, "proven"), "{send}: {}", run.said);
        }
    }
    // Who revokes a token stays logged in where the service says so.
    let run =
        Strict(Site::new("remember", ALL)).run_suite(TOKEN, &REVOKE.replace("probe", "keeps_cookies: true, probe"));
    assert_eq!(run.verdict("it"), "proven", "{}", run.said);
    let kept = || Strict(Site::new("refresh", ALL));
    let run = kept().run_suite(REFRESH, CHANGE);
    run.must(1, &[("it", "failed: check-failed")]);
    assert!(run.said.contains("the refresh token of the first session"), "{}", run.said);
    let run = kept().run_suite(REFRESH, &CHANGE.replace("probe", "keeps_refresh: true, probe"));
    assert_eq!(run.verdict("it"), "proven", "{}", run.said);
}

#[test]
fn a_refresh_token_that_lives_on_is_told() {
    let run = Site::new("refresh", ALL).run(REFRESH, "");
    run.must(1, &[("it", "failed: check-failed")]);
    assert!(run.said.contains("the refresh token of before the logout"), "{}", run.said);
    // Where that is documented it is no fault.
    let run = Site::new("refresh", ALL).run(REFRESH, ", keeps_refresh: true");
    assert_eq!(run.verdict("it"), "proven", "{}", run.said);
}

/// What opens nothing alone need not be dead: a cookie for a language lives on.
#[test]
fn what_opens_nothing_may_live_on() {
    for send in [BESIDE, TOKEN] {
        let run = Site::new("remember", &["token"]).run(send, "");
        assert_eq!((run.code, &*run.verdict("it")), (0, "proven"), "{send}: {}", run.said);
    }
}

/// A server that answers nothing to a thing alone leaves open whether it opens the door.
#[test]
fn a_limit_while_things_are_tried_leaves_it_open() {
    let site = Site::new("sid", ALL);
    let server = Server::start(move |r| {
        let is_lone = r.bearer().is_empty() && !r.header("cookie").is_empty();
        if r.path == "/me" && is_lone { status(429) } else { site.answer(r) }
    });
    let run = Project::new(&server.url, &scheme(TOKEN), SUITE).run("");
    run.must(3, &[("it", "inconclusive: premise")]);
}
