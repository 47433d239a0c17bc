//! Refusals by status alone whose answer has what is guarded in another form than whoever is allowed gets it.

use crate::api::Api;
use crate::runs::{PEOPLE, Project, SCHEME};
use crate::server::{Reply, Request, Server, html, json};

const USERS: &str =
    r#"{"users":[{"name":"alice","age":12345},{"name":"bob","age":23456},{"name":"root","age":34567}]}"#;

/// Only root may see the users and read the note; how everybody else is answered is told by a closure.
fn guarded(refuse: impl Fn(&Request, &str) -> Reply + Send + Sync + 'static) -> Server {
    let api = Api::default();
    Server::start(move |r| match (&*r.path, api.user(r)) {
        ("/users", Ok(user)) if user == "root" => json(200, USERS),
        ("/notes/n12345", Ok(user)) if user == "root" => {
            json(200, r#"{"id":"n12345","owner":"root","title":"The merger will be told on Monday"}"#)
        }
        ("/users" | "/notes/n12345", user) => refuse(r, &user.unwrap_or_default()),
        _ => api.answer(r),
    })
}

const SUITE: &str = r"
cases:
  - { name: bad token, as: root, with: tok-garbage, request: GET PATH }
  - { name: bob is refused, as: bob, request: GET PATH, expect: deny }
  - { name: root is not, as: root, request: GET PATH, expect: 200 }
access:
  columns: [anonymous, bob, root]
  rows:
    it: { request: GET PATH, expect: { root: 200 } }
";

const LEAKS: &str = "failed: refused-with-data";

#[track_caller]
fn must(server: &Server, path: &str, code: i32, [bad, said]: [&str; 2]) {
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &SUITE.replace("PATH", path)).run("");
    let refused = ["bob is refused", "it [as=anonymous]", "it [as=bob]"].map(|name| (name, said));
    let others = [("bad token", bad), ("root is not", "passed"), ("it [as=root]", "passed")];
    run.must(code, &refused.into_iter().chain(others).collect::<Vec<_>>());
}

const fn status(user: &str) -> u16 {
    if user.is_empty() { 401 } else { 403 }
}

#[test]
fn what_is_guarded_is_found_in_another_form() {
    let forms: [fn(u16) -> Reply; 5] = [
        |status| json(status, USERS.trim_start_matches("{\"users\":").trim_end_matches('}')),
        |status| json(status, &USERS.replace("]}", "],\"count\":3}")),
        |status| json(status, r#"{"error":"forbidden","first":{"age":12345,"name":"alice"}}"#),
        |status| json(status, &serde_json::json!({ "error": format!("forbidden: {USERS}") }).to_string()),
        |status| html(status, "<h1>No</h1><ul><li>alice: 12345</li><li>root: 34567</li></ul>"),
    ];
    for form in forms {
        must(&guarded(move |_, user| form(status(user))), "/users", 1, [LEAKS; 2]);
    }
    let sentence = r#"{"error":"you may not read \"The merger will be told on Monday\""}"#;
    let server = guarded(move |_, user| json(status(user), sentence));
    // One sentence alone may stand in every answer, where whoever sends nothing reads it as well.
    must(&server, "/notes/n12345", 1, ["proven", LEAKS]);
}

/// What was asked for, and who asks, is no secret.
#[test]
fn an_honest_refusal_may_name_what_it_refuses() {
    let problem = |r: &Request, user: &str| {
        let body = serde_json::json!({
            "type": "about:blank", "title": "Forbidden", "status": status(user), "instance": r.path, "user": user,
            "detail": format!("{user} may not ask for {}, which is for root", r.path), "note": "n12345",
        });
        json(status(user), &body.to_string()).header("content-type", "application/problem+json")
    };
    for path in ["/users", "/notes/n12345"] {
        must(&guarded(problem), path, 0, ["proven"; 2]);
    }
    let you = |_: &Request, user: &str| json(status(user), r#"{"error":"no","you":{"name":"bob","may":["read"]}}"#);
    must(&guarded(you), "/users", 0, ["proven"; 2]);
}
