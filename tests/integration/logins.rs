//! `authspec login -v` and `authspec token` for every scheme: each step is shown and nothing secret with it, in no spelling;
//! the credential is printed alone, or it is said why there is none.

use authspec::auth::SCHEMES;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::support::{Session, told};

/// The scheme, the identity of its example, its secrets, and what of its credential is known before (none: it changes).
struct Row {
    scheme: &'static str,
    identity: &'static str,
    secrets: &'static [&'static str],
    prints: Prints,
}

#[derive(Clone, Copy)]
enum Prints {
    /// One line that begins so.
    Line(&'static str),
    /// Nothing: the credential is made for each request, or is the connection's.
    Nothing,
}

const ROWS: &[Row] = &[
    row("api-key", "reader", &["demo-key-reader-1a2b3c4d"], Prints::Line("demo-key-reader-1a2b3c4d")),
    row("aws-sigv4", "reader", &["r3aD/demo+secret"], Prints::Nothing),
    row("aws-sigv4", "guest", &["gu3St/demo+secret", "FwoDemoSessionToken=="], Prints::Nothing),
    row("basic", "alice", &["wonderland-7", "alice:wonderland-7"], Prints::Line("YWxpY2U6d29uZGVybGFuZC03")),
    row("bearer", "job", &["wonderland-7"], Prints::Line("eyJ")),
    row("command", "reader", &["demo-key-reader-1a2b3c4d"], Prints::Line("demo-key-reader-1a2b3c4d")),
    row("digest", "camera", &["lens-cap-4"], Prints::Nothing),
    row("form", "alice", &["wonderland-7"], Prints::Line("")),
    row("hmac", "writer", &["hmac-writer-5e6f7a8b"], Prints::Nothing),
    row("hmac", "hook", &["hook-github-9c0d1e2f"], Prints::Nothing),
    row("login", "alice", &["wonderland-7"], Prints::Line("eyJ")),
    row("mtls", "gate", &["PRIVATE KEY"], Prints::Nothing),
    row("mtls", "from-store", &["demo-gate-7", "PRIVATE KEY"], Prints::Nothing),
    row("oauth2", "worker", &["service-secret-7d1f", "service:service-secret-7d1f"], Prints::Line("eyJ")),
    row("oauth2", "alice", &["wonderland-7", "web-secret-3c9e", "web:web-secret-3c9e"], Prints::Line("eyJ")),
];

const fn row(scheme: &'static str, identity: &'static str, secrets: &'static [&'static str], prints: Prints) -> Row {
    Row { scheme, identity, secrets, prints }
}

/// A secret as it may stand in a request or in a report; the ends of Base64 depend on what is beside it.
fn spellings(secret: &str) -> Vec<String> {
    let inner = |text: String| text.chars().take(text.len().saturating_sub(2)).collect::<String>();
    let percent: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
    vec![
        secret.to_owned(),
        secret.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D"),
        secret.replace('/', "\\/"),
        percent,
        secret.bytes().map(|b| format!("{b:02x}")).collect(),
        inner(STANDARD_NO_PAD.encode(secret)),
        inner(URL_SAFE_NO_PAD.encode(secret)),
        secret.chars().rev().collect(),
    ]
}

fn session(scheme: &str) -> Session {
    let kind = SCHEMES.iter().find(|kind| kind.name == scheme).expect("a scheme");
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/specs/data/mtls");
    let file = |name: &str| std::fs::read(format!("{data}/{name}")).expect("a certificate of the demo");
    ["gate-7.pem", "gate-7.key", "gate-7.p12"]
        .iter()
        .fold(Session::new(), |session, name| session.file(name, file(name)))
        .file("suite.yaml", kind.example)
        .env("COLUMNS", "80")
}

#[test]
fn every_login_is_shown_and_no_secret_with_it() {
    for Row { scheme, identity, secrets, .. } in ROWS {
        for more in [&[][..], &["-v"]] {
            let args = [&["login", identity, "--suite", "suite.yaml", "--color", "never"], more].concat();
            let output = session(scheme).run(&args);
            let text = told(&output);
            assert_eq!(output.status.code(), Some(0), "{scheme} {identity}\n{text}");
            for spelling in secrets.iter().flat_map(|secret| spellings(secret)) {
                assert!(!text.contains(&spelling), "{scheme} {identity}: {spelling}\n{text}");
            }
            // A token of the demo is a JWT.
            assert!(!text.contains("eyJhbGci") && !text.contains("eyJ0eXAi"), "{scheme} {identity}\n{text}");
            let shown = String::from_utf8_lossy(&output.stdout).into_owned();
            let wide = shown.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None, "{scheme} {identity}");
            // Nobody is logged in whose scheme has no login.
            let logs_in = SCHEMES.iter().any(|kind| kind.name == *scheme && kind.logs_in);
            let ends = [" is logged in", " is accepted, as `whoami` shows", " has a credential, and no `whoami` shows"];
            let true_here = if logs_in { &ends[..1] } else { &ends[1..] };
            let says = |end: &&str| shown.lines().any(|line| line.starts_with(&format!("{identity}{end}")));
            assert!(true_here.iter().any(says) && (logs_in || !shown.contains("logged in")), "{text}");
        }
    }
}

