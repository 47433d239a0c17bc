//! Servers that give everybody the same answer, and logins that lie.

use crate::api::Api;
use crate::runs::{BLIND, PEOPLE, Project, SCHEME, TOUR};
use crate::server::{Reply, Request, Server, html, json, status};

/// Runs the tour against a server, with and without `whoami`.
fn tour(answer: impl Fn(&Request) -> Reply + Send + Sync + Clone + 'static) -> [crate::runs::Run; 2] {
    [SCHEME, BLIND].map(|scheme| {
        let server = Server::start(answer.clone());
        Project::new(&server.url, &format!("{scheme}{PEOPLE}"), TOUR).run("")
    })
}

#[test]
fn the_tour_is_green_and_proven_at_a_right_server() {
    for scheme in [SCHEME, BLIND] {
        let api = Api::default();
        let server = Server::start(move |r| api.answer(r));
        let project = Project::new(&server.url, &format!("{scheme}{PEOPLE}"), TOUR);
        let bob =
            if scheme == SCHEME { ("bob does not", "proven") } else { ("bob does not", "inconclusive: never-allowed") };
        let code = if scheme == SCHEME { 0 } else { 3 };
        project.run("").must(
            code,
            &[
                ("alice sees herself", "passed"),
                ("root sees the admin area", "passed"),
                bob,
                ("nobody is refused", "proven"),
            ],
        );
    }
}

#[test]
fn every_request_answered_with_one_status() {
    for code in [200, 302, 401, 403, 404, 429, 500, 503] {
        let runs = tour(move |_| if code == 302 { status(302).header("location", "/login") } else { status(code) });
        for run in runs {
            let anonymous = if code == 401 { "unproven" } else { "failed: check-failed" };
            let exit = if code == 401 { 3 } else { 1 };
            run.must(
                exit,
                &[
                    ("alice sees herself", "blocked: login-failed"),
                    ("root sees the admin area", "blocked: login-failed"),
                    ("bob does not", "blocked: login-failed"),
                    ("nobody is refused", anonymous),
                ],
            );
        }
    }
}

#[test]
fn a_login_page_for_everything() {
    for run in tour(|_| html(200, "<!doctype html><form action=/login><input name=password></form>")) {
        run.must(
            1,
            &[
                ("alice sees herself", "blocked: login-failed"),
                ("root sees the admin area", "blocked: login-failed"),
                ("bob does not", "blocked: login-failed"),
                ("nobody is refused", "failed: check-failed"),
            ],
        );
    }
}

#[test]
fn a_login_that_answers_200_with_an_error() {
    let server = Server::start({
        let api = Api::default();
        move |r| if r.is("POST /login") { json(200, r#"{"error":"wrong password"}"#) } else { api.answer(r) }
    });
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), TOUR).run("");
    run.must(
        3,
        &[
            ("alice sees herself", "blocked: login-failed"),
            ("root sees the admin area", "blocked: login-failed"),
            ("bob does not", "blocked: login-failed"),
            ("nobody is refused", "unproven"),
        ],
    );
    assert_eq!(server.count("GET /admin"), 0, "nothing is sent in the name of somebody who could not log in");
}
