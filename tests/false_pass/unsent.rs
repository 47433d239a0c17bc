//! A refusal of somebody whose credential never left is nobody's.

use crate::runs::Project;
use crate::server::{Reply, Request, Server, json, status};

/// Everybody with a session or the token of root may see the list; the session is a cookie for some path.
fn cookie(path: &'static str, guarded: bool) -> Server {
    Server::start(answers(path, guarded))
}

fn answers(path: &'static str, guarded: bool) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |r| {
        let known = r.header("cookie").contains("sid=of-the-user");
        match &*r.path {
            "/app/login" => status(204).header("set-cookie", format!("sid=of-the-user; Path={path}; HttpOnly")),
            "/app/me" if known => json(200, r#"{"user":"u"}"#),
            "/admin/list" if r.bearer() == "roottoken1" => json(200, "[1]"),
            "/admin/list" if known && guarded => status(403),
            "/admin/list" if known => json(200, "[1]"),
            _ => status(401),
        }
    }
}

const PROJECT: &str = r"
auth:
  page: { scheme: login, login: { request: POST /app/login }, whoami: { request: GET /app/me } }
  key: { scheme: bearer }
identities:
  user: { auth: page, username: u, password: pppppppp1 }
  root: { auth: key, token: roottoken1 }
";

const SUITE: &str = "
cases:
  - { name: root may, as: root, request: GET /admin/list, expect: 200 }
  - { name: user may not, as: user, request: GET /admin/list, expect: [401, 403] }
";

#[test]
fn a_cookie_for_another_path_is_not_refused() {
    for proof in ["", "--require-proof"] {
        // The server would let the user in, and is never asked to.
        let open = cookie("/app", false);
        Project::new(&open.url, PROJECT, SUITE)
            .run(proof)
            .must(3, &[("root may", "passed"), ("user may not", "inconclusive: not-sent")]);
        let shut = cookie("/", true);
        Project::new(&shut.url, PROJECT, SUITE)
            .run(proof)
            .must(0, &[("root may", "passed"), ("user may not", "proven")]);
    }
    let open = cookie("/", false);
    let run = Project::new(&open.url, PROJECT, SUITE).run("");
    assert_eq!((run.code, &*run.verdict("user may not")), (1, "failed"), "{}", run.said);
}

/// The login sets more than the session, and what it sets beside that goes everywhere.
#[test]
fn another_cookie_of_the_login_is_no_session() {
    let beside: [fn(Reply) -> Reply; 3] = [
        |login| login.header("set-cookie", "lang=de; Path=/"),
        |login| login.header("set-cookie", "csrftoken=0123456789abcdef0123456789abcdef; Path=/; HttpOnly"),
        |login| login.header("set-cookie", "lang=de; Path=/").header("set-cookie", "theme=dark; Path=/"),
    ];
    for beside in beside {
        for (path, code, verdict) in [("/app", 3, "inconclusive: not-sent"), ("/", 0, "proven")] {
            let inner = answers(path, true);
            let server = Server::start(move |r| if r.is("POST /app/login") { beside(inner(r)) } else { inner(r) });
            let run = Project::new(&server.url, PROJECT, SUITE).run("");
            run.must(code, &[("root may", "passed"), ("user may not", verdict)]);
        }
    }
}

#[test]
fn a_cell_whose_credential_never_left_is_not_refused() {
    let rows = "
access:
  columns: [anonymous, user, root]
  rows:
    the list:
      request: GET /admin/list
      expect: { anonymous: deny, user: deny, root: 200 }
";
    let open = cookie("/app", false);
    let run = Project::new(&open.url, PROJECT, rows).run("--require-proof");
    assert_eq!(run.code, 3, "{}", run.said);
    assert!(run.said.contains("not-sent"), "{}", run.said);
    let shut = cookie("/", true);
    let run = Project::new(&shut.url, PROJECT, rows).run("--require-proof");
    assert_eq!(run.code, 0, "{}", run.said);
}

