//! What `vary` changes is changed where it stands, and nothing else with it: a server that does not look at that one thing
//! is found.

use std::sync::Mutex;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::runs::{Project, Run};
use crate::server::{Request, Server, claims, html, json, status};

const STEPS: &str = "
auth:
  app:
    scheme: login
    login:
      - { name: start, request: GET /start }
      - { name: enter, request: POST /login, json: { user: ann, list: [{ pin: 1 }] }, capture: { token: $.token } }
    logout: { request: POST /logout }
    send: { bearer: token }
identities:
  ann: { auth: app }
";

/// A server of that scheme that looks at what it is told to.
fn stepwise(looks: &'static [&'static str]) -> Server {
    Server::start(move |r: &Request| match &*r.path {
        "/start" => status(200).header("set-cookie", "pre=one; Path=/"),
        "/login" if looks.contains(&"cookie") && r.header("cookie") != "pre=one" => status(401),
        "/login" if looks.contains(&"pin") && !r.body.contains(r#""list":[{"pin":1}]"#) => status(401),
        // It does not know such a member.
        "/login" if r.body.contains("list.") => status(401),
        "/login" => json(200, r#"{"token":"right-token-1"}"#),
        "/logout" if looks.contains(&"token") && r.bearer() != "right-token-1" => status(401),
        // It takes no body.
        "/logout" if !r.body.is_empty() => status(401),
        "/logout" => status(204),
        _ => status(if r.bearer() == "right-token-1" { 200 } else { 401 }),
    })
}

fn case(talk: &str, vary: &str) -> String {
    format!("  - {{ name: varied, as: ann, session: fresh, request: {talk}, vary: {{ {vary} }}, expect: 401 }}\n")
}

fn run(server: &Server, project: &str, case: &str) -> Run {
    Project::new(&server.url, project, &format!("cases:\n{case}")).run("")
}

#[test]
fn a_field_of_the_credential_is_changed_in_place() {
    for vary in ["logout.Authorization: Bearer other", "logout.authorization: null"] {
        let lax = stepwise(&[]);
        run(&lax, STEPS, &case("logout", vary)).must(1, &[("varied", "failed: check-failed")]);
        let sent: Vec<Request> = lax.seen().into_iter().filter(|r| r.path == "/logout").collect();
        let expected = if vary.contains("null") { "" } else { "Bearer other" };
        assert_eq!((sent[0].header("authorization"), &*sent[0].body), (expected, ""));
        run(&stepwise(&["token"]), STEPS, &case("logout", vary)).must(0, &[("varied", "proven")]);
    }
}

#[test]
fn a_cookie_on_the_way_in_is_left_out() {
    for vary in ["enter.Cookie: null", "enter.cookie: pre=two"] {
        run(&stepwise(&[]), STEPS, &case("login", vary)).must(1, &[("varied", "failed: check-failed")]);
        run(&stepwise(&["cookie"]), STEPS, &case("login", vary)).must(0, &[("varied", "proven")]);
    }
    run(&stepwise(&["cookie"]), STEPS, &case("login", "start.Cookie: null"))
        .must(3, &[("varied", "errored: vary-missed")]);
}

#[test]
fn dots_lead_into_a_list_or_nowhere() {
    run(&stepwise(&[]), STEPS, &case("login", "enter.list.0.pin: 2")).must(1, &[("varied", "failed: check-failed")]);
    run(&stepwise(&["pin"]), STEPS, &case("login", "enter.list.0.pin: 2")).must(0, &[("varied", "proven")]);
    run(&stepwise(&["pin"]), STEPS, &case("login", "enter.list.4.pin: 2"))
        .must(3, &[("varied", "errored: vary-missed")]);
}

/// A login page that is shown again is the refusal that is meant where the step says something of the answer itself.
#[test]
fn how_long_it_took_says_nothing_of_the_answer() {
    let page = "<!doctype html><p class=error>Try again.</p><form method=post><input name=username><input type=password name=password></form>";
    let server = Server::start(move |r: &Request| match &*r.path {
        "/login" if r.body.contains("password=right") => {
            status(303).header("location", "/").header("set-cookie", "sid=1")
        }
        "/login" => html(200, page),
        _ => status(200),
    });
    let project = "
auth:
  app: { scheme: form, page: /login }
identities:
  ann: { auth: app, username: ann, password: right }
";
    let verdict = |more: &str| {
        let case = format!(
            "  - {{ name: varied, as: ann, request: login, vary: {{ form.password: wrong }}, expect: {{ status: 200, {more} }} }}\n"
        );
        let run = run(&server, project, &case);
        (run.code, run.verdict("varied"))
    };
    assert_eq!(verdict("html: { p: { contains: again } }"), (0, "proven".to_owned()));
    for mute in ["duration: { below: 5s }", "sent: { headers: { Accept: { exists: true } } }"] {
        assert_eq!(verdict(mute).0, 1, "{mute}");
    }
}

/// The token endpoint refuses by its status, and gives the token all the same.
#[test]
fn a_refusal_with_a_token_in_it() {
    let server = |more: &'static str| {
        Server::start(move |r: &Request| match &*r.path {
            "/token" if r.body.contains("client_secret=right") => {
                json(200, r#"{"access_token":"token-of-ann-1","token_type":"bearer"}"#)
            }
            "/token" => json(400, &format!(r#"{{"error":"invalid_client"{more}}}"#)),
            _ => status(200),
        })
    };
    let project = "
auth:
  app: { scheme: oauth2, token_url: /token, grant: client_credentials, client: { id: app, secret: right, auth: post } }
identities:
  ann: { auth: app }
";
    let case = "  - { name: varied, as: ann, request: login, vary: { token.client_secret: wrong }, expect: 400 }\n";
    run(&server(""), project, case).must(0, &[("varied", "proven")]);
    run(&server(r#","access_token":"token-of-ann-2""#), project, case)
        .must(1, &[("varied", "failed: refused-with-data")]);
}

const CODE: &str = "
auth:
  web: { scheme: oauth2, authorize_url: /authorize, par_url: /par, token_url: /token, grant: authorization_code, client: { id: web, secret: right-secret-1 }, dpop: true, par: PUSHED }
identities:
  ann: { auth: web, username: ann, password: right-ann }
";

/// The thumbprint of the key that a proof is by (RFC 7638).
fn thumbprint(proof: &str) -> Option<String> {
    let head = URL_SAFE_NO_PAD.decode(proof.split('.').next()?).ok()?;
    let head: serde_json::Value = serde_json::from_slice(&head).ok()?;
    let member = |name: &str| head["jwk"][name].as_str().unwrap_or_default().to_owned();
    let whole = format!(
        r#"{{"crv":"{}","kty":"{}","x":"{}","y":"{}"}}"#,
        member("crv"),
        member("kty"),
        member("x"),
        member("y")
    );
    Some(URL_SAFE_NO_PAD.encode(digest(&SHA256, whole.as_bytes())))
}

/// An authorization server that binds codes to keys as RFC 9449, section 10, wants; it may look whether a proof came before.
fn binding(looks: bool) -> Server {
    let used: Mutex<Vec<String>> = Mutex::default();
    // The keys and states of requests and codes, by their numbers.
    let bound: Mutex<Vec<(String, String)>> = Mutex::default();
    let refused = || json(400, r#"{"error":"invalid_dpop_proof"}"#);
    Server::start(move |r: &Request| {
        let query = r.path.split_once('?').map_or("", |(_, query)| query);
        let all: Vec<(String, String)> =
            url::form_urlencoded::parse(format!("{query}&{}", r.body).as_bytes()).into_owned().collect();
        let get = |name: &str| all.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str()).to_owned();
        let proof = r.header("dpop");
        let key = thumbprint(proof).unwrap_or_default();
        let is_used = || {
            let id = claims(proof).unwrap_or_default()["jti"].to_string();
            let mut used = used.lock().unwrap();
            let is_used = used.contains(&id);
            used.push(id);
            is_used && looks
        };
        let keep = |key: String, state: String| {
            let mut bound = bound.lock().unwrap();
            bound.push((key, state));
            bound.len() - 1
        };
        let of = |at: String| {
            let at: usize = at.parse().unwrap_or_default();
            bound.lock().unwrap().get(at).cloned().unwrap_or_default()
        };
        match r.path.split('?').next().unwrap_or_default() {
            "/par" if is_used() || get("dpop_jkt") != key => refused(),
            "/par" => {
                let at = keep(key, get("state"));
                json(201, &format!(r#"{{"request_uri":"{at}","expires_in":60}}"#))
            }
            "/authorize" => {
                let (key, state) = if get("request_uri").is_empty() {
                    (get("dpop_jkt"), get("state"))
                } else {
                    of(get("request_uri"))
                };
                let code = keep(key, state.clone());
                status(302).header("location", format!("http://127.0.0.1:9/cb?code={code}&state={state}"))
            }
            "/token" if is_used() || of(get("code")).0 != key => refused(),
            "/token" => json(200, r#"{"access_token":"t-1","token_type":"DPoP"}"#),
            _ => status(200),
        }
    })
}

/// The code of the login that sends an earlier proof once more is bound to the key of that proof, so that the repetition is
/// all that is wrong.
#[test]
fn a_proof_is_sent_once_more_in_a_login_by_a_code() {
    for (pushed, exchange) in [("false", "token"), ("true", "token"), ("true", "par")] {
        let suite = format!(
            "  - name: again\n    as: ann\n    steps:\n      - {{ request: login }}\n      - {{ request: login, vary: {{ {exchange}.dpop: '{{{{ session.dpop_proof }}}}' }}, expect: 400 }}\n"
        );
        let project = CODE.replace("PUSHED", pushed);
        let told = format!("par: {pushed}, {exchange}");
        let lax = run(&binding(false), &project, &suite);
        assert_eq!((lax.code, lax.verdict("again").as_str()), (1, "failed"), "{told}: {}", lax.said);
        let strict = run(&binding(true), &project, &suite);
        assert_eq!((strict.code, strict.verdict("again").as_str()), (0, "proven"), "{told}: {}", strict.said);
    }
}
