//! What a login used up is sent once more when it was over by itself: that it is refused then shows nothing.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::runs::Project;
use crate::server::{Request, Server, html, json, status};

const SCHEME: &str = "
auth:
  web: { scheme: oauth2, authorize_url: /authorize, token_url: /token, par_url: /par, par: true, grant: authorization_code, client: { id: web } }
identities:
  ann: { auth: web, username: ann, password: right-ann }
";

/// An authorization server whose pushed requests live for two seconds, and are good once or as often as they come.
fn server(once: bool) -> Server {
    let pushed: Mutex<HashMap<String, (String, Instant)>> = Mutex::default();
    Server::start(move |r: &Request| {
        let (path, query) = r.path.split_once('?').unwrap_or((&r.path, ""));
        let pairs = if r.body.is_empty() { query } else { &r.body };
        let pairs: HashMap<String, String> = url::form_urlencoded::parse(pairs.as_bytes()).into_owned().collect();
        let get = |name: &str| pairs.get(name).cloned().unwrap_or_default();
        let mut pushed = pushed.lock().unwrap();
        match path {
            "/par" => {
                let uri = format!("urn:ietf:params:oauth:request_uri:pushed-{}", r.at.as_nanos());
                pushed.insert(uri.clone(), (get("state"), Instant::now()));
                json(201, &format!(r#"{{"request_uri":"{uri}","expires_in":2}}"#))
            }
            "/authorize" => {
                let uri = get("request_uri");
                let found = if once { pushed.remove(&uri) } else { pushed.get(&uri).cloned() };
                match found {
                    Some((state, at)) if at.elapsed() < Duration::from_secs(2) => {
                        html(303, "").header("location", format!("http://127.0.0.1:9/cb?code=a-code-1&state={state}"))
                    }
                    _ => html(400, "<p>no such request</p>"),
                }
            }
            "/token" => json(200, r#"{"access_token":"token-1","token_type":"Bearer"}"#),
            _ => status(200),
        }
    })
}

fn must(server: &Server, pause: &str, code: i32, verdict: &str) {
    let steps = format!(
        r#"cases:
  - name: it
    as: ann
    steps:
      - {{ request: login }}
      - {{ {pause} request: login, vary: {{ authorize.request_uri: "{{{{ session.request_uri }}}}" }}, expect: 400 }}
"#
    );
    Project::new(&server.url, SCHEME, &steps).run("").must(code, &[("it", verdict)]);
}

#[test]
fn what_was_over_by_itself_was_not_refused_for_coming_twice() {
    let late = "pause: 2500ms,";
    must(&server(false), late, 3, "inconclusive: other-cause");
    must(&server(true), late, 3, "inconclusive: other-cause");
}

#[test]
fn what_is_sent_again_at_once_shows_whether_it_is_good_once() {
    must(&server(true), "", 0, "proven");
    // The login gets on with another one's state, and that alone stops it.
    must(&server(false), "", 1, "failed: check-failed");
}
