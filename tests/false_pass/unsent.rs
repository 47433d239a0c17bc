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

#[test]
fn a_cookie_for_another_path_is_not_refused() {
    let suite = "
cases:
  - { name: root may, as: root, request: GET /admin/list, expect: 200 }
  - { name: user may not, as: user, request: GET /admin/list, expect: [401, 403] }
";
    for proof in ["", "--require-proof"] {
        // The server would let the user in, and is never asked to.
        let open = cookie("/app", false);
        Project::new(&open.url, PROJECT, suite)
            .run(proof)
            .must(3, &[("root may", "passed"), ("user may not", "inconclusive: not-sent")]);
        let shut = cookie("/", true);
        Project::new(&shut.url, PROJECT, suite)
            .run(proof)
            .must(0, &[("root may", "passed"), ("user may not", "proven")]);
    }
    let open = cookie("/", false);
    let run = Project::new(&open.url, PROJECT, suite).run("");
    assert_eq!((run.code, &*run.verdict("user may not")), (1, "failed"), "{}", run.said);
}

/// The login sets more than the session, and what it sets beside that goes everywhere.
#[test]
fn another_cookie_of_the_login_is_no_session() {
    let suite = "
cases:
  - { name: root may, as: root, request: GET /admin/list, expect: 200 }
  - { name: user may not, as: user, request: GET /admin/list, expect: [401, 403] }
";
    let beside: [fn(Reply) -> Reply; 3] = [
        |login| login.header("set-cookie", "lang=de; Path=/"),
        |login| login.header("set-cookie", "csrftoken=0123456789abcdef0123456789abcdef; Path=/; HttpOnly"),
        |login| login.header("set-cookie", "lang=de; Path=/").header("set-cookie", "theme=dark; Path=/"),
    ];
    for beside in beside {
        for (path, code, verdict) in [("/app", 3, "inconclusive: not-sent"), ("/", 0, "proven")] {
            let inner = answers(path, true);
            let server = Server::start(move |r| if r.is("POST /app/login") { beside(inner(r)) } else { inner(r) });
            let run = Project::new(&server.url, PROJECT, suite).run("");
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
