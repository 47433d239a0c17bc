//! A refresh token is good once, and a server that sees one twice takes it for stolen and ends the whole family (RFC 9700,
//! section 4.14.2). Whatever is cut off, times out or is tried again: we are never the thief.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::runs::{PEOPLE, Project, REFRESHING, Run};
use crate::server::{Reply, Request, Server, json, status};

const OAUTH: &str = r"
auth:
  api:
    scheme: oauth2
    token_url: /token
    grant: password
    client: { id: app }
";

/// Logins and refreshes of both kinds; every third access token is the first that lives, so that two refreshes are due.
#[derive(Default)]
struct Family {
    issued: usize,
    /// How often each refresh token came.
    came: HashMap<String, usize>,
}

/// What becomes of an answer to a refresh, by how many there were before.
type Fate = fn(usize, Reply) -> Reply;

struct Rotating {
    server: Server,
    family: Arc<Mutex<Family>>,
}

impl Rotating {
    fn start(fate: Fate) -> Self {
        let family: Arc<Mutex<Family>> = Arc::default();
        let known = Arc::clone(&family);
        let server = Server::start(move |r| answer(&known, r, fate));
        Self { server, family }
    }

    /// No refresh token came twice, and some came at all.
    #[track_caller]
    fn was_never_robbed(&self, run: &Run) {
        let family = self.family.lock().unwrap();
        assert!(!family.came.is_empty(), "nothing was refreshed: {}", run.said);
        assert!(family.came.values().all(|times| *times == 1), "{:?}\n{}", family.came, run.said);
    }
}

