//! Login pages that answer by what the browser brings along, and not by the password; and ones that tell who is there by
//! where they send people.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::runs::{Project, Run};
use crate::server::{Reply, Request, Server, json, status};

/// A login that answers whoever has a session in a way of its own, and locks after some guesses.
struct Site {
    guesses: AtomicUsize,
    limit: usize,
    /// How somebody is answered who is in already.
    inside: u16,
}

impl Site {
    fn answer(&self, r: &Request) -> Reply {
        match r.field("password").as_str() {
            _ if r.header("cookie").contains("sid=") => status(self.inside),
            _ if self.guesses.load(Ordering::SeqCst) >= self.limit => status(429),
            "right" => json(200, "{}").header("set-cookie", "sid=1; Path=/"),
            _ => {
                self.guesses.fetch_add(1, Ordering::SeqCst);
                status(401)
            }
        }
    }

    fn run(inside: u16, limit: usize, uses: &str) -> Run {
        let site = Self { guesses: AtomicUsize::new(0), limit, inside };
        let server = Server::start(move |r| site.answer(r));
        let suite = format!("{LOGINS}cases:\n  - name: it\n    use: {uses}\n");
        Project::new(&server.url, "", &suite).run("")
    }
}

const LOGINS: &str = r#"
flows:
  log in:
    args: { user: ann, password: wrong }
    steps: [ { request: POST /login, json: { user: "{{ user }}", password: "{{ password }}" } } ]
"#;

/// Whoever is logged in already is refused for that alone, with a CSRF error or as somebody who is in: no guess is.
#[test]
fn the_session_of_the_first_login_takes_no_part_in_guesses() {
    let guess = "lifecycle.wrong-password-n-times-then-right
    args:
      wrong: { use: log in, repeat: { times: 5 } }
      right: { use: log in, args: { password: right } }";
    for inside in [403, 400] {
        Site::run(inside, 99, guess).must(1, &[("it", "failed: check-failed")]);
        Site::run(inside, 5, guess).must(0, &[("it", "proven")]);
    }
}

/// Whoever has guessed before is known by a cookie and refused for that; whoever throws it away gets in by the second guess.
#[test]
fn rounds_are_not_told_apart_by_what_an_earlier_one_was_given() {
    let server = || {
        let guesses = AtomicUsize::new(0);
        Server::start(move |r| match r.header("cookie") {
            "" if guesses.fetch_add(1, Ordering::SeqCst) > 0 => json(200, "{}"),
            _ => status(401).header("set-cookie", "guessed=1; Path=/"),
        })
    };
    let case = |step: &str| {
        format!("{LOGINS}cases:\n  - {{ name: it, as: anonymous, {step}, repeat: {{ times: 3 }}, expect: 401 }}\n")
    };
    for step in ["request: POST /login, json: { user: ann }", "use: log in"] {
        Project::new(&server().url, "", &case(step)).run("").must(1, &[("it", "failed: check-failed")]);
    }
    // Nobody by name keeps what the case was given.
    let visit = case("use: log in").replace(", as: anonymous", "");
    Project::new(&server().url, "", &visit).run("").must(0, &[("it", "unproven: unproven")]);
}

/// And none in what a refusal tells.
#[test]
fn the_session_of_the_first_login_takes_no_part_in_what_is_told() {
    for what in ["status", "body"] {
        let tell = format!(
            "lifecycle.user-enumeration-by-{what}
    args:
      right: {{ use: log in, args: {{ password: right }} }}
      known: {{ use: log in }}
      unknown: {{ use: log in, args: {{ user: nobody }} }}"
        );
        Site::run(403, 99, &tell).must(0, &[("it", "proven")]);
    }
}

/// Asks whether a login tells who is there by the body that `says` makes for whether somebody is.
fn bodies(says: impl Fn(bool, usize) -> String + Send + Sync + 'static, what: &str, ignore: &str) -> Run {
    let visits = AtomicUsize::new(0);
    let server = Server::start(move |r| {
        let number = visits.fetch_add(1, Ordering::SeqCst);
        match r.field("password").as_str() {
            "right" => json(200, "{}"),
            _ => json(401, &says(r.body.contains("ann"), number)),
        }
    });
    let suite = format!(
        "{LOGINS}cases:
  - name: it
    use: lifecycle.user-enumeration-by-{what}
    args:
      right: {{ use: log in, args: {{ password: right }} }}
      known: {{ use: log in }}
      unknown: {{ use: log in, args: {{ user: nobody }} }}
{ignore}"
    );
    Project::new(&server.url, "", &suite).run("")
}