#[test]
fn a_credential_is_printed_alone_or_it_is_said_why_there_is_none() {
    for Row { scheme, identity, prints, .. } in ROWS {
        let output = session(scheme).run(&["token", identity, "--suite", "suite.yaml"]);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        match prints {
            Prints::Line(start) => {
                assert_eq!(output.status.code(), Some(0), "{scheme} {identity}: {}", told(&output));
                let line = out.strip_suffix('\n').unwrap_or_else(|| panic!("{scheme}: {out:?}"));
                assert!(line.starts_with(start) && line.len() > 10 && !line.contains([' ', '\n']), "{scheme}: {out:?}");
                assert_eq!(err, "", "{scheme} {identity}");
            }
            Prints::Nothing => {
                assert_eq!((output.status.code(), &*out), (Some(2), ""), "{scheme} {identity}: {}", told(&output));
                assert!(err.starts_with("error: "), "{scheme} {identity}: {err}");
            }
        }
    }
    for kind in SCHEMES {
        assert!(ROWS.iter().any(|row| row.scheme == kind.name), "`{}` is in no row", kind.name);
    }
}

/// Files are named as they are found from where the command was started, and the cause is that which a run tells.
#[test]
fn a_refused_login_is_told_from_the_folder_above_the_project() {
    let project = "target: demo
auth:
  api:
    scheme: login
    login: { request: POST /login, json: { username: \"{{ identity.username }}\", password: \"{{ identity.password }}\" }, capture: { token: $.access_token } }
    send: { bearer: token }
identities:
  alice: { auth: api, username: alice, password: not-hers-at-all }
";
    for command in ["login", "token"] {
        let session = Session::new().file("specs/authspec.yaml", project);
        let output = session.run(&[command, "alice", "--color", "never"]);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{}", told(&output));
        assert!(err.contains("  --> specs/authspec.yaml:5\n"), "{err}");
        assert!(err.contains("(authspec explain wrong-password)"), "{err}");
    }
}

/// What is known without the server is said at once.
#[test]
fn that_there_is_nothing_to_print_is_said_before_the_target_is_waited_for() {
    let suite = "target: { url: \"http://127.0.0.1:9\", ready: GET / }
identities:
  ann: { auth: { scheme: digest }, username: ann, password: right-ann-of-7 }
cases:
  - { name: never run here, as: ann, request: GET /me }
";
    let clock = std::time::Instant::now();
    let output = Session::new().file("suite.yaml", suite).run(&["token", "ann", "--suite", "suite.yaml"]);
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(err.contains("a credential for each request"), "{err}");
    assert!(clock.elapsed().as_secs() < 10, "{:?}", clock.elapsed());
}

/// What is in one line everywhere is looked into when the plan is made, also where the environment holds it.
#[test]
fn a_credential_of_several_lines_is_found_before_anything_is_sent() {
    let suite = "target: http://127.0.0.1:9
secrets: { held: { env: WITH_LINES }, ended: { env: WITH_END } }
auth:
  app: { scheme: oauth2, token_url: /token, grant: client_credentials, client: { id: app, secret: '{{ env.WITH_LINES }}' } }
identities:
  app: { auth: app }
  bob: { auth: { scheme: basic }, username: bob, password: '{{ secrets.held }}' }
  eve: { auth: { scheme: basic }, username: eve, password: '{{ secrets.ended }}' }
cases: [ { name: c, as: [app, bob, eve], request: GET /me, expect: 200 } ]
";
    let session = Session::new().file("suite.yaml", suite);
    let mut check = session.command(&["check", "suite.yaml"]);
    let run =
        check.env("WITH_LINES", "first-part\nsecond-part").env("WITH_END", "whole-part\n").output().expect("it runs");
    let text = told(&run).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(run.status.code(), Some(2), "{text}");
    for sentence in [
        "`client.secret` is one line, and the variable `WITH_LINES` has several lines",
        "`password` is one line, and the variable `WITH_LINES` of the secret `held` has several",
        "2 errors",
    ] {
        assert!(text.contains(sentence), "{text}");
    }
    assert!(!text.contains("-part"), "{text}");
}

/// A program that leaves something running, which keeps its output open, has ended all the same.
#[cfg(unix)]
#[test]
fn a_program_has_ended_whatever_it_leaves_behind() {
    let suite = "target: http://127.0.0.1:9
identities:
  job: { auth: { scheme: command, command: [sh, -c, 'echo token-of-the-job; sleep 20 &'] } }
cases: [ { name: c, as: job, request: GET /me, expect: 200 } ]
";
    let session = Session::new().file("suite.yaml", suite);
    let clock = std::time::Instant::now();
    let run = session.run(&["token", "job", "--suite", "suite.yaml"]);
    assert_eq!(run.status.code(), Some(0), "{}", told(&run));
    assert_eq!(String::from_utf8_lossy(&run.stdout).trim(), "token-of-the-job");
    assert!(clock.elapsed().as_secs() < 5, "{:?}", clock.elapsed());
}