fn answer(family: &Mutex<Family>, r: &Request, fate: Fate) -> Reply {
    let form = |name: &str| {
        let found =
            url::form_urlencoded::parse(r.body.as_bytes()).find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
        found.unwrap_or_else(|| r.field(name))
    };
    match &*r.path {
        "/login" | "/token" | "/refresh" => {
            let (n, before) = {
                let mut family = family.lock().unwrap();
                family.issued += 1;
                (family.issued, family.came.len())
            };
            let body =
                format!(r#"{{"access_token":"access-{n}","refresh_token":"refresh-{n}","token_type":"bearer"}}"#);
            let (token, reply) = (form("refresh_token"), json(200, &body));
            if token.is_empty() {
                return reply;
            }
            *family.lock().unwrap().came.entry(token.clone()).or_default() += 1;
            let reply = fate(before, reply);
            if reply.status == 429 {
                // It was put off and not looked at, so it may come again, and has to.
                family.lock().unwrap().came.insert(token, 0);
            }
            reply
        }
        // Only what the third answer gave is alive.
        "/me" if matches!(r.bearer(), "access-1" | "access-2") => json(401, r#"{"error":"token expired"}"#)
            .header("www-authenticate", r#"Bearer error_description="expired""#),
        _ => json(200, r#"{"username":"alice"}"#),
    }
}

fn cases(many: usize, more: &str) -> String {
    let case = |i| format!("  - {{ name: c{i}, as: alice, request: GET /me, expect: 200{more} }}\n");
    format!("cases:\n{}", (0..many).map(case).collect::<String>())
}

/// Both kinds of refresh, with the same suite against the same server.
fn of_both(fate: Fate, suite: &str, arguments: &str, check: fn(&Rotating, &Run)) {
    for scheme in [REFRESHING, OAUTH] {
        let rotating = Rotating::start(fate);
        let run = Project::new(&rotating.server.url, &format!("{scheme}{PEOPLE}"), suite).run(arguments);
        rotating.was_never_robbed(&run);
        check(&rotating, &run);
    }
}

/// The cases give up long before the refresh that they wait for is answered.
#[test]
fn waiters_that_time_out() {
    let suite = cases(40, ", timeout: 100ms");
    of_both(|_, reply| reply.after(400), &suite, "--jobs 40 --retry 2", |_, _| ());
}

/// The first failure ends the run while others wait for a refresh.
#[test]
fn a_run_that_is_broken_off() {
    let suite = cases(20, "") + "  - { name: red, request: GET /open, expect: 418 }\n";
    of_both(|_, reply| reply.after(300), &suite, "--jobs 40 --fail-fast", |_, _| ());
    of_both(
        |_, reply| reply.after(1500),
        &cases(20, ""),
        "--jobs 40 --deadline 1s",
        |_, run| {
            assert!(run.took < Duration::from_secs(20), "{}", run.said);
        },
    );
}

/// The refresh itself is never answered in time: nobody knows whether the server rotated.
#[test]
fn a_refresh_that_times_out() {
    of_both(
        |_, reply| reply.after(3000),
        &cases(10, ""),
        "--jobs 10 --timeout 500ms --retry 2",
        |_, run| {
            assert_eq!(run.code, 0, "{}", run.said);
            assert!(run.said.contains("the refresh of `alice` was not answered"), "{}", run.said);
        },
    );
}

/// The server rotated, and hangs up: it is not asked again on the chance that it did not. Whoever can log in does so, and
/// is told of it.
#[test]
fn an_answer_that_is_lost() {
    let lost: Fate = |_, _| std::panic::resume_unwind(Box::new(()));
    of_both(lost, &cases(10, ""), "--jobs 10 --retry 2", |_, run| {
        assert_eq!(run.code, 0, "{}", run.said);
        assert!(run.said.contains("the refresh of `alice` was not answered"), "{}", run.said);
    });
}

/// An error in between says nothing about the token either, whenever it is to be asked again.
#[test]
fn a_refresh_that_fails() {
    let told: fn(&Rotating, &Run) = |_, run| {
        assert_eq!(run.code, 0, "{}", run.said);
        assert!(run.said.contains("the refresh of `alice` was answered 503"), "{}", run.said);
    };
    of_both(|_, _| status(503), &cases(10, ""), "--jobs 10 --retry 2", told);
    of_both(|_, _| status(503).header("retry-after", "1"), &cases(10, ""), "--jobs 10", told);
    let put_off: Fate = |n, reply| if n == 0 { status(429).header("retry-after", "1") } else { reply };
    let rotating = Rotating::start(put_off);
    let run = Project::new(&rotating.server.url, &format!("{OAUTH}{PEOPLE}"), &cases(10, "")).run("--jobs 10");
    assert_eq!(run.code, 0, "{}", run.said);
    rotating.was_never_robbed(&run);
}

/// Whoever logs in by a refresh token alone has nothing else to log in with: the one cause is told.
#[test]
fn a_refresh_that_fails_of_who_has_nothing_else() {
    let rotating = Rotating::start(|before, reply| if before == 0 { reply } else { status(503) });
    let scheme = "
auth:
  api: { scheme: oauth2, token_url: /token, grant: refresh_token, refresh_token: first-of-all, client: { id: app } }
identities:
  alice: { auth: api }
";
    let run = Project::new(&rotating.server.url, scheme, &cases(10, "")).run("--jobs 10 --retry 2");
    rotating.was_never_robbed(&run);
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(run.said.contains("could not refresh the session: the server answered 503"), "{}", run.said);
}

/// A login endpoint that cannot answer for now is asked again when it wants to be.
#[test]
fn a_login_that_is_put_off_by_503() {
    for (scheme, path) in [(REFRESHING, "/login"), (OAUTH, "/token")] {
        let came = AtomicUsize::new(0);
        let server = Server::start(move |r| match &*r.path {
            "/me" => json(200, r#"{"username":"alice"}"#),
            _ if came.fetch_add(1, Ordering::SeqCst) == 0 => status(503).header("retry-after", "1"),
            _ => json(200, r#"{"access_token":"access-1","refresh_token":"refresh-1","token_type":"bearer"}"#),
        });
        let run = Project::new(&server.url, &format!("{scheme}{PEOPLE}"), &cases(3, "")).run("");
        assert_eq!((run.code, server.count(&format!("POST {path}"))), (0, 2), "{}", run.said);
    }
}

/// Steps of one's own that refresh are refused: what they were sent with is over, and whoever can log in does so.
#[test]
fn a_refresh_that_is_refused() {
    let refused = |status_: u16| {
        let fate: Fate = if status_ == 401 { |_, _| status(401) } else { |_, _| status(400) };
        let rotating = Rotating::start(fate);
        let project = format!("{REFRESHING}{PEOPLE}");
        let run = Project::new(&rotating.server.url, &project, &cases(10, "")).run("--jobs 10");
        rotating.was_never_robbed(&run);
        (run.code, rotating.server.count("POST /login"))
    };
    assert_eq!(refused(401), (0, 2));
    assert_eq!(refused(400), (3, 1), "that may be about anything");
}

/// Requests that are sent again with a renewed session wait for their turn: until then that may have ended, too.
#[test]
fn a_session_that_ends_before_it_is_their_turn() {
    let made: Mutex<Vec<Instant>> = Mutex::default();
    let server = Server::start(move |r| {
        if r.path == "/token" {
            let mut made = made.lock().unwrap();
            made.push(Instant::now());
            let n = made.len();
            return json(
                200,
                &format!(r#"{{"access_token":"t-{n}","refresh_token":"r-{n}","token_type":"bearer","expires_in":3}}"#),
            );
        }
        let n: usize = r.bearer().trim_start_matches("t-").parse().unwrap_or_default();
        // The first is over at once, whatever its answer said.
        let lives = n > 1 && made.lock().unwrap()[n - 1].elapsed() <= Duration::from_secs(3);
        let reply = if lives { json(200, "{}") } else { json(401, r#"{"error":"token expired"}"#) };
        reply.after(750)
    });
    let run = Project::new(&server.url, &format!("{OAUTH}{PEOPLE}"), &cases(8, "")).run("--jobs 2");
    assert_eq!(run.code, 0, "{}", run.said);
}

/// A suite that refreshes by hand: each round has what the one before was given.
#[test]
fn rounds_of_a_refresh_by_hand() {
    let suite = |more: &str| {
        format!(
            "cases:\n  - name: by hand\n    as: alice\n    session: fresh\n    steps:\n      - {{ request: refresh, {more} }}\n"
        )
    };
    of_both(
        |_, reply| reply,
        &suite("repeat: { times: 3 }"),
        "",
        |rotating, run| {
            assert_eq!((run.code, rotating.family.lock().unwrap().came.len()), (0, 3), "{}", run.said);
        },
    );
    of_both(
        |_, _| std::panic::resume_unwind(Box::new(())),
        &suite("retry: { attempts: 3, every: 10ms }"),
        "--retry 2",
        |_, _| (),
    );
    of_both(|_, _| status(503), &suite("retry: { attempts: 3, every: 10ms }"), "--retry 2", |_, _| ());
}
