//! Steps that are asked again (`retry`) at servers that let somebody in first, and refuse afterwards.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::Api;
use crate::runs::{PEOPLE, Project, SCHEME};
use crate::server::{Reply, Server, json, status};

/// Answers the first requests to `/guarded` in one way, and all later ones in another.
fn turning(times: usize, first: fn() -> Reply, then: fn() -> Reply) -> Server {
    let (api, tries) = (Api::default(), AtomicUsize::new(0));
    Server::start(move |r| match &*r.path {
        "/guarded" if tries.fetch_add(1, Ordering::SeqCst) < times => first(),
        "/guarded" => then(),
        _ => api.answer(r),
    })
}

fn open() -> Reply {
    json(200, r#"{"secret":17}"#)
}

fn guarded(as_: &str, expect: &str) -> String {
    format!(
        "cases:
  - name: guarded
    as: {as_}
    request: GET /guarded
    retry: {{ attempts: 3, every: 1ms }}
    expect: {expect}
"
    )
}

#[test]
fn what_let_somebody_in_is_not_asked_until_it_refuses() {
    let project = |server: &Server, text: &str| Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), text).run("");
    for (as_, expect) in
        [("bob", "401"), ("bob", "deny"), ("bob", "[401, 404]"), ("anonymous", "{ status: 401, body: { equals: '' } }")]
    {
        let server = turning(1, open, || status(401));
        project(&server, &guarded(as_, expect)).must(1, &[("guarded", "failed: check-failed")]);
        assert_eq!(server.count("GET /guarded"), 1, "{expect}");
    }
    // The way to the login page is a refusal as well, whoever asks.
    for as_ in ["bob", "anonymous"] {
        let server = turning(1, open, || status(302).header("location", "/login"));
        let run = project(&server, &guarded(as_, "{ status: 302, redirect: { to: /login } }"));
        run.must(1, &[("guarded", "failed: check-failed")]);
    }
    // What whoever uses a flow wants of its last answer counts as well.
    let flow = "
flows:
  look: { steps: [ { request: GET /guarded, expect: [200, 401], retry: { attempts: 3, every: 1ms } } ] }
cases:
  - { name: guarded, as: bob, use: look, expect: 401 }
";
    let server = turning(1, open, || status(401));
    project(&server, flow).must(1, &[("guarded", "failed: check-failed")]);
}

/// What is not there yet, down for a moment, or gone in the end may be asked for again.
#[test]
fn what_lets_nobody_in_is_asked_again() {
    let project = |server: &Server, text: &str| Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), text).run("");
    let server = turning(2, || status(503), || status(401));
    project(&server, &guarded("bob", "401")).must(0, &[("guarded", "unproven: unproven")]);
    let server = turning(2, || status(401), open);
    project(&server, &guarded("bob", "200")).must(0, &[("guarded", "passed")]);
    let server = turning(2, open, || status(404));
    project(&server, &guarded("bob", "404")).must(0, &[("guarded", "passed")]);
}

/// In a row of the matrix, too. Defects are never asked again: `with` and `retry` do not go together.
#[test]
fn a_cell_that_was_let_in_once_was_let_in() {
    let rows = "access:
  columns: [anonymous, root]
  rows:
    guarded: { request: GET /guarded, retry: { attempts: 3, every: 1ms }, expect: { root: 200 } }
";
    let tries = AtomicUsize::new(0);
    let api = Api::default();
    let server = Server::start(move |r| match (&*r.path, r.bearer()) {
        ("/guarded", "") if tries.fetch_add(1, Ordering::SeqCst) > 0 => status(401),
        ("/guarded", _) => open(),
        _ => api.answer(r),
    });
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), rows).run("");
    assert_eq!(run.code, 1, "{}", run.said);
}
