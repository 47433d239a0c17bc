//! Tokens that an earlier run kept: what else than their age may have ended them.

use std::fs;
use std::path::PathBuf;

use crate::expiry::{Books, end_of, now, server};
use crate::runs::{BLIND, PEOPLE, Project, Run};
use crate::server::{Request, Server};

const CASE: &str = "cases:\n  - { name: c, as: alice, with: token-expired, request: GET /me }\n";
const KEY: &str = "a key of forty characters, or nearly so..";

fn project(server: &Server) -> Project {
    Project::new(&server.url, &format!("{BLIND}{PEOPLE}"), CASE)
}

fn run(project: &Project) -> Run {
    let run = project.run_with(&[("AUTHSPEC_KEEP_KEY", KEY)], "-vv");
    let all = format!("{}{}", run.said, run.report);
    assert!(!all.contains(KEY));
    // No token is in a report, and none lies open in a file.
    assert!(!all.contains(".c2ln"), "{all}");
    for file in files(project) {
        assert!(!fs::read_to_string(file).unwrap().contains("c2ln"));
    }
    run
}

/// The files of kept tokens.
fn files(project: &Project) -> Vec<PathBuf> {
    let found = fs::read_dir(project.path().join(".authspec/kept")).into_iter().flatten().flatten();
    found.map(|e| e.path()).filter(|p| p.file_name().is_some_and(|n| n != ".gitignore")).collect()
}

fn is_newest(books: &Books, request: &Request) -> bool {
    books.given.last().is_some_and(|newest| newest == request.bearer())
}

/// A server whose clock nobody sees: its tokens were over for three minutes when they came, as between two runs.
fn aged(why: &'static str) -> Server {
    server(-180, |_| (), move |books, r, _| (!is_newest(books, r)).then_some(why))
}

#[test]
fn the_first_run_has_none_and_the_next_one_names_the_end() {
    let named = aged("the token expired");
    let project = project(&named);
    let first = run(&project);
    first.must(3, &[("c", "inconclusive: no-bad-token")]);
    assert_eq!(files(&project).len(), 1);
    assert_eq!(fs::read_to_string(project.path().join(".authspec/kept/.gitignore")).unwrap(), "*\n");
    run(&project).must(0, &[("c", "proven")]);
    // Without the key nothing is kept and nothing is used.
    project.run("").must(3, &[("c", "inconclusive: no-bad-token")]);
}

/// The end is not looked at: whatever token was kept gets in.
#[test]
fn a_kept_token_that_is_taken_fails() {
    let open = server(-180, |_| (), |_, _, _| None);
    let project = project(&open);
    run(&project);
    run(&project).must(1, &[("c", "failed: mutant-accepted")]);
}

/// Restarts forget sessions, logins end those before them, and some say so.
#[test]
fn a_kept_token_that_is_refused_for_something_else_shows_nothing() {
    for why in ["", "the session is unknown", "the token was revoked", "invalid signature"] {
        let other = aged(why);
        let project = project(&other);
        run(&project);
        run(&project).must(3, &[("c", "inconclusive: other-cause")]);
    }
}

/// Three runs: the first token was over at once, as it seems, and the others live for an hour.
fn three(judge: impl Fn(&Books, &Request) -> Option<&'static str> + Send + Sync + 'static) -> Run {
    let server = two_lives(judge);
    let project = project(&server);
    run(&project);
    run(&project);
    run(&project)
}

fn two_lives(judge: impl Fn(&Books, &Request) -> Option<&'static str> + Send + Sync + 'static) -> Server {
    let books: std::sync::Mutex<Books> = std::sync::Mutex::default();
    Server::start(move |r| {
        let mut books = books.lock().unwrap();
        if r.is("POST /login") {
            let life = if books.given.is_empty() { -180 } else { 3600 };
            let token = crate::expiry::token(books.given.len(), now() + life);
            books.given.push(token.clone());
            return crate::server::json(200, &serde_json::json!({ "access_token": token }).to_string());
        }
        match end_of(r) {
            Some(_) if books.given.contains(&r.bearer().to_owned()) => match judge(&books, r) {
                None => crate::server::json(200, "{}"),
                Some(why) => crate::api::unauthorized(why),
            },
            _ => crate::api::unauthorized(""),
        }
    })
}

