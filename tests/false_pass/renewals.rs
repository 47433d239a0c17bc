//! A login that begins with a refresh token which is configured: the first of a run uses it up, and a server that sees it
//! again takes it for stolen.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use crate::api::unauthorized;
use crate::runs::Project;
use crate::server::{Reply, Request, Server, json, status};

const PEOPLE: &str = "
auth:
  base: { scheme: oauth2, token_url: /token, grant: refresh_token, refresh_token: given-0, client: { id: app } }
identities:
  ann: { auth: base }
  ann-again: { auth: base }
";

/// A family of tokens that ends when one comes twice.
#[derive(Default)]
struct Family {
    used: HashSet<String>,
    is_over: bool,
}

impl Family {
    fn answer(&mut self, r: &Request) -> Reply {
        if r.path != "/token" {
            let token = r.bearer();
            return if self.is_over || token.is_empty() { unauthorized("over") } else { json(200, "{}") };
        }
        let form: Vec<(String, String)> = url::form_urlencoded::parse(r.body.as_bytes()).into_owned().collect();
        let token = form.iter().find(|(name, _)| name == "refresh_token").map(|(_, token)| token.clone());
        let Some(token) = token.filter(|token| token.starts_with("given-")) else { return status(400) };
        self.is_over |= !self.used.insert(token);
        if self.is_over {
            return json(400, r#"{"error":"invalid_grant"}"#);
        }
        let number = self.used.len();
        json(200, &format!(r#"{{"access_token":"a{number}","token_type":"Bearer","refresh_token":"given-{number}"}}"#))
    }
}

#[test]
fn each_login_begins_with_the_newest_token() {
    for jobs in ["-j 1", "-j 8"] {
        let family = Arc::new(Mutex::new(Family::default()));
        let known = Arc::clone(&family);
        let server = Server::start(move |r| known.lock().unwrap().answer(r));
        let suite = "
cases:
  - { name: one, as: ann, request: GET /me }
  - { name: two, as: ann, session: fresh, request: GET /me }
  - { name: three, as: ann, session: fresh, steps: [ { request: refresh }, { request: GET /me } ] }
  - { name: four, as: ann-again, steps: [ { request: login }, { request: GET /me } ] }
  - { name: five, as: ann-again, request: GET /me }
";
        let run = Project::new(&server.url, PEOPLE, suite).run(jobs);
        let all = ["one", "two", "three", "four", "five"].map(|name| (name, "passed"));
        run.must(0, &all);
        assert!(!family.lock().unwrap().is_over, "no token came twice");
    }
}

/// A step that names the credential it is sent with means just that.
#[test]
fn a_used_token_is_sent_again_where_a_step_says_so() {
    let family = Arc::new(Mutex::new(Family::default()));
    let known = Arc::clone(&family);
    let server = Server::start(move |r| known.lock().unwrap().answer(r));
    let suite = "
cases:
  - name: it
    as: ann
    session: fresh
    steps:
      - { name: before, request: GET /me }
      - { request: refresh }
      - { request: refresh, credential: before, expect: 400 }
";
    Project::new(&server.url, PEOPLE, suite).run("").must(0, &[("it", "passed")]);
    assert!(family.lock().unwrap().is_over);
}
