//! No secret in any output, in any spelling: random secrets go through a server that echoes everything.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use crate::support::recorder::{Recorder, answer};
use crate::support::{Session, told};

/// Everything fails, so that everything is told.
const SUITE: &str = r#"
target: "{{ env.TARGET }}"
secrets:
  a: { env: SECRET_A }
  b: { file: b.txt }
  c: { file: c.json, json: $.deep.key }
auth:
  api:
    scheme: login
    login:
      request: POST /login
      json: { username: "{{ identity.username }}", password: "{{ identity.password }}" }
      capture: { access_token: $.access_token }
    send: { bearer: access_token }
  web:
    scheme: login
    login: { request: POST /weblogin, form: { user: "{{ identity.username }}", pass: "{{ identity.password }}" } }
  broken:
    scheme: login
    login: { request: POST /fail, json: { password: "{{ identity.password }}" }, expect: 299 }
identities:
  ann: { auth: api, username: ann, password: "{{ secrets.a }}" }
  bea: { auth: { scheme: basic }, username: bea, password: "{{ secrets.b }}" }
  cid: { auth: { scheme: api-key, query: key }, key: "{{ secrets.c }}" }
  dan: { auth: web, username: dan, password: "{{ secrets.b }}" }
  eve: { auth: broken, username: eve, password: "{{ secrets.c }}" }
defaults: { headers: { X-Secret: "{{ secrets.a }}" } }
cases:
  - { name: bearer, as: ann, request: GET /echo, expect: { status: 299, json: { $.raw: nothing, $.spelt: [] }, body: other, headers: { X-Echo: none } } }
  - { name: basic, as: bea, request: GET /echo, expect: { status: 299, body: { starts_with: other }, sent: { headers: { Authorization: none } } } }
  - { name: key, as: cid, request: "GET /echo?more={{ secrets.b | urlencode }}", expect: 299 }
  - { name: cookies, as: dan, request: GET /echo, expect: { status: 299, cookies: { sid: other } } }
  - { name: no login, as: eve, request: GET /echo }
  - name: bodies
    steps:
      - { request: POST /echo, json: { a: "{{ secrets.a }}", deep: ["{{ secrets.b }}"] }, capture: { one_token: $.token } }
      - { request: POST /echo, form: { a: "{{ secrets.c }}", t: "{{ one_token }}" }, headers: { X-B64: "{{ secrets.c | base64 }}", X-Hex: "{{ secrets.b | hex }}" } }
      - { request: "POST /redirect?to={{ secrets.a | urlencode }}", body: "<{{ secrets.a }}|{{ secrets.b }}|{{ secrets.c }}>", redirects: follow, expect: { status: 299, that: [ "response.body == 'x'" ] } }
  - { name: capture, request: GET /echo, capture: { gone: $.not.there, cut: { body: true, regex: 'never (there)' } } }
"#;

/// Tokens that the server makes up; they are secrets as soon as they are captured or set.
struct Made {
    token: String,
    cookie: String,
    /// Those that were given to somebody; a server tells no others.
    given: Mutex<Vec<String>>,
}

impl Made {
    fn forget(&self) {
        self.given.lock().expect("no thread panicked").clear();
    }

    fn give(&self, value: &str) {
        self.given.lock().expect("no thread panicked").push(value.to_owned());
    }
}

/// Spells a secret as programs do.
fn spellings(secret: &str) -> Vec<String> {
    let percent = |keep: &str, upper: bool, blank: &str| -> String {
        let one = |b: u8| match b {
            b' ' => blank.to_owned(),
            b if b.is_ascii_alphanumeric() || keep.as_bytes().contains(&b) => char::from(b).to_string(),
            b if upper => format!("%{b:02X}"),
            b => format!("%{b:02x}"),
        };
        secret.bytes().map(one).collect()
    };
    let json = serde_json::Value::from(secret).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let twice = serde_json::Value::from(json.as_str()).to_string();
    let xml = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&apos;");
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    vec![
        secret.to_owned(),
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        STANDARD.encode(format!("bea:{secret}")),
        percent("-._~", true, "%20"),
        percent("-._~", false, "%20"),
        percent("-._*", true, "+"),
        hex.to_uppercase(),
        hex,
        json,
        twice[1..twice.len() - 1].to_owned(),
        xml,
    ]
}

fn reply(request: &str, made: &Made, secrets: &[String]) -> Vec<u8> {
    let path = request.split([' ', '?']).nth(1).unwrap_or_default();
    let json = [("content-type", "application/json")];
    match path {
        "/login" => {
            made.give(&made.token);
            answer(
                "200 OK",
                &json,
                serde_json::json!({ "access_token": made.token, "note": request }).to_string().as_bytes(),
            )
        }
        "/weblogin" => {
            made.give(&made.cookie);
            let cookie = format!("sid={}; Path=/; HttpOnly", made.cookie);
            answer("200 OK", &[("set-cookie", cookie.as_str()), ("content-type", "text/html")], b"<h1>Hello</h1>")
        }
        "/redirect" => {
            let to = format!("/echo?x={}", spellings(&secrets[0])[6]);
            answer("302 Found", &[("location", to.as_str())], b"")
        }
        _ => {
            let given = made.given.lock().expect("no thread panicked").clone();
            let spelt: Vec<String> = secrets.iter().chain(&given).flat_map(|s| spellings(s)).collect();
            let body = serde_json::json!({ "raw": request, "spelt": spelt, "token": made.token });
            let echo = format!("{} and {}", secrets.join(" "), given.join(" "));
            answer("200 OK", &[json[0], ("x-echo", echo.as_str())], body.to_string().as_bytes())
        }
    }
}