/// What an attacker sees beside a time and the id of a request.
#[test]
fn a_body_tells_who_is_there_beside_what_is_made_anew() {
    let stamp =
        |n: usize| format!(r#""timestamp":"2026-11-27T09:{:02}:{:02}Z","traceId":"{:016x}""#, n / 60, n, n * 7_919);
    let is_red = |run: Run| run.must(1, &[("it", "failed: check-failed")]);
    for what in ["body", "headers"] {
        let is_same = move |_: bool, n: usize| format!(r#"{{{},"error":"Unauthorized"}}"#, stamp(n));
        bodies(is_same, what, "").must(0, &[("it", "proven")]);
        let words = move |there: bool, n: usize| {
            format!(r#"{{{},"error":"{}"}}"#, stamp(n), if there { "Wrong password" } else { "No such user" })
        };
        is_red(bodies(words, what, ""));
        let blanks = |there: bool, _: usize| if there { r#"{"error":"no"}"# } else { r#"{"error":  "no"}"# }.to_owned();
        is_red(bodies(blanks, what, ""));
    }
    let order = |there: bool, _: usize| if there { r#"{"a":1,"b":2}"# } else { r#"{"b":2,"a":1}"# }.to_owned();
    is_red(bodies(order, "body", ""));
    // What was sent may be repeated.
    let echo = |there: bool, _: usize| format!(r#"{{"error":"not {}"}}"#, if there { "ann" } else { "nobody" });
    bodies(echo, "body", "").must(0, &[("it", "proven")]);
    // Words that change by themselves are left out by hand, and hide nothing else.
    let tip = |n: usize| ["be careful", "stay safe", "call us", "try again later"][n % 4];
    let tipped = move |_: bool, n: usize| format!(r#"{{"error":"no","tip":"{}"}}"#, tip(n));
    bodies(tipped, "body", "").must(3, &[("it", "inconclusive: premise")]);
    let ignore = "      ignore: [$.tip]\n";
    bodies(tipped, "body", ignore).must(0, &[("it", "proven")]);
    let told = move |there: bool, n: usize| format!(r#"{{"error":"{there}","tip":"{}"}}"#, tip(n));
    is_red(bodies(told, "body", ignore));
}

/// Few values that come by turns, such as the names of servers, may agree twice by chance.
#[test]
fn a_difference_that_does_not_come_each_time_is_not_told() {
    for what in ["body", "headers"] {
        // Of the right login, of the same user twice, of nobody; then both sides once more.
        let by_turns = |turns: [usize; 8]| {
            let says =
                move |_: bool, n: usize| format!(r#"{{"error":"no","server":"node-{}"}}"#, "x".repeat(turns[n % 8]));
            bodies(says, what, "")
        };
        by_turns([0, 0, 0, 1, 0, 0, 0, 0]).must(3, &[("it", "inconclusive: premise")]);
        by_turns([0, 0, 0, 1, 1, 1, 0, 0]).must(3, &[("it", "inconclusive: premise")]);
    }
    // A lock that comes meanwhile takes nothing back.
    let visits = AtomicUsize::new(0);
    let server = Server::start(move |r| match r.field("password").as_str() {
        "right" => json(200, "{}"),
        _ if visits.fetch_add(1, Ordering::SeqCst) > 2 => status(429),
        _ => json(
            401,
            &format!(r#"{{"error":"{}"}}"#, if r.body.contains("ann") { "Wrong password" } else { "No such user" }),
        ),
    });
    let suite = format!(
        "{LOGINS}cases:
  - name: it
    use: lifecycle.user-enumeration-by-body
    args:
      right: {{ use: log in, args: {{ password: right }} }}
      known: {{ use: log in }}
      unknown: {{ use: log in, args: {{ user: nobody }} }}
"
    );
    Project::new(&server.url, "", &suite).run("").must(1, &[("it", "failed: check-failed")]);
}

/// Asks whether a login by a form tells who is there, by a redirect to where `place` says for whether somebody is.
fn redirects(place: impl Fn(bool, usize) -> String + Send + Sync + Clone + 'static, what: &str) -> Run {
    let visits = AtomicUsize::new(0);
    let server = Server::start(move |r| {
        let number = visits.fetch_add(1, Ordering::SeqCst);
        let to = if r.body.contains("right") { "/home".to_owned() } else { place(r.body.contains("ann"), number) };
        status(303).header("location", to)
    });
    let suite = format!(
        r#"
flows:
  log in:
    args: {{ user: ann@example.com, password: wrong }}
    steps: [ {{ request: POST /login, form: {{ user: "{{{{ user }}}}", password: "{{{{ password }}}}" }} }} ]
cases:
  - name: it
    use: lifecycle.user-enumeration-by-{what}
    args:
      right: {{ use: log in, args: {{ password: right }} }}
      known: {{ use: log in }}
      unknown: {{ use: log in, args: {{ user: nobody@example.com }} }}
"#
    );
    Project::new(&server.url, "", &suite).run("")
}

#[test]
fn a_redirect_that_says_who_is_there_is_told() {
    for what in ["status", "body"] {
        let error =
            |there: bool, _: usize| format!("/login?error={}", if there { "bad-password" } else { "no-such-user" });
        redirects(error, what).must(1, &[("it", "failed: check-failed")]);
        let numbered = |there: bool, _: usize| {
            format!("/login?error={}", if there { "AUTH_WRONG_PASSWORD_401" } else { "AUTH_USER_NOT_FOUND_404" })
        };
        redirects(numbered, what).must(1, &[("it", "failed: check-failed")]);
        // What is made anew each time hides nothing.
        let with_state = move |there: bool, n: usize| format!("{}&state=0f3c{n:016x}", error(there, n));
        redirects(with_state, what).must(1, &[("it", "failed: check-failed")]);
        let other_page = |there: bool, _: usize| if there { "/login" } else { "/register" }.to_owned();
        redirects(other_page, what).must(1, &[("it", "failed: check-failed")]);
        // A word that was sent may be a word that tells.
        let field = |there: bool, _: usize| format!("/login?wrong={}", if there { "password" } else { "user" });
        redirects(field, what).must(1, &[("it", "failed: check-failed")]);
    }
}

#[test]
fn a_redirect_that_repeats_what_was_sent_tells_nothing() {
    for what in ["status", "body"] {
        let same = |_: bool, _: usize| "/login?error".to_owned();
        redirects(same, what).must(0, &[("it", "proven")]);
        let state = |_: bool, n: usize| format!("/login?flow=0f3c{n:016x}&error=1");
        redirects(state, what).must(0, &[("it", "proven")]);
        let echo =
            |there: bool, _: usize| format!("/login?user={}%40example.com", if there { "ann" } else { "nobody" });
        redirects(echo, what).must(0, &[("it", "proven")]);
        let path = |there: bool, _: usize| format!("/login/{}%40example.com", if there { "ann" } else { "nobody" });
        redirects(path, what).must(0, &[("it", "proven")]);
        // Where even the same user is sent elsewhere each time, nothing can be told.
        let odd = |_: bool, n: usize| format!("/login/{n}");
        redirects(odd, what).must(3, &[("it", "inconclusive: premise")]);
    }
}

/// A login of an interface that answers all with 200 and tells by the body; it locks after some guesses.
fn softly(limit: usize) -> Server {
    let guesses = AtomicUsize::new(0);
    Server::start(move |r| {
        let me = r.path == "/me" && r.bearer() == "right-token-1234";
        match (r.field("user").as_str(), r.field("password").as_str()) {
            _ if me => json(200, r#"{"user":"ann"}"#),
            _ if r.path == "/me" => json(200, r#"{"error":"who are you?"}"#),
            _ if guesses.load(Ordering::SeqCst) >= limit => json(200, r#"{"error":"try again later"}"#),
            ("ann", "right") => json(200, r#"{"token":"right-token-1234"}"#),
            _ => {
                guesses.fetch_add(1, Ordering::SeqCst);
                json(200, r#"{"error":"wrong user or password"}"#)
            }
        }
    })
}

const SOFT: &str = r#"
auth:
  api:
    scheme: login
    login:
      request: POST /login
      json: { user: "{{ identity.username }}", password: "{{ identity.password }}" }
      expect: { json: { $.token: { exists: true } } }
      capture: { token: $.token }
    send: { bearer: token }
    whoami: { request: GET /me, expect: { json: { $.user: ann } } }
identities:
  ann: { auth: api, username: ann, password: right }
  guess: { auth: api, username: ann, password: wrong }
"#;

const DENIED: &str = "outcomes: { deny: { anonymous: { status: 200, json: { $.error: { exists: true } } } } }\n";

/// By what `outcomes` calls a refusal, or by the word of the scheme that does the login.
#[test]
fn guesses_that_are_refused_by_a_body_are_refused() {
    let by_outcomes =
        ("{ use: log in, repeat: { times: 5 } }", "{ use: log in, args: { password: right } }", DENIED, "proven");
    let by_scheme =
        ("{ as: guess, request: login, repeat: { times: 5 } }", "{ as: ann, request: login }", "", "passed");
    for (wrong, right, outcomes, held) in [by_outcomes, by_scheme] {
        let run = |limit, limited: bool| {
            let suite = format!(
                "{LOGINS}cases:
  - name: it
    use: lifecycle.wrong-password-n-times-then-right
    args: {{ wrong: {wrong}, right: {right}, limited: {limited} }}
"
            );
            Project::new(&softly(limit).url, &format!("{SOFT}{outcomes}"), &suite).run("")
        };
        run(5, true).must(0, &[("it", held)]);
        run(99, true).must(1, &[("it", "failed: check-failed")]);
        run(99, false).must(0, &[("it", held)]);
        run(5, false).must(1, &[("it", "failed: check-failed")]);
        // Nobody was let in to begin with.
        run(0, true).must(3, &[("it", "inconclusive: premise")]);
    }
}

/// A right login that is refused by a body shows that there is nobody to tell of.
#[test]
fn a_right_login_that_is_refused_by_a_body_is_no_premise() {
    let suite = |what: &str| {
        format!(
            "{LOGINS}cases:
  - name: it
    use: lifecycle.user-enumeration-by-{what}
    args:
      right: {{ use: log in, args: {{ password: right }} }}
      known: {{ use: log in }}
      unknown: {{ use: log in, args: {{ user: nobody }} }}
"
        )
    };
    for what in ["status", "body", "headers"] {
        let run = |limit| Project::new(&softly(limit).url, &format!("{SOFT}{DENIED}"), &suite(what)).run("");
        run(99).must(0, &[("it", "proven")]);
        run(0).must(3, &[("it", "inconclusive: premise")]);
    }
}
