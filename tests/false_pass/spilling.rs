//! Refusals by status alone whose answer has what is guarded in another form than whoever is allowed gets it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json as object};

use crate::api::{Api, unauthorized};
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
        |status| json(status, &object!({ "error": format!("forbidden: {USERS}") }).to_string()),
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
        let body = object!({
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

/// Twenty employees, whom root alone may see.
fn staff() -> Value {
    let cities = ["Köln", "Münster", "Zürich", "Łódź"];
    let one = |i: usize| object!({ "id": 4000 + i, "email": mail(i), "salary": salary(i), "city": cities[i % 4] });
    object!({ "employees": (0..20).map(one).collect::<Vec<_>>() })
}

fn mail(i: usize) -> String {
    format!("person{i}@acme.example")
}

const fn salary(i: usize) -> usize {
    41000 + 137 * i
}

/// The same for the employees; what is refused elsewhere is told by a closure as well.
fn employer(refuse: impl Fn(&Request, &str) -> Reply + Send + Sync + 'static) -> Server {
    let api = Api::default();
    Server::start(move |r| match (&*r.path, api.user(r)) {
        ("/staff", Ok(user)) if user == "root" => reply(200, &staff()),
        ("/staff", user) => refuse(r, &user.unwrap_or_default()),
        ("/admin", Ok(user)) if user == "bob" => refuse(r, &user),
        _ => api.answer(r),
    })
}

fn reply(status: u16, body: &Value) -> Reply {
    json(status, &body.to_string())
}

fn twenty<T>(of: impl Fn(usize) -> T) -> Vec<T> {
    (0..20).map(of).collect()
}

const STAFF: &str = r"
cases:
  - { name: bob is refused, as: bob, request: GET /staff, expect: deny }
  - { name: bob is no admin, as: bob, request: GET /admin, expect: 403 }
access:
  columns: [anonymous, root]
  rows:
    it: { request: GET /staff, expect: { root: 200 } }
    GET /admin: { root: 200 }
";

#[track_caller]
fn must_staff(server: &Server, code: i32, bob: &str) {
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), STAFF).run("");
    run.must(
        code,
        &[
            ("bob is refused", bob),
            ("bob is no admin", "proven"),
            ("it [as=anonymous]", "proven"),
            ("it [as=root]", "passed"),
            ("GET /admin [as=anonymous]", "proven"),
            ("GET /admin [as=root]", "passed"),
        ],
    );
}

