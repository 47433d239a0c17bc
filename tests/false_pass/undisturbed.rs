//! Rows whose `unchanged` never holds, beside servers that do what they refuse.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::api::Api;
use crate::runs::{PEOPLE, Project, Run, SCHEME};
use crate::server::{Server, json, status};

/// Notes with titles, which root alone may change; `lies` says whether it is done whoever asks.
fn notes(lies: bool) -> Server {
    let (api, notes) = (Api::default(), Mutex::new(HashMap::<String, String>::new()));
    Server::start(move |r| {
        if r.path != "/notes" && !r.path.starts_with("/notes/") {
            return api.answer(r);
        }
        let mut notes = notes.lock().unwrap();
        let title = r.field("title");
        let user = api.user(r).unwrap_or_default();
        match (&*r.method, &*user) {
            ("POST", "root") => {
                let id = format!("n{}", notes.len());
                notes.insert(format!("/notes/{id}"), title);
                json(201, &format!(r#"{{"id":"{id}"}}"#))
            }
            ("GET", "root") => match notes.get(&r.path) {
                Some(title) => json(200, &format!(r#"{{"title":"{title}"}}"#)),
                None => json(404, r#"{"error":"not found"}"#),
            },
            ("PUT", user) => {
                if user == "root" || lies {
                    notes.insert(r.path.clone(), title);
                }
                match user {
                    "root" => status(204),
                    "" => json(401, r#"{"error":"who"}"#).header("www-authenticate", "Bearer"),
                    _ => json(403, r#"{"error":"forbidden"}"#),
                }
            }
            _ => json(403, r#"{"error":"forbidden"}"#),
        }
    })
}

const GIVEN: &str = "given: [{ as: root, request: POST /notes, json: { title: mine }, capture: { note: $.id } }]";
const SETUP: &str = "setup: [{ as: root, request: POST /notes, json: { title: mine }, capture: { note: $.id } }]\n";

fn run(server: &Server, (setup, given): (&str, &str), unchanged: &str) -> Run {
    let suite = format!(
        "{setup}access:
  columns: [anonymous, bob, root]
  rows:
    put:
      request: PUT /notes/{{{{ note }}}}
      json: {{ title: other }}
      {given}
      unchanged: {{ as: root, request: \"GET {unchanged}/{{{{ note }}}}\", expect: {{ status: 200, json: {{ $.title: mine }} }} }}
      expect: {{ root: 204 }}\n"
    );
    Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite).run("")
}

#[test]
fn what_never_holds_accuses_nobody() {
    let (amiss, root) = ("inconclusive: unchanged-amiss", ("put [as=root]", "passed"));
    for ground in [("", GIVEN), (SETUP, "")] {
        run(&notes(false), ground, "/note").must(3, &[("put [as=anonymous]", amiss), ("put [as=bob]", amiss), root]);
        run(&notes(false), ground, "/notes")
            .must(0, &[("put [as=anonymous]", "proven"), ("put [as=bob]", "proven"), root]);
    }
}

#[test]
fn what_was_done_is_found_also_where_it_stays_so() {
    let changed = "failed: changed";
    for ground in [("", GIVEN), (SETUP, "")] {
        let root = ("put [as=root]", "passed");
        run(&notes(true), ground, "/notes")
            .must(1, &[("put [as=anonymous]", changed), ("put [as=bob]", changed), root]);
    }
}