/// A login ends the tokens before it: one that is not over is refused as well.
#[test]
fn a_server_with_one_session_at_a_time() {
    three(|books, r| (!is_newest(books, r)).then_some("")).must(3, &[("c", "inconclusive: other-cause")]);
}

/// A restart between the first run and the second: the second's token works, the first one's does not, and nobody saw
/// it alive after the second's was made.
#[test]
fn a_restart_between_two_runs() {
    three(|books, r| (books.given.first().is_some_and(|old| old == r.bearer()) && books.given.len() > 1).then_some(""))
        .must(3, &[("c", "inconclusive: other-cause")]);
}

/// A token that was seen alive beside the next one, which is taken when the first is over: nothing but its age is left.
#[test]
#[ignore = "takes two minutes and a half of real time"]
fn it_takes_two_minutes() {
    let strict = {
        let books: std::sync::Mutex<Books> = std::sync::Mutex::default();
        Server::start(move |r| {
            let mut books = books.lock().unwrap();
            if r.is("POST /login") {
                let life = if books.given.is_empty() { 12 } else { 3600 };
                let token = crate::expiry::token(books.given.len(), now() + life);
                books.given.push(token.clone());
                return crate::server::json(200, &serde_json::json!({ "access_token": token }).to_string());
            }
            match end_of(r).filter(|end| now() < *end) {
                Some(_) => crate::server::json(200, "{}"),
                None => crate::api::unauthorized(""),
            }
        })
    };
    let project = project(&strict);
    run(&project);
    run(&project).must(3, &[("c", "inconclusive: no-bad-token")]);
    std::thread::sleep(std::time::Duration::from_secs(135));
    run(&project).must(0, &[("c", "proven")]);
}

#[test]
fn a_file_that_cannot_be_opened_is_told_and_left_alone() {
    let named = aged("the token expired");
    let project = project(&named);
    run(&project);
    let file = files(&project).remove(0);
    let good = fs::read_to_string(&file).unwrap();
    let other = [("AUTHSPEC_KEEP_KEY", "another key of forty characters, or so..")];
    let wrong = project.run_with(&other, "");
    wrong.must(3, &[("c", "inconclusive: no-bad-token")]);
    assert!(wrong.said.contains("another key"), "{}", wrong.said);
    assert!(wrong.said.contains(".authspec/kept/"), "{}", wrong.said);
    assert_eq!(fs::read_to_string(&file).unwrap(), good);
    for damaged in ["", "no such thing", &good[..good.len() / 2]] {
        fs::write(&file, damaged).unwrap();
        let run = run(&project);
        run.must(3, &[("c", "inconclusive: no-bad-token")]);
        assert!(run.report["warnings"][0]["code"] == "kept-tokens", "{}", run.report);
        assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
    }
    fs::write(&file, good).unwrap();
    run(&project).must(0, &[("c", "proven")]);
    let short = project.run_with(&[("AUTHSPEC_KEEP_KEY", "short")], "");
    assert!(short.said.contains("fewer than 32"), "{}", short.said);
}

/// Several write at once, and each file is whole.
#[test]
fn runs_beside_each_other() {
    let named = aged("the token expired");
    let project = project(&named);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| project.run_with(&[("AUTHSPEC_KEEP_KEY", KEY)], ""));
        }
    });
    assert_eq!(files(&project).len(), 1);
    run(&project).must(0, &[("c", "proven")]);
}

/// A refresh token is none of what is kept, wherever it travels.
#[test]
fn no_refresh_token_is_kept() {
    let named = aged("the token expired");
    let scheme = BLIND.replace("access_token", "refresh_token").replace("$.refresh_token", "$.access_token");
    let project = Project::new(&named.url, &format!("{scheme}{PEOPLE}"), CASE);
    project.run_with(&[("AUTHSPEC_KEEP_KEY", KEY)], "").must(3, &[("c", "inconclusive: no-bad-token")]);
    assert!(files(&project).is_empty());
}