/// Everything in a text that only wrapping or quoting could hide: without blanks, and without escapes.
fn readings(text: &str) -> [String; 2] {
    let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    [text.to_owned(), dense]
}

fn check(seed: &str, outputs: &[(&str, String)], secrets: &[&str]) -> Result<(), TestCaseError> {
    for secret in secrets {
        for spelling in spellings(secret) {
            let dense: String = spelling.chars().filter(|c| !c.is_whitespace()).collect();
            for (name, text) in outputs {
                let [plain, packed] = readings(text);
                let found = plain.contains(&spelling) || packed.contains(&dense);
                if found {
                    let at = plain.find(&spelling).unwrap_or(0);
                    let from = plain[..at].char_indices().rev().nth(200).map_or(0, |(i, _)| i);
                    let near: String = plain[from..].chars().take(400).collect();
                    prop_assert!(false, "{seed}: `{spelling}` (of `{secret}`) is in {name}, near:\n{near}");
                }
            }
        }
    }
    Ok(())
}

fn secret() -> impl Strategy<Value = String> {
    // What a password manager makes; a value that is all one letter would be found by chance.
    "[A-Za-z0-9]{4}[!-~]{4,24}[A-Za-z0-9]{4}"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, max_shrink_iters: 8, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_is_in_any_output(
        a in secret(), b in secret(), c in secret(),
        token in "[A-Za-z0-9_-]{20,60}(\\.[A-Za-z0-9_-]{10,20}){0,2}",
        cookie in "[A-Za-z0-9]{16,32}",
        width in prop::sample::select(vec!["40", "80", "200"]),
    ) {
        let secrets = vec![a.clone(), b.clone(), c.clone()];
        let made = Arc::new(Made { token: token.clone(), cookie: cookie.clone(), given: Mutex::default() });
        let (giver, known) = (Arc::clone(&made), secrets.clone());
        let server = Recorder::start(move |request| reply(request, &giver, &known));
        let session = Session::new()
            .env("TARGET", server.url())
            .env("SECRET_A", &a)
            .env("COLUMNS", width)
            .file("b.txt", format!("{b}\n"))
            .file("c.json", serde_json::json!({ "deep": { "key": c } }).to_string())
            .file("leaky.yaml", SUITE);
        let files = ["--junit", "j.xml", "--json", "r.json", "--events", "e.ndjson", "--har", "t.har"];
        let all = [&a, &b, &c, &token, &cookie].map(String::as_str);
        let loud = session.run(&[&["run", "leaky.yaml", "-vv", "-j", "1"], &files[..]].concat());
        prop_assert_eq!(loud.status.code(), Some(1), "{}", told(&loud));
        made.forget();
        let plain = session.run(&["run", "leaky.yaml", "--color", "always", "-j", "1"]);

        // The test would prove nothing if the secrets had not been sent.
        let heard: String = server.heard().iter().map(|raw| String::from_utf8_lossy(raw).into_owned()).collect();
        prop_assert!(heard.contains(&format!("x-secret: {a}")), "{heard}");
        for sent in [STANDARD.encode(format!("bea:{b}")), format!("Bearer {token}"), format!("sid={cookie}")] {
            prop_assert!(heard.contains(&sent), "{sent}");
        }

        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let outputs = [
            ("-vv", text(&loud.stdout)),
            ("stderr", text(&loud.stderr)),
            ("the terminal", text(&plain.stdout)),
            ("JUnit", session.read("j.xml")),
            ("JSON", session.read("r.json")),
            ("events", session.read("e.ndjson")),
            ("archive", session.read("t.har")),
        ];
        for (name, text) in &outputs[2..] {
            prop_assert!(text.len() > 1000, "{name} says too little to prove anything: {text}");
        }
        check(&format!("width {width}"), &outputs, &all)?;

        // All at once: what is told while it happens cannot hide a token that nobody has captured yet, so the terminal
        // is only held to what was declared; the files are searched when all is known.
        made.forget();
        let busy = session.run(&[&["run", "leaky.yaml", "-vv"], &files[..]].concat());
        let terminal = [("-vv, all at once", text(&busy.stdout))];
        check("all at once", &terminal, &all[..3])?;
        let reports = [
            ("JUnit", session.read("j.xml")),
            ("JSON", session.read("r.json")),
            ("events", session.read("e.ndjson")),
            ("archive", session.read("t.har")),
        ];
        check("all at once", &reports, &all)?;
    }
}
