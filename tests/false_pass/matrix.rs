//! The access matrix: servers that refuse for another reason, or only seem to refuse.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::api::{Api, unauthorized};
use crate::runs::{COOKIES, Project, Run, SCHEME};
use crate::server::{Reply, Request, Server, html, json, status};

const PEOPLE: &str = r"
identities:
  alice: { auth: api, role: user, username: alice, password: right-alice }
  bob: { auth: api, role: user, username: bob, password: right-bob }
  root: { auth: api, role: admin, username: root, password: right-root }
";

/// How a server with orders goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// 404 for everybody, also for the owner.
    GoneForAll,
    /// Says no, and deletes all the same.
    DeletesAnyway,
    /// Deletes, and then asks who it is for.
    DeletesBeforeAsking,
    /// Hides an order of another one with more words than one that is not there.
    TellsHidden,
    /// Hides an order of another one, and names its owner in a header field.
    TellsInHeader,
    /// Answers what is not there with another status.
    MissingIsForbidden,
    /// Everybody may read everything.
    NoOwner,
    /// Everybody gets 200 without a body.
    EmptyForAll,
    /// Known people get a 401.
    ForgetsWhoAsks,
    /// 403 for whoever is not known.
    ForbidsAnonymous,
    /// Everything is 200, and the body tells.
    AlwaysOk,
}

