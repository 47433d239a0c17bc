//! Authorization servers that send a browser, and a code with it, to addresses that nobody registered.

use std::collections::HashMap;
use std::sync::Arc;

use crate::runs::{Project, Run};
use crate::server::{Reply, Request, Server, html, json, status};

const HOME: &str = "http://127.0.0.1:9/callback";
const BYE: &str = "http://127.0.0.1:9/bye";

fn query(request: &Request) -> HashMap<String, String> {
    let query = request.path.split_once('?').map_or("", |(_, query)| query);
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn form(request: &Request) -> HashMap<String, String> {
    url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect()
}

fn to(address: &str) -> Reply {
    status(303).header("location", address)
}

/// A host of somebody else, who answers every code with an error.
fn evil() -> Server {
    Server::start(|_| json(400, r#"{"error":"invalid_request"}"#))
}

/// A server that is right but for what it answers to an authorization request.
fn server(authorize: impl Fn(&HashMap<String, String>) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |r| match r.path.split('?').next().unwrap() {
        "/authorize" => authorize(&query(r)),
        "/par" => {
            let (uri, state) = (&form(r)["redirect_uri"], &form(r)["state"]);
            json(201, &format!(r#"{{"request_uri":"{uri}?state={state}","expires_in":60}}"#))
        }
        "/token" if form(r)["redirect_uri"] != HOME => json(400, r#"{"error":"invalid_grant"}"#),
        "/token" => json(200, r#"{"access_token":"token-of-alice","token_type":"Bearer","expires_in":300}"#),
        "/end" => to(&query(r)["post_logout_redirect_uri"]),
        "/me" if r.bearer() == "token-of-alice" => json(200, "{}"),
        "/me" => json(401, "{}"),
        _ => json(400, r#"{"error":"not_found"}"#),
    })
}

/// Runs one case, after one in which the login works.
fn run(server: &Server, scheme: &str, case: &str) -> Run {
    let project = format!(
        "auth:
  web:
    scheme: oauth2
    grant: authorization_code
    authorize_url: /authorize
    token_url: /token
    end_session_url: /end
    logout: end_session
    post_logout_redirect_uri: {BYE}
    client: {{ id: web }}
    redirect_uri: {HOME}
    whoami: {{ request: GET /me }}
{scheme}identities:
  alice: {{ auth: web, username: alice, password: right-alice }}
"
    );
    let suite = format!(
        "cases:\n  - {{ name: right, as: alice, request: GET /me, expect: 200 }}\n  - {{ name: it, as: alice, session: fresh, {case} }}\n"
    );
    Project::new(&server.url, &project, &suite).run("--require-proof")
}

fn answer(asked: &HashMap<String, String>, with: &str) -> Reply {
    let joint = if asked["redirect_uri"].contains('?') { '&' } else { '?' };
    to(&format!("{}{joint}{with}&state={}", asked["redirect_uri"], asked["state"]))
}

fn vary(uri: &str, expect: &str) -> String {
    format!("request: login, vary: {{ authorize.redirect_uri: '{uri}' }}, expect: {expect}")
}

#[test]
fn a_code_for_another_address_is_no_refusal_and_does_not_get_there() {
    for expect in ["400", "deny", "303", "{ status: [303, 400], headers: { X-Mine: { exists: false } } }"] {
        let evil = evil();
        let server = server(|asked| answer(asked, "code=s3cret-code-1"));
        let run = run(&server, "", &vary(&format!("{}/callback", evil.url), expect));
        run.must(1, &[("right", "passed"), ("it", "failed: astray")]);
        assert!(evil.seen().is_empty(), "{expect}: nobody is asked there");
        assert!(!run.said.contains("s3cret-code-1"), "{}", run.said);
    }
}

#[test]
fn an_error_for_another_address_is_no_refusal_either() {
    let evil = evil();
    let server = server(|asked| match &*asked["redirect_uri"] {
        HOME => answer(asked, "code=s3cret-code-1"),
        _ => answer(asked, "error=invalid_request"),
    });
    run(&server, "", &vary(&format!("{}/callback", evil.url), "400"))
        .must(1, &[("right", "passed"), ("it", "failed: astray")]);
    assert!(evil.seen().is_empty());
}

#[test]
fn other_spellings_of_the_registered_address_are_other_addresses() {
    for uri in ["http://127.0.0.1:9/callback?x=1", "http://127.0.0.1:9/c%61llback", "http://127.0.0.1:9/callback#x"] {
        let server = server(|asked| {
            // What it sends there is redeemed only with what was asked for.
            let uri = asked["redirect_uri"].split('#').next().unwrap().to_owned();
            let joint = if uri.contains('?') { '&' } else { '?' };
            to(&format!("{uri}{joint}code=s3cret-code-1&state={}", asked["state"]))
        });
        run(&server, "", &vary(uri, "400")).must(1, &[("right", "passed"), ("it", "failed: astray")]);
    }
}

#[test]
fn a_server_that_goes_elsewhere_with_it_is_not_followed() {
    let evil = Arc::new(evil());
    for with in ["code=s3cret-code-1&state=", ""] {
        let host = evil.url.clone();
        let server = server(move |asked| match &*asked["redirect_uri"] {
            HOME => answer(asked, "code=s3cret-code-1"),
            _ => to(&format!("{host}/more?{with}")),
        });
        run(&server, "", &vary("http://127.0.0.1:9/callback/more", "400"))
            .must(1, &[("right", "passed"), ("it", "failed: astray")]);
    }
    assert!(evil.seen().is_empty());
}

#[test]
fn a_code_goes_to_no_other_host_in_any_login() {
    let evil = Arc::new(evil());
    let host = evil.url.clone();
    let server = server(move |asked| to(&format!("{host}/cb?code=s3cret-code-1&state={}", asked["state"])));
    let run = run(&server, "", "request: login, expect: 400");
    assert_eq!((run.code, run.verdict("it").as_str()), (1, "failed"), "{}", run.said);
    assert!(run.verdict("right").starts_with("blocked"), "{}", run.said);
    assert!(evil.seen().is_empty());
}

#[test]
fn forms_that_send_themselves_are_stopped_as_well() {
    let evil = evil();
    let server = server(|asked| {
        let (uri, state) = (&asked["redirect_uri"], &asked["state"]);
        html(
            200,
            &format!(
                "<body onload='document.forms[0].submit()'><form method=post action='{uri}'><input type=hidden name=code value=s3cret-code-1><input type=hidden name=state value='{state}'></form></body>"
            ),
        )
    });
    let case = vary(&format!("{}/callback", evil.url), "{ status: 200, html: { form: { exists: true } } }");
    let run = run(&server, "", &case);
    run.must(1, &[("right", "passed"), ("it", "failed: astray")]);
    assert!(evil.seen().is_empty());
    assert!(!run.said.contains("s3cret-code-1"), "{}", run.said);
}

#[test]
fn pages_that_are_written_down_are_watched_too() {
    let evil = evil();
    let server = server(|asked| match (asked.get("go"), asked.get("to")) {
        (Some(_), Some(to_)) => to(&format!("{to_}?code=s3cret-code-1&state={}", asked["state"])),
        _ => html(
            200,
            &format!(
                "<form action=/authorize><input name=go><input type=hidden name=to value='{}'><input type=hidden name=state value='{}'></form>",
                asked["redirect_uri"], asked["state"]
            ),
        ),
    });
    let pages = "    pages: [ { submit: { fields: { go: yes } } } ]\n";
    run(&server, pages, &vary(&format!("{}/callback", evil.url), "400"))
        .must(1, &[("right", "passed"), ("it", "failed: astray")]);
    assert!(evil.seen().is_empty());
}

#[test]
fn what_was_pushed_is_remembered() {
    let evil = evil();
    let server = server(|asked| match asked.get("request_uri") {
        Some(uri) => to(&format!("{uri}&code=s3cret-code-1")),
        None => status(400),
    });
    let case = format!("request: login, vary: {{ par.redirect_uri: '{}/callback' }}, expect: 400", evil.url);
    run(&server, "    par_url: /par\n    par: true\n", &case).must(1, &[("right", "passed"), ("it", "failed: astray")]);
    assert!(evil.seen().is_empty());
}

/// What the request to the page says beside the name of what was pushed is not looked at (RFC 9126, section 4): only who
/// goes by it has a fault.
#[test]
fn a_pushed_address_holds_whatever_the_browser_says() {
    let pushing = "    par_url: /par\n    par: true\n";
    let evil = evil();
    for uri in [format!("{}/callback", evil.url), format!("{HOME}?x=1"), "http://127.0.0.1:9/c%61llback".to_owned()] {
        let right = server(|asked| to(&format!("{}&code=s3cret-code-1", asked["request_uri"])));
        run(&right, pushing, &vary(&uri, "200")).must(0, &[("right", "passed"), ("it", "passed")]);
        // Nor is it a refusal: somebody gets in.
        assert_eq!(run(&right, pushing, &vary(&uri, "400")).code, 1);
        let wrong = server(|asked| match asked.get("redirect_uri") {
            Some(_) => answer(&with_state(asked), "code=s3cret-code-1"),
            None => to(&format!("{}&code=s3cret-code-1", asked["request_uri"])),
        });
        for expect in ["200", "400"] {
            run(&wrong, pushing, &vary(&uri, expect)).must(1, &[("right", "passed"), ("it", "failed: astray")]);
        }
    }
    assert!(evil.seen().is_empty());
}

/// The parameters of a request with the state that was pushed.
fn with_state(asked: &HashMap<String, String>) -> HashMap<String, String> {
    let state = asked["request_uri"].split_once("state=").map_or("", |(_, state)| state);
    asked.clone().into_iter().chain([("state".to_owned(), state.to_owned())]).collect()
}

#[test]
fn a_logout_leads_nowhere_else() {
    let evil = evil();
    let server = server(|asked| answer(asked, "code=s3cret-code-1"));
    for uri in [format!("{}/bye", evil.url), format!("{}/elsewhere", server.url)] {
        let case = format!("request: logout, vary: {{ end_session.post_logout_redirect_uri: '{uri}' }}, expect: 400");
        run(&server, "", &case).must(1, &[("right", "passed"), ("it", "failed: astray")]);
    }
    assert!(evil.seen().is_empty() && server.count("GET /elsewhere") == 0);
}

#[test]
fn a_second_address_that_is_registered_can_be_expected() {
    let server = server(|asked| answer(asked, "code=s3cret-code-1"));
    let expect = "{ status: 303, redirect: { to: { matches: '^http://127.0.0.1:9/other.code=' } } }";
    run(&server, "", &vary("http://127.0.0.1:9/other", expect)).must(0, &[("right", "passed"), ("it", "passed")]);
}

#[test]
fn a_careful_server_passes() {
    let server = server(|asked| match &*asked["redirect_uri"] {
        HOME => answer(asked, "code=s3cret-code-1"),
        _ => html(400, "<p>this redirect URI is not registered</p>"),
    });
    run(&server, "", &vary("https://evil.example/callback", "400")).must(0, &[("right", "passed"), ("it", "proven")]);
}
