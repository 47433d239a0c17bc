//! What may write or delete data is sent only where somebody said that it may be lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::runs::{Project, Run};
use super::server::{Server, json, status};

/// A session by cookie that is known without a login.
const ALICE: &str = r"
auth:
  web: { scheme: api-key, cookie: sid, whoami: { request: GET /me } }
identities: { alice: { auth: web, key: right-alice-and-long } }
";

/// Takes every change, whatever token it carries; gives the run and how many changes there were.
fn run(project: &str, suite: &str, arguments: &str) -> (Run, usize) {
    let changes = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&changes);
    let server = Server::start(move |r| {
        let known = r.header("cookie").contains("sid=right-alice-and-long");
        match &*r.method {
            _ if !known => status(401),
            "POST" => {
                seen.fetch_add(1, Ordering::SeqCst);
                json(200, "{}")
            }
            _ => json(200, r#"{"name":"alice"}"#),
        }
    });
    let run = Project::new(&server.url, &format!("{ALICE}{project}"), suite).run(arguments);
    (run, changes.load(Ordering::SeqCst))
}

fn change(with: &str) -> String {
    format!(
        "cases:\n  - {{ name: c, as: alice, with: {with}, request: POST /name, headers: {{ X-CSRF-Token: a1b2c3 }} }}\n"
    )
}

const STAGING: &str = "environments: { staging: { allow_destructive: true }, live: { allow_destructive: false } }\n";
const YES: &str = "allow_destructive: true\n";
const NO: &str = "allow_destructive: false\n";

#[test]
fn a_change_is_forged_only_with_leave() {
    let suite = |own: &str| format!("{own}{}", change("csrf-missing"));
    let refused = |project: &str, own: &str, arguments: &str| {
        let (run, changes) = run(project, &suite(own), arguments);
        run.must(3, &[("c", "errored: destructive-not-allowed")]);
        assert_eq!(changes, 0, "nothing was sent");
    };
    refused("", "", "");
    refused(NO, "", "");
    refused("", NO, "");
    refused(STAGING, "", "");
    // Whoever forbids it knows the server, and is not overruled by whoever knows the suite alone, or the other way round.
    refused(NO, YES, "");
    refused(YES, NO, "");
    refused(STAGING, YES, "--env live");
    refused(&format!("{YES}{STAGING}"), "", "--env live");
    for (project, own, arguments) in
        [(YES, "", ""), ("", YES, ""), (STAGING, "", "--env staging"), (&format!("{NO}{STAGING}"), "", "--env staging")]
    {
        let (run, changes) = run(project, &suite(own), arguments);
        run.must(1, &[("c", "failed: mutant-accepted")]);
        assert_eq!(changes, 1);
    }
}

#[test]
fn of_a_pack_the_rest_is_sent_and_what_was_withheld_is_counted() {
    let own = ["sess-none", "sess-garbage", "sess-truncated", "sess-bitflip", "sess-param", "sess-in-url"];
    let named = |id: &str| format!("c [with={id}]");
    let all: Vec<(String, &str)> = own
        .iter()
        .map(|id| (named(id), "unproven"))
        .chain(
            ["csrf-missing", "csrf-empty", "csrf-wrong"]
                .iter()
                .map(|id| (named(id), "skipped: destructive-not-allowed")),
        )
        .collect();
    let all: Vec<(&str, &str)> = all.iter().map(|(name, verdict)| (&**name, *verdict)).collect();
    let (run, changes) = run("", &change("pack.session"), "");
    run.must(0, &all);
    assert_eq!((changes, run.report["summary"]["withheld"].as_u64()), (0, Some(3)));
    assert!(run.said.contains("only with `allow_destructive: true`"), "{}", run.said);
    assert_eq!(run.case("c [with=csrf-missing]")["with"]["class"], "destructive");
}

/// A request that carries no token has none that could be left out, with leave or without.
#[test]
fn what_has_no_sense_is_not_called_destructive() {
    let bare = "cases:\n  - { name: c, as: alice, with: csrf-missing, request: POST /name }\n";
    let (run, _) = run("", bare, "");
    run.must(3, &[("c", "inconclusive: not-applicable")]);
    assert_eq!(run.report["summary"]["withheld"].as_u64(), Some(0));
}

/// Two suites share their world, and not what may be lost in it.
#[test]
fn leave_is_a_suites_own() {
    let server = Server::start(|r| if r.header("cookie").is_empty() { status(401) } else { json(200, "{}") });
    let project = Project::new(&server.url, ALICE, &change("csrf-missing"));
    let other = change("csrf-missing").replace("name: c,", "name: other,");
    project.file("other.yaml", &format!("{YES}{other}"));
    let (c, other) = (("c", "errored: destructive-not-allowed"), ("other", "failed: mutant-accepted"));
    project.run("").must(1, &[other, c]);
}