#[test]
fn a_question_without_an_answer_is_not_refused() {
    let server = Server::start(|r| match &*r.path {
        "/open" if r.header("authorization").starts_with("Digest ") => json(200, "{}"),
        "/open" => status(401).header(
            "www-authenticate",
            "Digest realm=\"r\", nonce=\"n1\", domain=\"/open\", qop=\"auth\", algorithm=SHA-256",
        ),
        "/nothing" => status(404),
        _ if r.bearer() == "roottoken1" => json(200, "{}"),
        _ => status(401).header("www-authenticate", "Bearer"),
    });
    let project = r"
auth:
  digest: { scheme: digest, whoami: { request: GET /open } }
  key: { scheme: bearer }
identities:
  camera: { auth: digest, username: c, password: pppppppp1 }
  root: { auth: key, token: roottoken1 }
";
    let suite = "
cases:
  - { name: root may, as: root, request: GET /list, expect: 200 }
  - { name: the camera may not, as: camera, request: GET /list, expect: 401 }
  - { name: the question is Bearer, as: camera, handshake: off, request: GET /list, expect: 401 }
  - { name: nothing is there, as: camera, request: GET /nothing, expect: 404 }
  - { name: it is hidden, as: camera, request: GET /nothing, expect: [403, 404] }
";
    // Whoever judges the question itself asks for no answer.
    let run = Project::new(&server.url, project, suite).run("");
    run.must(
        3,
        &[
            ("root may", "passed"),
            ("the camera may not", "inconclusive: not-sent"),
            ("the question is Bearer", "proven"),
            ("nothing is there", "passed"),
            ("it is hidden", "inconclusive: not-sent"),
        ],
    );
}

