//! What belongs to the run and not to a suite: values that are computed once, targets that are awaited once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::recorder::{Recorder, answer};
use crate::support::{Session, told};

fn fine() -> Recorder {
    Recorder::start(|_| answer("200 OK", &[], b"fine"))
}

/// The targets of all requests that were heard.
fn targets(server: &Recorder) -> Vec<String> {
    let lines = server.heard().into_iter().map(|raw| String::from_utf8_lossy(&raw).lines().next().map(str::to_owned));
    lines.flatten().filter_map(|l| l.split(' ').nth(1).map(str::to_owned)).collect()
}

/// Suites of which two have settings, and so worlds, of their own.
fn three_suites(project: &str) -> Session {
    Session::new()
        .file("authspec.yaml", project)
        .file("plain.yaml", "cases: [ { request: 'GET /{{ run }}', expect: 200 } ]\n")
        .file("vars.yaml", "vars: { own: 1 }\ncases: [ { request: 'GET /{{ run }}', expect: 200 } ]\n")
        .file(
            "origins.yaml",
            "origins: [ 'http://127.0.0.1:9' ]\ncases: [ { request: 'GET /{{ run }}', expect: 200 } ]\n",
        )
}

#[test]
fn a_variable_of_the_project_has_one_value_in_all_suites() {
    let server = fine();
    let project = "target: '{{ env.TARGET }}'\nvars: { id: '{{ uuid() }}', run: 'run-{{ id }}' }\n";
    let session = three_suites(project).env("TARGET", server.url());
    let output = session.run(&["run", "."]);
    assert!(output.status.success(), "{}", told(&output));
    let (all, different) = (targets(&server), BTreeSet::from_iter(targets(&server)));
    assert_eq!((all.len(), different.len()), (3, 1), "{all:?}");
}

#[test]
fn a_suite_that_overrides_what_a_variable_uses_gets_a_value_of_its_own() {
    let server = fine();
    let project = "target: '{{ env.TARGET }}'\nvars: { tenant: acme, run: '{{ tenant }}-{{ uuid() }}' }\n";
    let session = three_suites(project)
        .file("other.yaml", "vars: { tenant: other }\ncases: [ { request: 'GET /{{ run }}', expect: 200 } ]\n")
        .env("TARGET", server.url());
    let output = session.run(&["run", "."]);
    assert!(output.status.success(), "{}", told(&output));
    let different = BTreeSet::from_iter(targets(&server));
    let others = different.iter().filter(|t| t.starts_with("/other-")).count();
    assert_eq!((different.len(), others), (2, 1), "{different:?}");
}

#[test]
fn a_variable_of_the_command_line_reaches_those_that_use_it() {
    let server = fine();
    let project = "target: '{{ env.TARGET }}'\nvars: { tenant: acme, run: '{{ tenant }}-1' }\n";
    let session = three_suites(project).env("TARGET", server.url());
    let output = session.run(&["run", ".", "--var", "tenant=lost", "--var", "tenant=given"]);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(BTreeSet::from_iter(targets(&server)), BTreeSet::from(["/given-1".to_owned()]));
}

#[cfg(unix)]
#[test]
fn a_command_that_gives_a_secret_runs_once() {
    let server = fine();
    let project = "target: '{{ env.TARGET }}'\nsecrets: { token: { command: [sh, -c, 'echo run >> runs; echo hidden-token'] } }\nvars: { run: a }\n";
    let session = three_suites(project).env("TARGET", server.url()).env("PATH", "/usr/bin:/bin");
    let output = session.run(&["run", "."]);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(session.read("runs"), "run\n");
}

#[test]
fn targets_are_awaited_at_the_same_time() {
    // Each is ready only when both were asked.
    let asked: Arc<[AtomicBool; 2]> = Arc::default();
    let [one, two] = [0, 1].map(|own| {
        let asked = Arc::clone(&asked);
        Recorder::start(move |request| {
            if request.starts_with("GET /ready") {
                asked[own].store(true, Ordering::SeqCst);
            }
            let both = asked.iter().all(|a| a.load(Ordering::SeqCst));
            answer(if both { "200 OK" } else { "503 Later" }, &[], b"fine")
        })
    });
    let suite = |name: &str| {
        format!(
            "target: {{ url: '{{{{ env.{name} }}}}', ready: GET /ready, within: 2s }}\ncases: [ {{ request: GET /, expect: 200 }} ]\n"
        )
    };
    let session = Session::new()
        .file("one.yaml", suite("ONE"))
        .file("two.yaml", suite("TWO"))
        .env("ONE", one.url())
        .env("TWO", two.url());
    let output = session.run(&["run", "."]);
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn a_target_is_awaited_once_for_all_its_suites() {
    let server = fine();
    let project = "target: { url: '{{ env.TARGET }}', ready: GET /ready, within: 2s }\nvars: { run: a }\n";
    let session = three_suites(project).env("TARGET", server.url());
    let output = session.run(&["run", "."]);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(targets(&server).iter().filter(|t| *t == "/ready").count(), 1);
}

#[test]
fn a_target_of_the_command_line_is_awaited_as_the_project_says() {
    let server = Recorder::start({
        let asked = AtomicUsize::new(0);
        move |request| {
            let early = asked.fetch_add(1, Ordering::SeqCst) < 2;
            let later = request.starts_with("GET /ready") && early;
            answer(if later { "503 Later" } else { "200 OK" }, &[], b"fine")
        }
    });
    let project = "target: { url: 'http://127.0.0.1:9', ready: GET /ready, within: 5s }\nvars: { run: a }\n";
    let output = three_suites(project).run(&["run", ".", "--target", server.url()]);
    assert!(output.status.success(), "{}", told(&output));
    let heard = targets(&server);
    assert_eq!(heard[..3], ["/ready", "/ready", "/ready"], "{heard:?}");
}

/// Each suite that starts a demo of its own keeps what it needs of it; one that asks an address is sent to the demo.
#[test]
fn the_demo_of_the_command_line_is_the_one_that_a_suite_has() {
    let session = Session::new()
        .file("weak.yaml", "target: { demo: { weak: [no-challenge] } }\ncases: [ { request: GET /me, expect: { status: 401, headers: { WWW-Authenticate: { exists: false } } } } ]\n")
        .file("plain.yaml", "target: http://127.0.0.1:9\ncases: [ { request: GET /me, expect: { status: 401, headers: { WWW-Authenticate: { exists: true } } } } ]\n");
    let output = session.run(&["run", ".", "--target", "demo"]);
    assert!(output.status.success(), "{}", told(&output));
}
