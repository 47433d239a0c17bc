//! Refreshes and logouts with something changed, and changed logins that are refused otherwise than by 401: what else
//! than the change may have refused them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::runs::{Project, Run};
use crate::server::{Reply, Request, Server, json, status};

const SCHEME: &str = "
auth:
  app: { scheme: oauth2, token_url: /token, revoke_url: /revoke, grant: password, client: { id: app, secret: right-secret-1 } }
identities:
  ann: { auth: app, username: ann, password: right-ann }
  bob: { auth: app, username: bob, password: right-bob }
";

/// What somebody wants of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Want {
    Login,
    Refresh,
    Logout,
}

/// What has come.
#[derive(Debug, Clone)]
struct Asked {
    want: Want,
    /// Whose it is, as far as the right tokens and names say.
    person: String,
    /// How many of that kind were refused before.
    refused: usize,
}

#[derive(Default)]
struct State {
    made: usize,
    refused: HashMap<Want, usize>,
    /// Refresh tokens that were used.
    used: Vec<String>,
}

/// A server that is right but for what a rule says first: refresh tokens are good once, and a wrong client is a 401.
fn server(rule: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static) -> Server {
    let state: Mutex<State> = Mutex::default();
    Server::start(move |r: &Request| {
        let form: Vec<(String, String)> = url::form_urlencoded::parse(r.body.as_bytes()).into_owned().collect();
        let get = |name: &str| form.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str()).to_owned();
        let want = match (&*r.path, &*get("grant_type")) {
            ("/token", "refresh_token") => Want::Refresh,
            ("/token", _) => Want::Login,
            ("/revoke", _) => Want::Logout,
            _ => return status(if r.bearer().starts_with("token-") { 200 } else { 401 }),
        };
        let mut state = state.lock().unwrap();
        let token = get("refresh_token");
        let person = match want {
            Want::Login => get("username"),
            Want::Refresh => token.split('-').nth(1).unwrap_or_default().to_owned(),
            Want::Logout => get("token").split('-').nth(1).unwrap_or_default().to_owned(),
        };
        let asked = Asked { want, person, refused: state.refused.get(&want).copied().unwrap_or_default() };
        let reply = rule(&asked).unwrap_or_else(|| {
            // `app:right-secret-1`.
            let right = match want {
                _ if r.header("authorization") != "Basic YXBwOnJpZ2h0LXNlY3JldC0x" => {
                    return json(401, r#"{"error":"invalid_client"}"#);
                }
                Want::Logout => return status(200),
                Want::Login => get("password") == format!("right-{}", asked.person),
                Want::Refresh => token.starts_with("again-") && !state.used.contains(&token),
            };
            if !right {
                return json(400, r#"{"error":"invalid_grant"}"#);
            }
            state.used.push(token.clone());
            state.made += 1;
            let (who, number) = (&asked.person, state.made);
            json(
                200,
                &format!(
                    r#"{{"access_token":"token-{who}-{number}","token_type":"Bearer","refresh_token":"again-{who}-{number}"}}"#
                ),
            )
        });
        *state.refused.entry(want).or_default() += usize::from(reply.status >= 400);
        reply
    })
}

fn run(server: &Server, cases: &str, arguments: &str) -> Run {
    Project::new(&server.url, SCHEME, &format!("cases:\n{cases}")).run(arguments)
}

const REFRESH: &str = "  - { name: refresh, as: ann, session: fresh, request: refresh, vary: { refresh.refresh_token: made-up }, expect: 400 }\n";
const LOGOUT: &str = "  - { name: logout, as: ann, session: fresh, request: logout, vary: { revoke.client_secret: wrong }, expect: 401 }\n";
const LOGIN: &str = "  - { name: login, as: ann, request: login, vary: { token.password: wrong }, expect: 400 }\n";

fn refusal() -> Option<Reply> {
    Some(json(400, r#"{"error":"invalid_grant"}"#))
}

#[test]
fn a_good_server_proves_them_by_what_works_with_nothing_changed() {
    let server = server(|_| None);
    let run = run(&server, &format!("{REFRESH}{LOGOUT}{LOGIN}"), "--require-proof");
    run.must(0, &[("refresh", "proven"), ("logout", "proven"), ("login", "proven")]);
    // No refresh token is sent twice.
    let tokens: Vec<String> =
        server.seen().iter().filter(|r| r.body.contains("again-")).map(|r| r.body.clone()).collect();
    let refreshed = tokens.iter().filter(|body| body.contains("grant_type=refresh_token")).count();
    assert_eq!(refreshed, 1, "{tokens:?}");
}

/// Whatever is sent there is refused, and so the change proves nothing.
#[test]
fn an_endpoint_that_refuses_everything_proves_nothing() {
    for (want, cases, name) in [(Want::Refresh, REFRESH, "refresh"), (Want::Logout, LOGOUT, "logout")] {
        let server = server(move |asked| {
            (asked.want == want)
                .then(|| json(if want == Want::Refresh { 400 } else { 401 }, r#"{"error":"invalid_client"}"#))
        });
        let run = run(&server, cases, "");
        run.must(3, &[(name, "inconclusive: control-after")]);
        let told = run.report.to_string();
        assert!(
            told.contains("with nothing changed either") && told.contains(&format!("the {name} was refused")),
            "{told}"
        );
    }
}

/// It works until the first refusal: also what worked before shows nothing.
#[test]
fn an_endpoint_that_is_closed_by_the_first_change_proves_nothing() {
    let server = server(|asked| (asked.want == Want::Refresh && asked.refused > 0).then(refusal).flatten());
    let cases = "  - name: refresh
    as: ann
    session: fresh
    steps:
      - { request: refresh, expect: 200 }
      - { request: refresh, vary: { refresh.refresh_token: made-up }, expect: 400 }\n";
    run(&server, cases, "").must(3, &[("refresh", "inconclusive: control-after")]);
}

/// A changed refresh, and one as it is after it.
const ITS_OWN: &str = "  - name: refresh
    as: ann
    session: fresh
    steps:
      - { request: refresh, vary: { refresh.refresh_token: made-up }, expect: 400 }
      - { request: refresh, expect: 200 }\n";

/// What the case itself does afterwards is control enough.
#[test]
fn a_refresh_of_the_case_itself_is_control_enough() {
    let server = server(|_| None);
    run(&server, ITS_OWN, "").must(0, &[("refresh", "proven")]);
    assert_eq!(server.count("POST /token"), 3, "one login and two refreshes");
}

/// Somebody else's refresh works, and this one's never does.
#[test]
fn what_somebody_else_may_shows_nothing() {
    let server = server(|asked| {
        let hers = asked.want == Want::Refresh && (asked.person == "ann" || asked.refused == 0);
        hers.then(refusal).flatten()
    });
    let his = "  - { name: his, as: bob, session: fresh, request: refresh, expect: 200 }\n";
    run(&server, &format!("{REFRESH}{his}"), "-j 1")
        .must(3, &[("refresh", "inconclusive: control-after"), ("his", "passed")]);
}

/// Whoever is asked too often has looked at nothing.
#[test]
fn a_limit_refuses_no_changed_talk() {
    for (want, case, name) in
        [(Want::Login, LOGIN, "login"), (Want::Refresh, REFRESH, "refresh"), (Want::Logout, LOGOUT, "logout")]
    {
        for expect in ["deny", "400", "{ status: 401, json: { $.error: invalid_client } }"] {
            let before = Mutex::new(0);
            let server = server(move |asked| {
                let mut before = before.lock().unwrap();
                *before += usize::from(asked.want == want);
                // A login works before it is changed.
                let busy = asked.want == want && (want != Want::Login || *before == 2);
                busy.then(|| json(429, r#"{"error":"invalid_client"}"#))
            });
            let case = case.replace("expect: 400", &format!("expect: {expect}"));
            let case = case.replace("expect: 401", &format!("expect: {expect}"));
            run(&server, &case, "").must(3, &[(name, "inconclusive: asked-too-often")]);
        }
    }
}

/// A login that begins with a refresh token has no second one where the token rotates; a refresh of the one session has.
#[test]
fn a_token_that_is_good_once_is_not_blamed_on_the_change() {
    let scheme = "
auth:
  app: { scheme: oauth2, token_url: /token, grant: refresh_token, refresh_token: again-ann-0, client: { id: app, secret: right-secret-1 } }
identities:
  ann: { auth: app }
";
    let login = "  - { name: login, as: ann, request: login, vary: { token.scope: all }, expect: 400 }\n";
    let run = |server: &Server, case: &str| Project::new(&server.url, scheme, &format!("cases:\n{case}")).run("");
    run(&server(|_| None), ITS_OWN).must(0, &[("refresh", "proven")]);
    // A login begins with the newest token, so that the change is judged and nothing else: this server takes it.
    run(&server(|_| None), login).must(1, &[("login", "failed: check-failed")]);
    // Where the server gives none in its place, it is used up.
    let came = AtomicUsize::new(0);
    let server = server(move |_| match came.fetch_add(1, Ordering::SeqCst) {
        0 => Some(json(200, r#"{"access_token":"token-ann-1","token_type":"Bearer"}"#)),
        _ => refusal(),
    });
    let run = run(&server, login);
    run.must(3, &[("login", "inconclusive: control-after")]);
    assert!(run.report.to_string().contains("which may be good once"), "{}", run.report);
}

/// A 400 is how a token endpoint refuses: it wants its control as a 401 does.
#[test]
fn a_login_that_is_refused_by_400_needs_a_login_that_works() {
    let server = server(|asked| (asked.want == Want::Login && asked.refused > 0).then(refusal).flatten());
    run(&server, LOGIN, "").must(3, &[("login", "inconclusive: control-after")]);
}

/// What a logout ended is refused for that, whatever is changed in it.
#[test]
fn a_session_that_was_left_refuses_no_change() {
    for (vary, code, verdict) in [
        ("refresh.scope: all", 3, "inconclusive: other-cause"),
        // Another token than its own does not go with it.
        ("refresh.refresh_token: made-up", 0, "proven"),
    ] {
        let left = Mutex::new(false);
        let server = server(move |asked| {
            let mut left = left.lock().unwrap();
            match asked.want {
                Want::Refresh if *left => return refusal(),
                Want::Refresh => {}
                Want::Login => *left = false,
                Want::Logout => *left = true,
            }
            None
        });
        let case = format!(
            "  - name: refresh
    as: ann
    session: fresh
    steps:
      - {{ request: logout }}
      - {{ request: refresh, vary: {{ {vary} }}, expect: 400 }}\n"
        );
        run(&server, &case, "").must(code, &[("refresh", verdict)]);
    }
}

/// Locked for a while by the first wrong password, and nobody looks at the scope: what works when the lock is over shows
/// nothing about what was refused for it.
#[test]
fn a_lock_that_is_over_by_itself_proves_nothing() {
    for (locked, code, verdict) in
        [(Duration::from_secs(2), 3, "inconclusive: control-after"), (Duration::ZERO, 1, "failed: check-failed")]
    {
        let calls: Mutex<Vec<Instant>> = Mutex::default();
        let server = server(move |asked| {
            let mut calls = calls.lock().unwrap();
            let is_locked = calls.get(1).is_some_and(|first| first.elapsed() < locked);
            calls.extend((asked.want == Want::Login).then(Instant::now));
            if is_locked { refusal() } else { None }
        });
        let scope = "  - { name: scope, as: ann, request: login, vary: { token.scope: admin }, expect: 400 }\n";
        let later = "  - { name: later, as: ann, steps: [{ pause: 2500ms, request: login }] }\n";
        let run = run(&server, &format!("{LOGIN}{scope}{later}"), "-j 1");
        // Where there is no lock, the login straight after it proves the first one.
        let first = if code == 3 { verdict } else { "proven" };
        run.must(code, &[("login", first), ("scope", verdict), ("later", "passed")]);
        assert_eq!(run.report.to_string().contains("as if the account or the client were locked"), code == 3);
    }
}

/// So it is with a refresh and a logout: they are refused for the lock, which is over when the run ends.
#[test]
fn a_lock_hides_no_refresh_and_no_logout() {
    let revoke = LOGOUT.replace("wrong", "wrong-again");
    for (case, name) in [(REFRESH, "refresh"), (&*revoke, "logout")] {
        for (locked, code, verdict) in
            [(Duration::from_secs(2), 3, "inconclusive: control-after"), (Duration::ZERO, 0, "proven")]
        {
            let first: Mutex<Option<Instant>> = Mutex::default();
            // From the first refresh or logout on, which is the wrong one, nobody is let in for a while.
            let server = server(move |asked| {
                let mut first = first.lock().unwrap();
                let is_locked = first.is_some_and(|first| first.elapsed() < locked);
                if asked.want != Want::Login {
                    first.get_or_insert_with(Instant::now);
                }
                is_locked.then(refusal).flatten()
            });
            let later = "  - { name: later, as: ann, steps: [{ pause: 2500ms, request: login }] }\n";
            let run = run(&server, &format!("{case}{later}"), "-j 1");
            run.must(code, &[(name, verdict), ("later", "passed")]);
        }
    }
}

/// Whoever waits for the same login shares it: several refused ones of one identity at once need no login each.
#[test]
fn a_changed_login_costs_one_more_at_most() {
    let server = server(|_| None);
    let cases: String = (0..6).map(|n| LOGIN.replace("name: login", &format!("name: login {n}"))).collect();
    let run = run(&server, &cases, "--require-proof");
    let names: Vec<String> = (0..6).map(|n| format!("login {n}")).collect();
    run.must(0, &names.iter().map(|name| (&**name, "proven")).collect::<Vec<_>>());
    let logins = server.count("POST /token");
    assert!((8..=13).contains(&logins), "{logins}");
}