/// A request that cannot be signed, and one whose login gave `null`, would be somebody else's.
#[test]
fn what_cannot_be_signed_does_not_leave() {
    let server = Server::start(|r| if r.path == "/login" { json(200, r#"{"ticket":null}"#) } else { status(404) });
    let project = r#"
auth:
  hash:
    scheme: hmac
    string: "{{ request.headers['X-Time'] }}"
    send: { header: { X-Signature: "{{ hex(signature) }}" } }
  page: { scheme: login, login: { request: POST /login, capture: { t: $.ticket } }, send: { header: { X-Corp: "{{ session.t }}" } } }
identities:
  signer: { auth: hash, key: a key of some length }
  nobody: { auth: page }
"#;
    let suite = "cases:
  - { name: unsigned, as: signer, request: POST /transfer, json: { amount: 5 }, expect: 404 }
  - { name: defect, as: signer, with: hmac-other-key, request: POST /transfer, json: { amount: 6 }, control: off }
  - { name: empty, as: nobody, request: POST /transfer, json: { amount: 7 }, expect: 404 }
";
    let run = Project::new(&server.url, project, suite).run("");
    assert_eq!((run.code, server.count("POST /transfer")), (3, 0), "{}", run.said);
    run.must(3, &[("unsigned", "errored: unsendable"), ("defect", "errored: unsendable"), ("empty", "blocked")]);
    assert!(run.said.contains("`t` is `null`"), "{}", run.said);
}

/// What a scheme sends is a secret, whatever the part is called and wherever it stands.
#[test]
fn what_is_sent_is_masked_whatever_it_is_called() {
    let server = Server::start(|r| match &*r.path {
        "/login" => {
            json(200, r#"{"o":{"k":"Orange-Ticket-31415"},"v":"Yellow-Ticket-27182","w":"White-Ticket-16180"}"#)
        }
        // Echoes all that came.
        _ => json(401, &serde_json::json!({ "raw": format!("{} {:?}", r.path, r.headers) }).to_string()),
    });
    let project = r#"
auth:
  page:
    scheme: login
    login: { request: POST /login, capture: { st: $.o, val: $.v, w: $.w } }
    refresh: { request: POST /refresh, json: { w: "{{ session.w }}" }, capture: { w: $.w } }
    send: { header: { X-Corp: "{{ session.st.k }}" }, query: { q: "{{ session.val }}" } }
  hash:
    scheme: hmac
    string: "{{ request.method }}"
    send: { header: { X-Sig: "{{ hex(signature) }}" } }
identities:
  ann: { auth: page }
  bob: { auth: hash, key: a key of some length }
"#;
    let suite = "cases:\n  - { name: echo, as: [ann, bob], request: GET /echo, expect: 200 }\n";
    let run = Project::new(&server.url, project, suite).run("-vv");
    let seen = server.seen();
    let signature = seen.iter().map(|r| r.header("x-sig")).find(|s| !s.is_empty()).unwrap();
    let report = run.report.to_string();
    for secret in ["Orange-Ticket-31415", "Yellow-Ticket-27182", "White-Ticket-16180", signature] {
        assert!(!run.said.contains(secret) && !report.contains(secret), "{secret}: {}", run.said);
    }
    assert!(run.said.contains("as ann") && run.said.contains("‹ann.st#1›"), "{}", run.said);
}

/// The secret of a client is known as it was written, whichever way it travels, and so is what a step writes out; a server
/// may repeat each in spellings on top of each other.
#[test]
fn what_proves_a_client_is_masked_in_what_a_server_makes_of_it() {
    use base64::Engine as _;
    let hex = |text: &str| text.bytes().map(|b| format!("{b:02x}")).collect::<String>();
    let server = Server::start(move |r| {
        let basic = r.header("authorization").strip_prefix("Basic ").unwrap_or_default();
        let basic = base64::engine::general_purpose::STANDARD.decode(basic).unwrap_or_default();
        let basic = String::from_utf8_lossy(&basic).into_owned();
        json(400, &serde_json::json!({ "error": "invalid_request", "was": [basic, r.body, hex(&r.body)] }).to_string())
    });
    let client = |auth: &str, secret: &str| {
        format!(
            "{{ auth: {{ scheme: oauth2, token_url: /token, grant: client_credentials, client: {{ id: odd, secret: \"{secret}\", auth: {auth} }} }} }}"
        )
    };
    let secrets = [
        ("basic-raw", "abcdefgh=+%a%&Tail-1234="),
        ("basic-raw", "obcd/fgh+Tail-1234=="),
        ("basic-raw", "lbcdefgh%41%42Tail-1234"),
        ("basic", "bbcdefgh=+%a%&Tail-1234="),
        ("post", "cbcdefgh=+%a%&Tail-1234="),
    ];
    let mut project = "identities:\n".to_owned();
    for (i, (auth, secret)) in secrets.iter().enumerate() {
        project += &format!("  c{i}: {}\n", client(auth, secret));
    }
    let suite = "cases:
  - { name: c, as: [c0, c1, c2, c3, c4], request: GET /api, expect: 200 }
  - { name: written, request: POST /token, form: { client_secret: \"ebcdefgh=+%a%&Tail-1234=\" }, expect: 200 }
  - { name: json, request: POST /token, json: { user: { name: ann }, password: fbcdefgh-Tail-1234 }, expect: 200 }
";
    let run = Project::new(&server.url, &project, suite).run("-vv");
    let (said, report) = (&run.said, run.report.to_string());
    for text in [said, &report] {
        for tail in
            ["Tail-1234", &hex("Tail-1234"), &hex("Tail-1234").to_uppercase(), "VGFpbC0x", "YWlsLTEy", "ZGVmZ2gl"]
        {
            assert!(!text.contains(tail), "{tail}: {text}");
        }
    }
    assert!(said.contains("‹c0.client_secret#1›") && !said.contains("under 6 bytes"), "{said}");
}

/// The server was never asked for its opinion of a certificate: this end broke off.
#[test]
fn a_handshake_that_this_end_breaks_off_is_no_refusal() {
    let server = Server::start(|_| json(200, "{}"));
    let suite = "cases:\n  - { name: c, request: GET /gate, expect: { error: tls } }\n";
    let https = server.url.replace("http:", "https:");
    Project::new(&https, "", suite).run("").must(3, &[("c", "errored: tls")]);
    let own = suite.replace("error: tls", "error: untrusted");
    Project::new(&https, "", &own).run("").must(0, &[("c", "passed")]);
}
