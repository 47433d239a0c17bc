//! Flows of life cycles against servers as there are: credentials that end by themselves meanwhile, login pages that
//! need a browser of their own, and answers that tell nobody apart only as long as nobody looks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::api::{Api, unauthorized};
use crate::runs::{PEOPLE, Project, Run, SCHEME};
use crate::server::{Reply, Request, Server, html, json, status};

/// A login that says how long its token lives.
const ENDING: &str = r#"
auth:
  api:
    scheme: login
    login:
      request: POST /login
      json: { username: "{{ identity.username }}", password: "{{ identity.password }}" }
      capture: { access_token: $.access_token, expires_in: $.expires_in }
    logout: { request: POST /logout }
    send: { bearer: access_token }
"#;

/// Runs a logout that ends nothing and takes a while, where tokens live for two seconds; by then they may be dead.
fn leave(dies: bool, logout: u64) -> Run {
    let api = Api::living(Duration::from_secs(if dies { 2 } else { 60 }));
    let server = Server::start(move |r| match r.path.as_str() {
        "/login" => {
            let mut reply = api.answer(r);
            reply.body = reply.body.replacen('{', r#"{"expires_in":2,"#, 1);
            reply
        }
        "/logout" => status(204).after(logout),
        _ => api.answer(r),
    });
    let suite = "cases:\n  - { name: it, as: alice, use: lifecycle.logout-replay, args: { probe: GET /me } }\n";
    Project::new(&server.url, &format!("{ENDING}{PEOPLE}"), suite).run("")
}

#[test]
fn a_token_that_ended_by_itself_was_ended_by_no_logout() {
    leave(true, 2_300).must(3, &[("it", "inconclusive: premise")]);
    // One that is taken is not dead, whatever the clock says.
    leave(false, 2_300).must(1, &[("it", "failed: check-failed")]);
    leave(true, 0).must(1, &[("it", "failed: check-failed")]);
}

/// What steps that a flow is given say of the session is the session's of whoever gave them, also where they are sent
/// as nobody.
#[test]
fn a_probe_may_name_what_is_of_the_session() {
    for (open, verdict) in [(false, "proven"), (true, "inconclusive")] {
        let api = Api::default();
        let server = Server::start(move |r| match r.path.as_str() {
            "/people/alice" if open => json(200, "{}"),
            "/people/alice" => api.known(r, |_| json(200, "{}")),
            "/logout" => {
                api.forget();
                status(204)
            }
            _ => api.answer(r),
        });
        let scheme = SCHEME.replace("$.access_token }", "$.access_token, who: \"{{ identity.username }}\" }");
        let scheme = format!("{scheme}    logout: {{ request: POST /logout }}\n{PEOPLE}");
        let suite = r#"
cases:
  - { name: it, as: alice, use: lifecycle.logout-replay, args: { probe: "GET /people/{{ session.who }}" } }
"#;
        let run = Project::new(&server.url, &scheme, suite).run("");
        assert_eq!(run.verdict("it"), verdict, "{}", run.said);
    }
}

/// A login page for browsers: its form needs the cookie that came with it, and whoever is logged in is sent away from it.
struct Site {
    visits: AtomicUsize,
    guesses: AtomicUsize,
    /// After how many guesses nobody is let in.
    limit: usize,
    /// What is said to a user who is there, and to one who is not.
    says: [&'static str; 2],
}

impl Site {
    const fn new(limit: usize, says: [&'static str; 2]) -> Self {
        Self { visits: AtomicUsize::new(0), guesses: AtomicUsize::new(0), limit, says }
    }

    fn page(&self, says: &str) -> Reply {
        let token = self.visits.fetch_add(1, Ordering::SeqCst);
        let form = format!(
            "<p class=note>{says}</p><form method=post><input type=hidden name=csrf value=t{token}>\
             <input name=user><input type=password name=pw></form>"
        );
        html(200, &form).header("set-cookie", format!("csrf=t{token}; Path=/"))
    }

    fn answer(&self, r: &Request) -> Reply {
        let cookies = r.header("cookie").to_owned();
        let there = r.body.contains("user=ann");
        match r.method.as_str() {
            _ if cookies.contains("sid=") => status(302).header("location", "/home"),
            "GET" => self.page("Welcome."),
            _ if !cookies.split("; ").any(|c| c.starts_with("csrf=t") && r.body.contains(c)) => status(403),
            _ if self.guesses.load(Ordering::SeqCst) >= self.limit => self.page("Too many."),
            _ if r.body.contains("pw=right") && there => {
                status(302).header("location", "/home").header("set-cookie", "sid=1; Path=/")
            }
            _ => {
                self.guesses.fetch_add(1, Ordering::SeqCst);
                self.page(self.says[usize::from(!there)])
            }
        }
    }

    fn run(self, uses: &str) -> Run {
        let server = Server::start(move |r| self.answer(r));
        let suite = format!(
            r#"
flows:
  sign in:
    args: {{ user: ann, password: wrong }}
    steps:
      - {{ request: GET /login }}
      - {{ submit: {{ fields: {{ user: "{{{{ user }}}}", pw: "{{{{ password }}}}" }} }} }}
cases:
  - name: it
    use: {uses}
"#
        );
        Project::new(&server.url, "", &suite).run("")
    }
}

const LOGINS: &str = "
    args:
      right: { as: anonymous, use: sign in, args: { password: right } }
      known: { as: anonymous, use: sign in }
      unknown: { as: anonymous, use: sign in, args: { user: nobody } }";

#[test]
fn a_login_page_is_asked_each_time_in_another_browser() {
    let alike = || Site::new(99, ["Wrong.", "Wrong."]);
    for what in ["status", "body", "headers", "time"] {
        let run = alike().run(&format!("lifecycle.user-enumeration-by-{what}{LOGINS}"));
        assert_eq!((run.code, &*run.verdict("it")), (0, "passed"), "{what}: {}", run.said);
    }
}

/// What tells by a header field or by the name of a cookie is told; an id of the request is not.
#[test]
fn a_field_that_says_who_is_there_is_told() {
    let run = |known: [&'static str; 2], unknown: [&'static str; 2]| {
        let asked = AtomicUsize::new(0);
        let server = Server::start(move |r| {
            let number = asked.fetch_add(1, Ordering::SeqCst);
            if r.field("password") == "right" {
                return json(200, "{}");
            }
            let [name, value] = if r.field("username") == "ann" { known } else { unknown };
            let reply = unauthorized("wrong").header("x-request-id", number.to_string());
            if name.is_empty() { reply } else { reply.header(name, format!("{value}{number}")) }
        });
        let login = |user: &str, password: &str| {
            format!("{{ request: POST /login, json: {{ username: {user}, password: {password} }} }}")
        };
        let (right, known, unknown) = (login("ann", "right"), login("ann", "a-guess"), login("zoe", "a-guess"));
        let suite = format!(
            "cases:\n  - name: it\n    use: lifecycle.user-enumeration-by-headers\n    args:\n      right: {right}\n      \
             known: {known}\n      unknown: {unknown}\n"
        );
        Project::new(&server.url, "", &suite).run("")
    };
    let nothing = ["", ""];
    for alike in [nothing, ["x-left", "4"], ["set-cookie", "visit="]] {
        run(alike, alike).must(0, &[("it", "proven")]);
    }
    for (known, unknown, told) in [
        (["x-left", "4"], nothing, "the header field x-left: only there"),
        (nothing, ["x-hint", "join"], "the header field x-hint: only here"),
        (["set-cookie", "seen="], ["set-cookie", "new="], "the cookie `seen`: only there"),
    ] {
        let run = run(known, unknown);
        run.must(1, &[("it", "failed: check-failed")]);
        assert!(run.said.contains(told), "{}", run.said);
    }
}

/// Its tokens make every page another one: what it shows tells all the same.
#[test]
fn a_page_that_says_who_is_there_is_told() {
    let run =
        Site::new(99, ["Wrong password.", "No such user."]).run(&format!("lifecycle.user-enumeration-by-body{LOGINS}"));
    run.must(1, &[("it", "failed: check-failed")]);
    assert!(run.said.contains("what the page shows"), "{}", run.said);
}

#[test]
fn guesses_on_a_login_page_come_to_an_end_or_not() {
    let guess = |refused: &str| {
        format!(
            "lifecycle.wrong-password-n-times-then-right
    args:
      refused: {refused}
      wrong: {{ as: anonymous, use: sign in, repeat: {{ times: 5 }} }}
      right: {{ as: anonymous, use: sign in, args: {{ password: right }} }}"
        )
    };
    let site = |limit| Site::new(limit, ["Wrong.", "Wrong."]);
    site(5).run(&guess("[200, 429]")).must(0, &[("it", "passed")]);
    site(99).run(&guess("[200, 429]")).must(1, &[("it", "failed: check-failed")]);
    // Whoever takes the answer of a good login for a refusal learns nothing.
    for limit in [5, 99] {
        site(limit).run(&guess("[200, 302]")).must(3, &[("it", "inconclusive: premise")]);
    }
}

/// Two steps of one flow are one visit; two flows are two, and so are steps that say so themselves.
#[test]
fn anonymous_has_an_empty_browser_for_each_visit() {
    let server =
        Server::start(
            |r| {
                if r.path == "/a" { status(200).header("set-cookie", "seen=1") } else { unauthorized("new") }
            },
        );
    let suite = "
flows:
  visit: { steps: [ { request: GET /a }, { request: GET /b, expect: 401 } ] }
  visit anew: { steps: [ { as: anonymous, request: GET /a }, { as: anonymous, request: GET /c, expect: 401 } ] }
cases:
  - { name: it, as: anonymous, steps: [ { use: visit }, { use: visit anew }, { request: GET /a }, { request: GET /d, expect: 401 } ] }
";
    Project::new(&server.url, "", suite).run("");
    let cookies: Vec<String> =
        server.seen().iter().filter(|r| r.path != "/a").map(|r| format!("{} {}", r.path, r.header("cookie"))).collect();
    let twice = server.seen().iter().filter(|r| r.path == "/a").any(|r| !r.header("cookie").is_empty());
    assert!(!twice, "each visit begins without a cookie");
    assert_eq!(cookies[..3], ["/b seen=1", "/c ", "/d "].map(str::to_owned));
}
