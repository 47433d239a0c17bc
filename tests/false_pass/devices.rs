//! Logins of devices with another code than they show: what is typed into the page afterwards decides what is judged.

use std::sync::Mutex;

use crate::runs::Project;
use crate::server::{Request, Server, html, json};

const SCHEME: &str = "
auth:
  tv: { scheme: oauth2, grant: device_code, device_url: /device, token_url: /token, client: { id: tv } }
identities:
  tv: { auth: tv, username: ann, password: right-ann-of-7 }
";

/// A server whose page asks once more for a code that it does not know; with whether it takes any.
fn server(takes_any: bool) -> Server {
    let agreed = Mutex::new(false);
    Server::start(move |r: &Request| {
        let (path, query) = r.path.split_once('?').unwrap_or((&r.path, ""));
        let pairs = url::form_urlencoded::parse(query.as_bytes()).chain(url::form_urlencoded::parse(r.body.as_bytes()));
        let code = pairs.filter(|(name, _)| name == "user_code").map(|(_, code)| code.into_owned()).next();
        match path {
            "/device" => {
                *agreed.lock().unwrap() = false;
                let page = format!("http://{}/page", r.header("host"));
                json(
                    200,
                    &format!(
                        r#"{{"device_code":"d-1","user_code":"WDJB-MJHT","verification_uri":"{page}","expires_in":30,"interval":1}}"#
                    ),
                )
            }
            "/page" if takes_any || code.as_deref() == Some("WDJB-MJHT") => html(
                200,
                "<h1>Allow</h1><form method=post action=/agree><button name=decision value=allow>Allow</button></form>",
            ),
            "/page" => html(
                200,
                "<h1>Connect</h1><p>The code is incorrect.</p><form method=post action=/page><input name=user_code><button>Continue</button></form>",
            ),
            "/agree" => {
                *agreed.lock().unwrap() = true;
                html(200, "<h1>Done</h1>")
            }
            "/token" if !*agreed.lock().unwrap() => json(400, r#"{"error":"authorization_pending"}"#),
            _ => json(200, r#"{"access_token":"t-1","token_type":"Bearer"}"#),
        }
    })
}

#[test]
fn a_changed_code_is_what_is_typed_from_then_on() {
    for code in ["XXXX-XXXX", "null"] {
        let suite = format!(
            "cases:\n  - {{ name: code, as: tv, request: login, vary: {{ page.user_code: {code} }}, expect: {{ status: 200, html: {{ p: {{ contains: incorrect }} }} }} }}\n"
        );
        let good = server(false);
        Project::new(&good.url, SCHEME, &suite).run("").must(0, &[("code", "proven")]);
        let typed = good.seen().iter().filter(|r| r.method == "POST" && r.body.contains("user_code=WDJB")).count();
        assert_eq!(typed, 0, "the right code is in the address alone");
        if code != "null" {
            Project::new(&server(true).url, SCHEME, &suite).run("").must(1, &[("code", "failed: check-failed")]);
        }
    }
}

/// A server whose page takes name, password and code at once, says that this is all and changes no cookie; with whether
/// it then gives a token.
fn on_one_page(gives: bool) -> Server {
    const FORM: &str = "<form method=post><input name=user_code><input name=user><input type=password name=pw><button>Allow</button></form>";
    Server::start(move |r: &Request| match r.path.split('?').next().unwrap_or_default() {
        "/device" => {
            let page = format!("http://{}/page", r.header("host"));
            json(
                200,
                &format!(r#"{{"device_code":"d-1","user_code":"WDJB","verification_uri":"{page}","interval":1}}"#),
            )
        }
        "/page" if r.method == "GET" => html(200, FORM).header("set-cookie", "seen=1"),
        "/page" => html(200, "<h1>Done. You may close this window</h1>"),
        "/token" if gives => json(200, r#"{"access_token":"t-1","token_type":"Bearer"}"#),
        "/token" => json(400, r#"{"error":"access_denied"}"#),
        _ => json(200, "{}"),
    })
}

/// The token endpoint says whether a device was approved; no cookie has to change for it.
#[test]
fn an_approval_that_changes_no_cookie_is_judged_by_the_token_endpoint() {
    let suite = "cases:\n  - { name: own, as: tv, request: GET /api }\n";
    Project::new(&on_one_page(true).url, SCHEME, suite).run("").must(0, &[("own", "passed")]);
    Project::new(&on_one_page(false).url, SCHEME, suite).run("").must(3, &[("own", "blocked: login-failed")]);
}