/// An API with orders: only their owner and root see and delete them.
fn orders(wrong: Wrong) -> Server {
    let api = Api::default();
    let owners: Arc<Mutex<HashMap<String, String>>> = Arc::default();
    Server::start(move |request| {
        if !request.path.starts_with("/orders") {
            return api.answer(request);
        }
        let is_bad = !request.bearer().is_empty() && api.user(request).is_err();
        if wrong == Wrong::DeletesBeforeAsking && request.method == "DELETE" && is_bad {
            owners.lock().unwrap().remove(request.path.trim_start_matches("/orders/"));
        }
        let user = match api.user(request) {
            Ok(user) => user,
            Err(_) if wrong == Wrong::ForbidsAnonymous => return json(403, r#"{"error":"no"}"#),
            Err(_) if wrong == Wrong::AlwaysOk => return json(200, r#"{"error":"denied"}"#),
            Err(why) => return unauthorized(why),
        };
        order(wrong, &user, request, &owners)
    })
}

fn order(wrong: Wrong, user: &str, request: &Request, owners: &Mutex<HashMap<String, String>>) -> Reply {
    let mut owners = owners.lock().unwrap();
    let id = request.path.trim_start_matches("/orders/").to_owned();
    if request.method == "POST" {
        let id = format!("order-{}", owners.len() + 1);
        owners.insert(id.clone(), user.to_owned());
        return json(201, &format!(r#"{{"id":"{id}"}}"#));
    }
    let missing = || json(404, &format!(r#"{{"error":"there is no order {id}"}}"#));
    let whole = |owner: &str| json(200, &format!(r#"{{"id":"{id}","owner":"{owner}","item":"a book"}}"#));
    let Some(owner) = owners.get(&id).cloned() else {
        return if wrong == Wrong::MissingIsForbidden { json(403, r#"{"error":"no"}"#) } else { missing() };
    };
    let may = owner == user || user == "root";
    match (may, wrong) {
        (_, Wrong::GoneForAll) => missing(),
        (_, Wrong::NoOwner) if request.method == "GET" => whole(&owner),
        (_, Wrong::EmptyForAll) if request.method == "GET" => status(200),
        (false, Wrong::TellsHidden) => json(404, r#"{"error":"this order is not yours"}"#),
        (false, Wrong::TellsInHeader) => missing().header("x-owner", owner),
        (false, Wrong::ForgetsWhoAsks) => unauthorized("who are you?"),
        (false, Wrong::AlwaysOk) => json(200, r#"{"error":"denied"}"#),
        (false, Wrong::DeletesAnyway) if request.method == "DELETE" => {
            owners.remove(&id);
            missing()
        }
        (false, _) => missing(),
        (true, _) if request.method == "DELETE" => {
            owners.remove(&id);
            status(204)
        }
        (true, _) => whole(&owner),
    }
}

const GIVEN: &str = "given: { as: alice, request: POST /orders, expect: 201, capture: { order: $.id } }";

fn reads(server: &Server, others: &str) -> Run {
    let suite = format!(
        r"
access:
  rows:
    an order:
      request: GET /orders/{{{{ order }}}}
      missing: GET /orders/0000
      {GIVEN}
      expect: {{ alice: 200, admin: 200, anonymous: deny, bob: {others} }}
"
    );
    Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite).run("")
}

fn cells(row: &str, verdicts: [&'static str; 4]) -> Vec<(String, &'static str)> {
    ["anonymous", "alice", "bob", "root"].iter().map(|who| format!("{row} [as={who}]")).zip(verdicts).collect()
}

#[track_caller]
fn must(run: &Run, code: i32, row: &str, verdicts: [&'static str; 4]) {
    let cells = cells(row, verdicts);
    run.must(code, &cells.iter().map(|(name, verdict)| (&**name, *verdict)).collect::<Vec<_>>());
}

fn deletes(server: &Server, unchanged: &str) -> Run {
    let suite = format!(
        r"
access:
  rows:
    cancel:
      request: DELETE /orders/{{{{ order }}}}
      missing: DELETE /orders/0000
      {GIVEN}
      {unchanged}
      expect: {{ alice: 204, admin: 204, bob: hidden }}
"
    );
    Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite).run("")
}

const UNCHANGED: &str = r#"unchanged: { as: alice, request: "GET /orders/{{ order }}", expect: 200 }"#;

/// Every cell has an order of its own, made by the same steps: the owner's is what proves the others.
#[test]
fn a_good_server_proves_each_refusal_with_something_of_its_own() {
    must(&reads(&orders(Wrong::Nothing), "hidden"), 0, "an order", ["proven", "passed", "proven", "passed"]);
    must(&deletes(&orders(Wrong::Nothing), UNCHANGED), 0, "cancel", ["proven", "passed", "proven", "passed"]);
}

#[test]
fn a_404_for_everybody_hides_nothing() {
    let lost = "inconclusive: row-unreached";
    let failed = "failed: check-failed";
    must(&reads(&orders(Wrong::GoneForAll), "hidden"), 1, "an order", [lost, failed, lost, failed]);
    must(&reads(&orders(Wrong::GoneForAll), "404"), 1, "an order", [lost, failed, lost, failed]);
}

#[test]
fn a_refusal_that_did_what_was_asked() {
    let run = deletes(&orders(Wrong::DeletesAnyway), UNCHANGED);
    must(&run, 1, "cancel", ["proven", "passed", "failed: changed", "passed"]);
    // Without the look afterwards nobody would know.
    must(&deletes(&orders(Wrong::DeletesAnyway), ""), 0, "cancel", ["proven", "passed", "proven", "passed"]);
}

#[test]
fn a_hidden_order_looks_like_one_that_is_not_there() {
    for wrong in [Wrong::TellsHidden, Wrong::TellsInHeader, Wrong::MissingIsForbidden] {
        let run = reads(&orders(wrong), "hidden");
        must(&run, 1, "an order", ["proven", "passed", "failed: check-failed", "passed"]);
    }
}

#[test]
fn whoever_gets_in_is_told_what_they_got() {
    let got = |wrong| {
        let run = reads(&orders(wrong), "hidden");
        must(&run, 1, "an order", ["proven", "passed", "failed: got-in", "passed"]);
        run.case("an order [as=bob]")["access"]["body"].clone()
    };
    let whole = got(Wrong::NoOwner);
    assert_eq!((&whole["is"], &whole["beside"]), (&"same".into(), &"alice".into()), "their ids differ: {whole}");
    assert_eq!(got(Wrong::EmptyForAll)["is"], "empty");
    let run = Project::new(
        &orders(Wrong::Nothing).url,
        &format!("{SCHEME}{PEOPLE}"),
        "access:\n  columns: [alice, bob]\n  rows:\n    GET /me: { alice: 200 }\n",
    )
    .run("");
    run.must(1, &[("GET /me [as=alice]", "passed"), ("GET /me [as=bob]", "failed: got-in")]);
    assert_eq!(run.case("GET /me [as=bob]")["access"]["body"]["is"], "differs");
}

#[test]
fn a_401_for_somebody_known_is_told_and_with_strict_a_failure() {
    let suite = |strict: &str| {
        format!(
            "access:\n  strict: {strict}\n  rows:\n    an order:\n      request: GET /orders/{{{{ order }}}}\n      {GIVEN}\n      expect: {{ alice: 200, admin: 200 }}\n"
        )
    };
    for (wrong, odd) in [(Wrong::ForgetsWhoAsks, 2), (Wrong::ForbidsAnonymous, 0)] {
        let server = orders(wrong);
        let run = |strict| Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite(strict)).run("");
        let verdicts = |verdict| {
            let mut all = ["proven", "passed", "failed: check-failed", "passed"];
            if wrong == Wrong::ForgetsWhoAsks {
                all[2] = "proven";
            }
            if verdict == "true" {
                all[odd] = "failed: odd-refusal";
            }
            all
        };
        let lenient = run("false");
        must(&lenient, i32::from(wrong == Wrong::ForbidsAnonymous), "an order", verdicts("false"));
        let name = cells("an order", [""; 4])[odd].0.clone();
        assert_eq!(lenient.reason(&name), "odd-refusal");
        assert_eq!(lenient.report["summary"]["odd_refusals"], 1);
        must(&run("true"), 1, "an order", verdicts("true"));
    }
}

/// A row in which nobody gets in shows nothing, unless that is what it says.
#[test]
fn a_row_that_nobody_may_reach() {
    let guarded = || {
        let api = Api::default();
        Server::start(move |r| match &*r.path {
            "/login" | "/me" => api.answer(r),
            // A guard in front of everything: the route does not even exist.
            _ => api.known(r, |_| json(403, "{}")),
        })
    };
    let run = |row: &str| {
        let suite = format!("access:\n  rows:\n    GET /actuator: {row}\n    GET /me: {{ others: 200 }}\n");
        Project::new(&guarded().url, &format!("{SCHEME}{PEOPLE}"), &suite).run("-k actuator")
    };
    let lost = "inconclusive: row-unreached";
    must(&run("{ others: deny }"), 3, "GET /actuator", [lost; 4]);
    must(&run("{ closed: true }"), 0, "GET /actuator", ["passed"; 4]);
}

/// A closed row needs people who are somebody all the same.
#[test]
fn a_closed_row_of_people_whose_login_is_worth_nothing() {
    let server = Server::start(|r| match &*r.path {
        "/login" => json(200, r#"{"access_token":"worth-nothing"}"#),
        _ => json(403, "{}"),
    });
    let suite = "access:\n  rows:\n    GET /actuator: { closed: true }\n";
    let run = Project::new(&server.url, &format!("{}{PEOPLE}", crate::runs::BLIND), suite).run("");
    let never = "inconclusive: never-allowed";
    must(&run, 3, "GET /actuator", ["passed", never, never, never]);
}

/// Where the target differs by who asks, one who gets in shows nothing about the others.
#[test]
fn a_target_that_is_each_ones_own() {
    let api = Api::default();
    let server = Server::start(move |r| match &*r.path {
        // bob's page does not exist, and a guard says 403 to that.
        "/users/bob" => api.known(r, |_| json(403, "{}")),
        "/users/alice" => api.known(r, |_| json(200, "{}")),
        _ => api.answer(r),
    });
    let suite =
        "access:\n  columns: [alice, bob]\n  rows:\n    \"GET /users/{{ identity.username }}\": { alice: 200 }\n";
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
    let row = "GET /users/{{ identity.username }}";
    run.must(
        3,
        &[(&format!("{row} [as=alice]"), "passed"), (&format!("{row} [as=bob]"), "inconclusive: row-unreached")],
    );
}

/// An API that answers everything with 200 says once what a refusal is.
#[test]
fn outcomes_that_are_not_told_by_the_status() {
    let outcomes = r"
outcomes:
  allow: { identity: { status: 200, json: { $.error: { exists: false } } } }
  deny:
    anonymous: { status: 200, json: { $.error: denied } }
    identity: [418, { status: 200, json: { $.error: denied } }]
";
    let run = |wrong| {
        let suite = format!(
            "access:\n  rows:\n    an order:\n      request: GET /orders/{{{{ order }}}}\n      {GIVEN}\n      expect: {{ alice: allow, admin: allow }}\n"
        );
        Project::new(&orders(wrong).url, &format!("{SCHEME}{PEOPLE}{outcomes}"), &suite).run("")
    };
    must(&run(Wrong::AlwaysOk), 0, "an order", ["proven", "passed", "proven", "passed"]);
    let failed = "failed: check-failed";
    must(&run(Wrong::Nothing), 1, "an order", [failed, "passed", failed, "passed"]);
}

/// Refusals come before what might make them true, and what changes something is done by one at a time.
#[test]
fn cells_run_in_their_order() {
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let (api, seen) = (Api::default(), Arc::clone(&log));
    let server = Server::start(move |r| {
        if r.path.starts_with("/things") {
            assert!(r.method == "GET" || r.in_flight == 1, "alone");
            let who = api.user(r).unwrap_or_default();
            seen.lock().unwrap().push(format!("{} {who}", r.method));
            return match &*who {
                "root" => json(200, "{}"),
                "" => unauthorized("who?"),
                _ => json(403, "{}"),
            };
        }
        api.answer(r)
    });
    let suite = r"
access:
  columns: [root, alice, anonymous]
  rows:
    PUT /things: { root: allow }
    GET /things: { root: allow }
    POST /things: { root: allow }
";
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
    assert_eq!(run.code, 0, "{}", run.said);
    let seen = log.lock().unwrap();
    assert_eq!(seen[2], "GET root", "{seen:?}");
    // Those who were refused are asked again before anything is changed.
    assert!(seen[3..5].iter().all(|line| ["GET alice", "GET "].contains(&line.as_str())), "{seen:?}");
    assert_eq!(seen[5..], ["PUT alice", "PUT ", "PUT root", "POST alice", "POST ", "POST root"], "{seen:?}");
}

/// Who was left out by the command line cannot have been let in: such a refusal is unproven, not worthless.
#[test]
fn a_cell_that_is_run_alone() {
    let suite = format!(
        "access:\n  rows:\n    an order:\n      request: GET /orders/{{{{ order }}}}\n      missing: GET /orders/0000\n      {GIVEN}\n      expect: {{ alice: 200, admin: 200, anonymous: deny, bob: hidden }}\n"
    );
    let server = orders(Wrong::Nothing);
    let project = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite);
    let bob = [("an order [as=bob]", "unproven: unproven")];
    project.run("--id suite/an-order[as=bob]").must(0, &bob);
    let bob = [("an order [as=bob]", "inconclusive: unproven")];
    project.run("--id suite/an-order[as=bob] --require-proof").must(3, &bob);
}

/// A defect of a credential is refused too, and what it asked for may be done all the same.
#[test]
fn a_row_is_unchanged_after_each_of_its_defects() {
    let suite = |unchanged: &str| {
        format!(
            r"
access:
  rows:
    cancel:
      request: DELETE /orders/{{{{ order }}}}
      {GIVEN}
      {unchanged}
      with: tok-garbage
      expect: {{ alice: 204, admin: 204, bob: 404 }}
"
        )
    };
    let run = |server: &Server, unchanged: &str| {
        Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite(unchanged)).run("")
    };
    let must = |run: Run, code: i32, broken: &'static str| {
        let plain = ["anonymous", "alice", "bob", "root"].map(|who| format!("cancel [as={who}]"));
        let plain = plain.into_iter().zip(["proven", "passed", "proven", "passed"]);
        let with = ["alice", "root"].map(|who| (format!("cancel [as={who},with=tok-garbage]"), broken));
        let all: Vec<(String, &str)> = plain.chain(with).collect();
        run.must(code, &all.iter().map(|(name, verdict)| (&**name, *verdict)).collect::<Vec<_>>());
    };
    must(run(&orders(Wrong::Nothing), UNCHANGED), 0, "proven");
    must(run(&orders(Wrong::DeletesBeforeAsking), UNCHANGED), 1, "failed: changed");
    // Without the look afterwards nobody would know.
    must(run(&orders(Wrong::DeletesBeforeAsking), ""), 0, "proven");
}

/// A way around a refusal needs somebody who gets in the plain way, unless nobody may by declaration.
#[test]
fn a_way_around_a_row_that_nobody_may_reach() {
    let api = Api::default();
    let server = Server::start(move |r| match &*r.path {
        "/login" | "/me" => api.answer(r),
        // A guard in front of everything: the route does not even exist.
        _ => api.known(r, |_| json(403, "{}")),
    });
    let run = |cells: &str| {
        let suite = format!(
            "access:\n  columns: [alice]\n  rows:\n    actuator:\n      request: GET /actuator\n      with: az-path-slash\n      {cells}\n"
        );
        Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite).run("")
    };
    let (plain, with) = ("actuator [as=alice]", "actuator [as=alice,with=az-path-slash]");
    let lost = "inconclusive: row-unreached";
    run("expect: { others: deny }").must(3, &[(plain, lost), (with, lost)]);
    run("closed: true").must(0, &[(plain, "passed"), (with, "passed")]);
}

/// What is changed by defects is changed by one at a time as well, and before those who may change it.
#[test]
fn defects_of_a_row_that_changes_something_run_in_its_order() {
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let (api, seen) = (Api::default(), Arc::clone(&log));
    let server = Server::start(move |r| {
        if r.path != "/things" {
            return api.answer(r);
        }
        assert!(r.method == "GET" || r.in_flight == 1, "alone");
        let user = api.user(r);
        seen.lock().unwrap().push(format!("{} {}", r.method, user.as_deref().unwrap_or_default()));
        match user.as_deref() {
            Ok("root") => json(200, "{}"),
            Ok(_) => json(403, "{}"),
            Err(why) => unauthorized(why),
        }
    });
    let suite = r"
access:
  columns: [root, alice]
  rows:
    put:
      request: PUT /things
      with: [tok-garbage, tok-truncated]
      expect: { root: allow }
    GET /things: { root: allow }
";
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
    assert_eq!(run.code, 0, "{}", run.said);
    let seen = log.lock().unwrap();
    assert_eq!(*seen, ["GET alice", "GET root", "GET alice", "PUT alice", "PUT ", "PUT ", "PUT root"], "{seen:?}");
}

/// What breaks the token against forged requests is tried in the cells that are let in.
#[test]
fn a_row_has_the_defects_of_changes() {
    let suite = r"
allow_destructive: true
access:
  columns: [anonymous, bob, root]
  rows:
    make:
      request: POST /things
      headers: { X-CSRF-Token: abcdefabcdef1234 }
      with: [csrf-missing, csrf-wrong]
      expect: { root: 201 }
";
    let run = |checks: bool| {
        let server = Server::start(move |r| {
            let cookie = r.header("cookie").trim_start_matches("sid=").to_owned();
            match (r.path.as_str(), cookie.as_str()) {
                ("/login", _) => status(204).header("set-cookie", format!("sid={}-0123456789", r.field("username"))),
                ("/me" | "/things", "") => unauthorized("who"),
                ("/me", who) => json(200, &format!(r#"{{"username":"{}"}}"#, who.trim_end_matches("-0123456789"))),
                ("/things", "root-0123456789") if checks && r.header("x-csrf-token") != "abcdefabcdef1234" => {
                    json(403, r#"{"error":"csrf"}"#)
                }
                ("/things", "root-0123456789") => json(201, "{}"),
                ("/things", _) => json(403, r#"{"error":"forbidden"}"#),
                _ => status(404),
            }
        });
        let project = format!("{COOKIES}    whoami: {{ request: GET /me }}\n{PEOPLE}");
        Project::new(&server.url, &project, suite).run("")
    };
    let (no, wrong) = ("make [as=root,with=csrf-missing]", "make [as=root,with=csrf-wrong]");
    let weak = run(false);
    assert_eq!([weak.reason(no), weak.reason(wrong)], ["mutant-accepted"; 2], "{}", weak.said);
    let strict = run(true);
    assert_eq!([strict.verdict(no), strict.verdict(wrong)], ["proven", "proven"], "{}", strict.said);
}

#[test]
fn a_strict_row_is_strict_with_its_defects() {
    let run = |row: &str| {
        let api = Api::default();
        // Not what the RFC has for a token that is none.
        let server = Server::start(move |r| match api.user(r) {
            Err(_) if r.path == "/admin" => json(403, r#"{"error":"who"}"#),
            Ok(_) | Err(_) => api.answer(r),
        });
        let rows = format!("    admin: {{ request: GET /admin, {row}with: tok-garbage, expect: {{ root: 200 }} }}\n");
        let suite = format!("access:\n  columns: [bob, root]\n  rows:\n{rows}");
        Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite).run("")
    };
    let garbage = "admin [as=root,with=tok-garbage]";
    assert_eq!(run("").verdict(garbage), "proven");
    let held = run("strict: true, ");
    assert_eq!(held.reason(garbage), "mutant-inexact", "{}", held.said);
}

/// A page of an application for all that nobody knows, or for all but its interface.
fn single_page(open: bool) -> Server {
    let orders: Arc<Mutex<HashMap<String, String>>> = Arc::default();
    let api = Api::default();
    Server::start(move |r| {
        let path = r.path.split('?').next().unwrap_or_default();
        let is_open = open && path.ends_with(".json");
        let known = path.strip_prefix("/orders").map(|rest| rest.trim_end_matches(".json"));
        let mut orders = orders.lock().unwrap();
        match (&*r.method, known, api.user(r)) {
            ("POST", Some(""), Ok(user)) => {
                let id = format!("{}", orders.len() + 1_000);
                orders.insert(format!("/{id}"), user);
                json(201, &format!(r#"{{"id":"{id}"}}"#))
            }
            ("GET" | "HEAD", Some(id), user) if orders.contains_key(id) && (is_open || id.len() + 7 == path.len()) => {
                let owner = &orders[id];
                match user {
                    Err(why) if !is_open => unauthorized(why),
                    Ok(user) if !is_open && user != *owner => json(403, "{}"),
                    _ => json(200, &format!(r#"{{"id":"{id}","owner":"{owner}","item":"a book"}}"#)),
                }
            }
            ("GET" | "HEAD", ..) if !matches!(path, "/me" | "/login") => {
                html(200, "<!doctype html><title>Shop</title>")
            }
            _ => api.answer(r),
        }
    })
}

/// What is made for each cell alone is compared with what its owner gets, as anything else.
#[test]
fn an_index_page_is_no_way_around_to_what_was_given() {
    let suite = format!(
        "
access:
  columns: [anonymous, alice, bob]
  rows:
    an order:
      request: GET /orders/{{{{ order }}}}
      {GIVEN}
      with: [az-path-slash, az-path-suffix, az-path-enc, az-x-original-url, az-verb-head]
      expect: {{ alice: 200 }}
    GET /me: {{ anonymous: 401, others: 200 }}
"
    );
    let run = |open| Project::new(&single_page(open).url, &format!("{SCHEME}{PEOPLE}"), &suite).run("--require-proof");
    let verdicts = |run: &Run| -> Vec<String> {
        let of = |case: &serde_json::Value| {
            let id = case["with"]["id"].as_str()?;
            (case["verdict"] != "passed").then(|| format!("{id} {} {}", case["verdict"], case["reasons"][0]["code"]))
        };
        run.cases().iter().filter_map(of).collect()
    };
    let right = run(false);
    assert_eq!((right.code, verdicts(&right)), (0, Vec::new()), "{}", right.said);
    let wrong = run(true);
    let found = r#"az-path-suffix "failed" "mutant-accepted""#.to_owned();
    assert_eq!((wrong.code, verdicts(&wrong)), (1, vec![found.clone(), found]), "{}", wrong.said);
}

/// Answers that say the same in other bytes are told apart by whoever looks at the bytes.
#[test]
fn what_is_hidden_is_so_to_the_last_byte() {
    let run = |hidden: &'static str, ignore: &str| {
        let api = Api::default();
        let server = Server::start(move |r| match (&*r.path, api.user(r).as_deref()) {
            ("/orders/17", Ok("alice")) => json(200, r#"{"id":17}"#),
            ("/orders/17", Ok(_)) => json(404, hidden),
            ("/orders/0", Ok(_)) => json(404, r#"{"error":"no order 0","at":"10:01"}"#),
            _ => api.answer(r),
        });
        let suite = format!(
            "
access:
  columns: [alice, bob]
  rows:
    GET /orders/17: {{ missing: {{ request: GET /orders/0{ignore} }}, expect: {{ alice: 200, bob: hidden }} }}
    GET /me: {{ everyone: 200, anonymous: 401 }}
"
        )
        .replace("everyone: 200, anonymous: 401", "alice: 200, bob: 200");
        Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite).run("")
    };
    let bob = |run: &Run| format!("{} {}", run.verdict("GET /orders/17 [as=bob]"), run.code);
    assert_eq!(bob(&run(r#"{"error":"no order 17","at":"10:01"}"#, "")), "proven 0");
    assert_eq!(bob(&run(r#"{"error":"no order 17","at":"10:02"}"#, ", ignore: [$.at]")), "proven 0");
    for other in [
        r#"{"error": "no order 17","at":"10:01"}"#,
        r#"{"at":"10:01","error":"no order 17"}"#,
        r#"{"error":"no\u0020order 17","at":"10:01"}"#,
    ] {
        for ignore in ["", ", ignore: [$.at]"] {
            // What is left out has no place.
            if other.starts_with(r#"{"at""#) && !ignore.is_empty() {
                continue;
            }
            let run = run(other, ignore);
            assert_eq!(bob(&run), "failed 1", "{other} {}", run.said);
            assert!(run.said.contains("how the body is written"), "{}", run.said);
        }
    }
}

/// Browsers are sent to the login page with where they were, by most frameworks.
#[test]
fn a_login_page_is_the_same_with_any_query() {
    let outcomes = "outcomes: { deny: { anonymous: [ { status: 302, redirect: { to: /login } } ] } }\n";
    let suite = "
access:
  columns: [anonymous, alice]
  rows:
    GET /me: { alice: 200 }
cases:
  - { name: a step says all of it, as: anonymous, request: GET /me, expect: { status: 302, redirect: { to: /login } } }
";
    let run = |to: &'static str| {
        let api = Api::default();
        let server = Server::start(move |r| match &*r.path {
            "/me" if api.user(r).is_err() => status(302).header("location", to),
            _ => api.answer(r),
        });
        Project::new(&server.url, &format!("{SCHEME}{PEOPLE}{outcomes}"), suite).run("")
    };
    let must = |to: &'static str, code, cell: &str, step: &str| {
        let run = run(to);
        let cases =
            [("GET /me [as=anonymous]", cell), ("GET /me [as=alice]", "passed"), ("a step says all of it", step)];
        run.must(code, &cases);
        run
    };
    let other = "failed: check-failed";
    must("/login", 0, "proven", "proven");
    for to in ["/login?next=%2Fme", "/login?error", "/login?next=/me#top"] {
        let run = must(to, 1, "proven", other);
        assert!(run.said.contains(r"'^/login(\?|$)' }` where it may be any"), "{}", run.said);
    }
    for to in ["/loginx", "/login/help", "/home?next=/login", "http://127.0.0.2:9/login?next=%2Fme"] {
        assert!(!must(to, 1, other, other).said.contains("where it may be any"), "{to}");
    }
}
