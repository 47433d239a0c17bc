//! Names and passwords are typed in where the suite says that people log in, and nowhere that a server leads a browser to.

use crate::runs::{Project, Run};
use crate::server::{Reply, Request, Server, html, json, status};

/// A login form that is sent to an address.
fn page(action: &str) -> Reply {
    html(
        200,
        &format!(
            "<!doctype html><form method=post action='{action}'><input name=username><input type=password name=password></form>"
        ),
    )
}

/// A server that collects whatever is typed in.
fn evil() -> Server {
    Server::start(|r| if r.method == "POST" { status(200).header("set-cookie", "sid=1") } else { page("/steal") })
}

const CASE: &str = "cases:\n  - { name: in, as: ann, request: GET /me, expect: 200 }\n";

fn run(server: &Server, scheme: &str, more: &str) -> Run {
    let project = format!(
        "auth:\n  app: {scheme}\nidentities:\n  ann: {{ auth: app, username: ann, password: right-ann-of-7 }}\n{more}"
    );
    Project::new(&server.url, &project, CASE).run("")
}

/// Nothing of the person got there, and the run says so; with the origin named, it does.
fn kept(server: impl Fn(&str) -> Server, scheme: &str) {
    let elsewhere = evil();
    let own = server(&elsewhere.url);
    let stopped = run(&own, scheme, "");
    stopped.must(3, &[("in", "blocked: login-failed")]);
    let words: Vec<&str> = stopped.said.split_whitespace().collect();
    assert!(words.join(" ").contains(&format!("the form goes to {}", elsewhere.url)), "{}", stopped.said);
    let told = |server: &Server| server.seen().iter().any(|r| r.body.contains("right-ann-of-7"));
    assert!(!told(&elsewhere), "{:?}", elsewhere.seen());
    let named = format!("origins: [\"{}\"]\n", elsewhere.url);
    run(&own, scheme, &named);
    assert!(told(&elsewhere), "with its origin named it is typed in");
}

#[test]
fn a_form_that_is_sent_to_another_origin() {
    let server = |elsewhere: &str| {
        let action = format!("{elsewhere}/steal");
        Server::start(move |r: &Request| if r.path == "/login" { page(&action) } else { status(200) })
    };
    kept(server, "{ scheme: form, page: /login }");
    let pages = "{ scheme: form, page: /login, pages: [ { submit: { fields: { username: '{{ identity.username }}', password: '{{ identity.password }}' } } } ] }";
    kept(server, pages);
}

/// The steps of one's own are held to the same, and what they ask for by its address is where people log in.
#[test]
fn a_form_that_a_step_of_a_login_sends_to_another_origin() {
    let server = |elsewhere: &str| {
        let action = format!("{elsewhere}/steal");
        Server::start(move |r: &Request| if r.path == "/login" { page(&action) } else { status(200) })
    };
    let steps = |at: &str| {
        format!(
            "{{ scheme: login, login: [ {{ request: GET {at}/login }}, {{ submit: {{ fields: {{ username: '{{{{ identity.username }}}}', password: '{{{{ identity.password }}}}' }} }} }} ] }}"
        )
    };
    kept(server, &steps(""));
    let elsewhere = evil();
    run(&Server::start(|_| status(200)), &steps(&elsewhere.url), "");
    assert!(elsewhere.seen().iter().any(|r| r.body.contains("right-ann-of-7")));
}

#[test]
fn a_login_page_that_leads_to_another_origin() {
    let server = |elsewhere: &str| {
        let to = format!("{elsewhere}/login");
        Server::start(move |r: &Request| match r.path.split('?').next().unwrap_or_default() {
            "/login" | "/authorize" => status(302).header("location", to.clone()),
            _ => status(200),
        })
    };
    kept(server, "{ scheme: form, page: /login }");
    kept(
        server,
        "{ scheme: oauth2, grant: authorization_code, authorize_url: /authorize, token_url: /token, client: { id: web } }",
    );
}

#[test]
fn a_device_that_sends_people_to_another_origin() {
    let server = |elsewhere: &str| {
        let to = format!("{elsewhere}/device");
        Server::start(move |r: &Request| match &*r.path {
            "/device" => json(
                200,
                &format!(
                    r#"{{"device_code":"d-1","user_code":"WDJB","verification_uri":"{to}","expires_in":1,"interval":1}}"#
                ),
            ),
            "/token" => json(400, r#"{"error":"expired_token"}"#),
            _ => status(200),
        })
    };
    kept(server, "{ scheme: oauth2, grant: device_code, device_url: /device, token_url: /token, client: { id: tv } }");
}

/// A page that the suite itself names is its own, wherever that is.
#[test]
fn a_page_that_the_suite_names() {
    let elsewhere = evil();
    let own = Server::start(|_| status(200));
    run(&own, &format!("{{ scheme: form, page: \"{}/login\" }}", elsewhere.url), "");
    assert!(elsewhere.seen().iter().any(|r| r.body.contains("right-ann-of-7")));
}