/// To bob, for what he may not see; everybody else and everything else is refused as it should be.
fn to_bob(body: Value) -> impl Fn(&Request, &str) -> Reply {
    move |r, user| match (&*r.path, user) {
        ("/staff", "bob") => reply(403, &body),
        _ => json(status(user), r#"{"error":"denied"}"#),
    }
}

#[test]
fn columns_of_the_guarded_list_are_found() {
    let grouped = |i: usize| format!("{},{:03}", salary(i) / 1000, salary(i) % 1000);
    let by_mail: serde_json::Map<String, Value> = (0..20).map(|i| (mail(i), object!(salary(i)))).collect();
    for leaking in [
        object!({ "error": "denied", "x": twenty(mail) }),
        object!(by_mail),
        object!({ "error": "denied", "x": twenty(salary) }),
        object!({ "error": "denied", "ids": twenty(|i| 4000 + i) }),
        object!({ "error": "denied", "ids": twenty(|i| object!({ "id": (4000 + i).to_string() })) }),
        object!({ "error": "denied", "x": twenty(grouped).join(",") }),
        object!({ "error": "denied: person3@acme.example" }),
        object!({ "error": "denied", "x": [mail(0), mail(1), mail(2)] }),
        object!({ "error": "Traceback: [{'id': 4003, 'email': 'person3@acme.example', 'salary': 41411, 'city': 'Łódź'}" }),
    ] {
        must_staff(&employer(to_bob(leaking)), 1, LEAKS);
    }
    let references: String = twenty(mail).join(" ").chars().map(|c| format!("&#{};", u32::from(c))).collect();
    let page = employer(move |r, user| match (&*r.path, user) {
        ("/staff", "bob") => html(403, &format!("<p>{references}</p>")),
        _ => json(status(user), r#"{"error":"denied"}"#),
    });
    must_staff(&page, 1, LEAKS);
}

/// Whom to ask, who asks, what was asked for, and small numbers.
#[test]
fn an_honest_refusal_may_tell_little() {
    for honest in [
        object!({ "error": "forbidden", "user": "bob", "id": 4711, "role": "user", "needs": ["admin", "auditor"] }),
        object!({ "error": "forbidden", "you": { "name": "bob", "email": "person7@acme.example" } }),
        object!({ "error": "bob@acme.example may not see the staff; ask support@acme.example" }),
        object!({ "error": "forbidden", "limit": 4003, "remaining": 41137, "at": "2026-11-27T10:00:00Z", "in": "Köln" }),
    ] {
        must_staff(&employer(to_bob(honest)), 0, "proven");
    }
    // An address that stands in the refusals of what is none of it guards nothing.
    let contact = r#"{"error":"denied; write to person3@acme.example"}"#;
    must_staff(&employer(move |_, user| json(status(user), contact)), 0, "proven");
}

#[test]
fn what_is_guarded_is_found_in_an_encoding() {
    let record = r#"{"id":"n12345","owner":"root","title":"The merger","text":"on Monday"}"#;
    let encoded: String = record.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let base64 = "eyJpZCI6Im4xMjM0NSIsIm93bmVyIjoicm9vdCIsInRpdGxlIjoiVGhlIG1lcmdlciIsInRleHQiOiJvbiBNb25kYXkifQ==";
    let hex: String = record.bytes().map(|byte| format!("{byte:02x}")).collect();
    let note = move |refuse: Box<dyn Fn() -> Reply + Send + Sync>| {
        let api = Api::default();
        Server::start(move |r| match (&*r.path, api.user(r)) {
            ("/notes/n12345", Ok(user)) if user == "root" => json(200, record),
            ("/notes/n12345", _) => refuse(),
            _ => api.answer(r),
        })
    };
    let denied = || json(403, r#"{"error":"denied"}"#);
    // UTF-16, low byte first.
    let wide: String = format!(r#"{{"error":"no","was":{record}}}"#).chars().flat_map(|c| [c, '\0']).collect();
    let (field, cookie) = (record.to_owned(), format!("st={encoded}; Path=/"));
    let bodies = [encoded, base64.to_owned(), hex].map(|text| object!({ "error": "denied", "context": text }));
    let mut refusals: Vec<Box<dyn Fn() -> Reply + Send + Sync>> = vec![
        Box::new(move || denied().header("x-debug", &field)),
        Box::new(move || denied().header("set-cookie", &cookie)),
        Box::new(move || {
            crate::server::status(403).header("content-type", "application/json; charset=utf-16le").body(&wide)
        }),
    ];
    for body in bodies {
        refusals.push(Box::new(move || reply(403, &body)));
    }
    let suite =
        "access:\n  columns: [bob, root]\n  rows:\n    it: { request: GET /notes/n12345, expect: { root: 200 } }\n";
    for refuse in refusals {
        let server = note(refuse);
        let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
        run.must(1, &[("it [as=bob]", LEAKS), ("it [as=root]", "passed")]);
    }
    // What every answer has in its head guards nothing.
    let api = Api::default();
    let server = Server::start(move |r| {
        let answer = match (&*r.path, api.user(r)) {
            ("/notes/n12345", Ok(user)) if user == "root" => json(200, r#"{"region":"eu-central","node":"blue-1234"}"#),
            ("/notes/n12345", _) => json(403, r#"{"error":"denied"}"#),
            _ => api.answer(r),
        };
        answer.header("x-region", "eu-central").header("x-node", "blue-1234")
    });
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
    run.must(0, &[("it [as=bob]", "proven"), ("it [as=root]", "passed")]);
}

/// Who may is answered without a body, and yet somebody was shown what there is.
#[test]
fn a_refused_change_that_shows_the_thing_is_found() {
    let serve = |status: u16, shows: bool| {
        let (api, notes) = (Api::default(), Mutex::new(BTreeMap::new()));
        Server::start(move |r| {
            let Some(rest) = r.path.strip_prefix("/notes") else { return api.answer(r) };
            let user = match api.user(r) {
                Ok(user) => user,
                Err(why) => return unauthorized(why),
            };
            let mut notes = notes.lock().unwrap();
            let id = rest.trim_start_matches('/').to_owned();
            if r.method == "POST" {
                let id = format!("n{:05}", notes.len() + 70001);
                let note = object!({ "id": id, "title": r.field("title"), "text": r.field("text"), "owner": user });
                notes.insert(id, note.clone());
                return reply(201, &note);
            }
            match notes.get(&id).cloned() {
                Some(note) if note["owner"] == user && r.method == "GET" => reply(200, &note),
                Some(note) if note["owner"] == user => {
                    notes.remove(&id);
                    crate::server::status(204).header("x-was", note["id"].as_str().unwrap())
                }
                Some(note) if shows => reply(status, &object!({ "error": "no", "context": note })),
                _ => json(status, r#"{"error":"no"}"#),
            }
        })
    };
    let row = |looks: &str, who: &str| {
        format!(
            r"
access:
  columns: [bob, alice]
  rows:
    delete:
      request: DELETE /notes/{{{{ note }}}}
      given: {{ as: alice, request: POST /notes, json: {{ title: Draft, text: hello there }}, capture: {{ note: $.id }} }}
      {looks}
      expect: {{ alice: 204, bob: {who} }}
"
        )
    };
    let looks = "unchanged: { as: alice, request: \"GET /notes/{{ note }}\", expect: 200 }";
    for (looks, said) in [(looks, LEAKS), ("", LEAKS)] {
        let run = Project::new(&serve(404, true).url, &format!("{SCHEME}{PEOPLE}"), &row(looks, "404")).run("");
        run.must(1, &[("delete [as=bob]", said), ("delete [as=alice]", "passed")]);
    }
    let run = Project::new(&serve(404, false).url, &format!("{SCHEME}{PEOPLE}"), &row(looks, "404")).run("");
    run.must(0, &[("delete [as=bob]", "proven"), ("delete [as=alice]", "passed")]);
    // Whoever may not change a note may be allowed to read it.
    let run = Project::new(&serve(403, true).url, &format!("{SCHEME}{PEOPLE}"), &row(looks, "403")).run("");
    run.must(0, &[("delete [as=bob]", "proven"), ("delete [as=alice]", "passed")]);
}
