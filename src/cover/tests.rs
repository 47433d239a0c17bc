use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::testing::{document, results, step};
use super::*;
use crate::source::SourceMap;

const API: &str = "openapi: 3.1.0
info: { title: Notes, version: '1' }
servers: [ { url: http://localhost/v1 } ]
security: [ { token: [] } ]
components: { securitySchemes: { token: { type: http, scheme: bearer } } }
paths:
  /health: { get: { security: [], responses: { 200: {} } } }
  /me: { get: { responses: { 200: {}, 401: {} } } }
  /notes/{id}: { get: { responses: { 200: {}, 401: {}, 404: {} } } }
  /users: { get: { x-required-roles: [admin], responses: { 200: {}, 403: {} } } }
";

/// The states of an operation by stance.
fn cells(api: &str, cases: &[Vec<Value>], operation: &str) -> BTreeMap<String, &'static str> {
    let document = document(api);
    let grid = Grid::of(&document, &[results(cases)]);
    let at = document.operations.iter().position(|o| o.name() == operation).unwrap();
    let all = grid.stances.iter().zip(&grid.rows[at].cells);
    all.filter(|(_, c)| **c != State::NotApplicable).map(|(s, c)| (s.name().into_owned(), c.word())).collect()
}

fn all(lines: &[&str]) -> Vec<Vec<Value>> {
    lines.iter().map(|line| vec![step(line, json!({}))]).collect()
}

fn share(cases: &[Vec<Value>], name: &str) -> (usize, usize) {
    let document = document(API);
    let grid = Grid::of(&document, &[results(cases)]);
    let share = metric(name).unwrap().count(&document, &grid);
    (share.covered, share.of)
}

#[test]
fn a_refusal_counts_when_access_was_at_stake() {
    let alone = all(&["anonymous GET /v1/me 401"]);
    assert_eq!(cells(API, &alone, "GET /me")["anonymous"], "vacuous");
    let with = all(&["anonymous GET /v1/me 401", "alice:user GET /v1/me 200"]);
    let me = cells(API, &with, "GET /me");
    assert_eq!(
        (me["anonymous"], me["user"], me["invalid"], me["expired"]),
        ("passed-exact", "passed-exact", "untested", "untested")
    );
    let other = all(&["anonymous GET /v1/me 403", "alice:user GET /v1/me 200"]);
    assert_eq!(cells(API, &other, "GET /me")["anonymous"], "passed-loose");
    let open = all(&["anonymous GET /v1/me 200"]);
    assert_eq!(cells(API, &open, "GET /me")["anonymous"], "failed");
    // Neither another path nor a server that answers nothing of the kind.
    let elsewhere = all(&["anonymous GET /me 401", "anonymous GET /v1/me 500", "anonymous GET /v1/me 404"]);
    assert_eq!(cells(API, &elsewhere, "GET /me")["anonymous"], "untested");
    // What the runner found to prove nothing proves nothing here.
    let mut dead = all(&["alice:user GET /v1/users 403", "root:admin GET /v1/users 200"]);
    dead[0][0]["refusal"] = "nothing".into();
    assert_eq!(cells(API, &dead, "GET /users")["user"], "vacuous");
}

#[test]
fn public_operations_are_there_for_strangers_alone() {
    let health = cells(API, &all(&["anonymous GET /v1/health 200", "alice:user GET /v1/health 200"]), "GET /health");
    assert_eq!(health, BTreeMap::from([("anonymous".to_owned(), "passed-exact")]));
}

#[test]
fn roles_are_those_of_the_document_or_of_the_cases() {
    let lines = all(&["root:admin GET /v1/users 200", "alice:user GET /v1/users 403", "alice:user GET /v1/me 200"]);
    let users = cells(API, &lines, "GET /users");
    assert_eq!((users["admin"], users["user"]), ("passed-exact", "passed-exact"));
    let wrong = all(&["alice:user GET /v1/users 200"]);
    assert_eq!(cells(API, &wrong, "GET /users")["user"], "failed");
    // Declared: user is denied. Open and untested: user on the notes, admin on me and the notes.
    assert_eq!(share(&lines, "role-denial"), (1, 4));
    assert_eq!(share(&lines, "role-grant"), (2, 2));
}

#[test]
fn a_peer_is_somebody_else_of_the_same_role_at_the_same_address() {
    let mine = "alice:user GET /v1/notes/7 200";
    let peer = |lines: &[&str]| cells(API, &all(lines), "GET /notes/{id}")["peer"];
    assert_eq!(peer(&[mine, "bob:user GET /v1/notes/7 404"]), "passed-exact");
    assert_eq!(peer(&[mine, "bob:user GET /v1/notes/8 404"]), "untested", "nobody was seen with that one");
    assert_eq!(peer(&[mine, "dora:auditor GET /v1/notes/7 404"]), "untested", "another role is another cell");
    assert_eq!(peer(&[mine, "alice:user GET /v1/notes/7 404"]), "untested", "nobody is a peer of themselves");
    assert_eq!(peer(&[mine, "bob:user GET /v1/notes/7 401"]), "passed-loose");
    assert_eq!(share(&all(&[mine, "bob:user GET /v1/notes/7 404"]), "object"), (1, 1));
    // What its owner alone may have is no refusal of the role.
    let user = cells(API, &all(&[mine, "bob:user GET /v1/notes/7 403"]), "GET /notes/{id}")["user"];
    assert_eq!(user, "passed-exact");
}

#[test]
fn in_a_row_that_makes_an_object_for_each_cell_whoever_made_it_is_its_owner() {
    // A cell: who made the object, and what the others were answered, at a line of the suite each.
    let cell = |row: u32, lines: &[(&str, usize)]| {
        let place = |line: usize| json!({ "place": { "file": "m.yaml", "line": line, "column": 1 } });
        let steps: Vec<Value> = lines.iter().map(|(line, at)| step(line, place(*at))).collect();
        json!({ "id": format!("m/{lines:?}"), "verdict": "passed", "suite": 0, "steps": steps,
                "access": { "row_number": row } })
    };
    let peer = |cells: &[Value]| {
        let document = document(API);
        let results = serde_json::from_value(json!({ "schema": "", "cases": cells })).unwrap();
        let grid = Grid::of(&document, &[results]);
        let at = document.operations.iter().position(|o| o.name() == "GET /notes/{id}").unwrap();
        grid.rows[at].cells[grid.stances.iter().position(|s| *s == Stance::Peer).unwrap()].word()
    };
    let made = ("alice:user POST /v1/notes 201", 3);
    let hers = cell(0, &[made, ("alice:user GET /v1/notes/1 200", 2)]);
    let his = |row: u32, made: (&str, usize)| cell(row, &[made, ("bob:user GET /v1/notes/2 404", 2)]);
    assert_eq!(peer(&[hers.clone(), his(0, made)]), "passed-exact");
    assert_eq!(peer(&[his(0, made)]), "untested", "nobody was let in");
    assert_eq!(peer(&[hers.clone(), his(1, made)]), "untested", "another row");
    let root = ("root:admin POST /v1/notes 201", 3);
    assert_eq!(peer(&[hers.clone(), his(0, root)]), "untested", "it is not hers");
    let bob = ("bob:user POST /v1/notes 201", 3);
    assert_eq!(peer(&[hers.clone(), his(0, bob)]), "untested", "it is his own");
    let failed = ("alice:user POST /v1/notes 500", 3);
    assert_eq!(peer(&[hers.clone(), his(0, failed)]), "untested", "there is none");
    // What `missing` asks for is nobody's.
    let missing = cell(0, &[made, ("bob:user GET /v1/notes/none 404", 4)]);
    assert_eq!(peer(&[hers, missing]), "untested");
}

#[test]
fn two_of_one_role_who_are_let_in_to_the_same_object_are_told() {
    let document = document(API);
    let found = |lines: &[&str]| {
        let grid = Grid::of(&document, &[results(&all(lines))]);
        let found = lint(&document, &grid, &SourceMap::default()).into_iter();
        found.filter(|f| f.kind == "shared-object").map(|f| f.subject).collect::<Vec<_>>()
    };
    let mine = "alice:user GET /v1/notes/7 200";
    assert_eq!(found(&[mine, "bob:user GET /v1/notes/7 200"]), ["GET /notes/{id}"]);
    for fine in ["bob:user GET /v1/notes/8 200", "dora:auditor GET /v1/notes/7 200", "bob:user GET /v1/notes/7 404"] {
        assert_eq!(found(&[mine, fine]), Vec::<String>::new(), "{fine}");
    }
    let me = ["alice:user GET /v1/me 200", "bob:user GET /v1/me 200"];
    assert_eq!(found(&me), Vec::<String>::new());
}

#[test]
fn stances_come_from_what_was_sent() {
    let good = || step("alice:user GET /v1/me 200", json!({}));
    let of = |more: Value, stance: &str| {
        let case = vec![good(), step("alice:user GET /v1/me 401", more)];
        cells(API, &[case], "GET /me")[stance]
    };
    let carries =
        |names: &[&str]| json!({ "sent": { "origin": "", "credential": "other", "carries": names }, "caller": null });
    assert_eq!(of(carries(&["authorization Bearer"]), "invalid"), "passed-exact");
    assert_eq!(of(carries(&["x-request-id", "cookie theme"]), "anonymous"), "passed-exact", "no scheme looks there");
    for (with, stance) in [
        ("tok-garbage", "invalid"),
        ("hdr-no-scheme", "invalid"),
        ("token-expired", "expired"),
        ("hdr-missing", "anonymous"),
    ] {
        assert_eq!(of(json!({ "with": with, "grade": "denied-exact" }), stance), "passed-exact", "{with}");
        assert_eq!(of(json!({ "with": with, "grade": "denied-other" }), stance), "passed-loose", "{with}");
        assert_eq!(of(json!({ "with": with, "grade": "accepted" }), stance), "failed", "{with}");
    }
    assert_eq!(of(json!({ "with": "az-path-dslash" }), "invalid"), "untested");
    // Good before, then a pause, then over.
    let paused =
        json!({ "sent": { "origin": "", "credential": "own", "carries": ["authorization Bearer"], "paused": true } });
    assert_eq!(of(paused, "expired"), "passed-exact");
    assert_eq!(of(json!({}), "expired"), "untested", "without a pause it was something else");
}

#[test]
fn the_first_answer_counts_where_redirects_were_followed() {
    let sent = json!({ "sent": { "origin": "", "credential": "none", "followed": [302] }, "refusal": "proven" });
    let cases = vec![vec![step("anonymous GET /v1/me 200", sent)]];
    assert_eq!(cells(API, &cases, "GET /me")["anonymous"], "passed-loose");
}

#[test]
fn a_step_whose_check_did_not_hold_fails_its_cell() {
    let document = document(API);
    let broken =
        vec![step("anonymous GET /v1/me 401", json!({ "broken": 1 })), step("a:user GET /v1/me 200", json!({}))];
    let of = |verdict: &str| {
        let mut all = results(std::slice::from_ref(&broken));
        all.cases[0].verdict = serde_json::from_value(verdict.into()).unwrap();
        let grid = Grid::of(&document, &[all]);
        let share = metric("authentication").unwrap().count(&document, &grid);
        assert_eq!((share.covered, share.of), (0, 3));
        grid.rows[1].cells[0]
    };
    assert_eq!(of("failed"), State::Failed);
    assert_eq!(of("passed"), State::Untested, "a round that was repeated");
    assert_eq!(of("skipped"), State::Untested, "a failure that is expected");
}

#[test]
fn strangers_and_garbage_make_authentication() {
    let invalid = json!({ "sent": { "origin": "", "credential": "other", "carries": ["authorization Bearer"] } });
    let mut cases = all(&["anonymous GET /v1/me 401", "alice:user GET /v1/me 200"]);
    assert_eq!(share(&cases, "authentication"), (0, 3));
    cases.push(vec![step("nobody GET /v1/me 401", invalid)]);
    assert_eq!(share(&cases, "authentication"), (1, 3));
    assert_eq!(share(&cases, "scheme"), (1, 3));
    assert_eq!(share(&cases, "semantics"), (2, 2));
    assert_eq!(share(&cases, "documentation"), (2, 2));
}

#[test]
fn a_baseline_finds_what_lost_its_guard_and_what_is_new_without_one() {
    let before = document(
        &API.replace("  /users:", "  /old:").replace("/health: { get: { security: [], ", "/health: { get: { "),
    );
    let now = document(API);
    let bare = Grid::of(&now, &[results(&[])]);
    let (sources, baseline) = (SourceMap::default(), Baseline::of_document(&before));
    let codes = |grid: &Grid| baseline.compare(&now, grid, &sources).into_iter().map(|f| f.code).collect::<Vec<_>>();
    assert_eq!(codes(&bare), ["lost-security", "new-without-refusal"]);
    let shown = Grid::of(&now, &[results(&all(&["anonymous GET /v1/users 401", "root:admin GET /v1/users 200"]))]);
    assert_eq!(codes(&shown), ["lost-security"]);
    // A report of coverage does as well, and says the same.
    let grid = Grid::of(&before, &[results(&[])]);
    let report = Report::of(&before, &grid, &[], Counted::default(), &sources);
    let again = Baseline::of_report(&serde_json::to_vec(&report).unwrap()).unwrap();
    assert_eq!(again.compare(&now, &bare, &sources).len(), 2);
    assert!(Baseline::of_report(b"{}").is_none() && Baseline::of_report(b"openapi: 3.1.0").is_none());
}

/// Whoever may come without a credential and is known with one has lost something where nobody is known any more.
#[test]
fn a_baseline_finds_what_knows_nobody_any_more() {
    let of = |security: &str| {
        document(&API.replace("/health: { get: { security: [], ", &format!("/health: {{ get: {{ {security}")))
    };
    let (optional, public) = (of("security: [{}, { token: [] }], "), document(API));
    assert_eq!(optional.operations.iter().filter(|op| op.security.word() == "optional").count(), 1);
    let sources = SourceMap::default();
    let codes = |before: &Document, now: &Document| {
        let failures = Baseline::of_document(before).compare(now, &Grid::of(now, &[results(&[])]), &sources);
        failures.into_iter().map(|f| f.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&optional, &public), ["lost-security"]);
    assert!(codes(&public, &optional).is_empty());
}

/// What `control: off` waived shows nothing unless somebody was let in.
#[test]
fn a_defect_without_controls_covers_nothing_by_itself() {
    let api = document(API);
    let waived = |more: &[&str]| {
        let defect = step("alice:user GET /v1/users 401", json!({ "with": "tok-garbage", "grade": "denied-exact" }));
        let mut all = results(&[vec![defect]]);
        all.cases[0].proof.uncontrolled = 1;
        all.cases.extend(results(&more.iter().map(|line| vec![step(line, json!({}))]).collect::<Vec<_>>()).cases);
        Grid::of(&api, &[all])
    };
    let state = |grid: &Grid| {
        let op = api.operations.iter().position(|op| op.path == "/users" && op.method == "GET").unwrap();
        grid.rows[op].cells[grid.stances.iter().position(|s| *s == Stance::Invalid).unwrap()]
    };
    let (alone, beside) = (waived(&[]), waived(&["root:admin GET /v1/users 200"]));
    assert_eq!((state(&alone), state(&beside)), (State::Vacuous, State::Exact));
    assert_eq!((alone.mutations["token"], beside.mutations["token"]), ((1, 0), (1, 1)));
}

/// Browsers ask it before they send any credential, so it can refuse nobody.
#[test]
fn a_preflight_is_no_way_in() {
    let api = document(
        &API.replace("  /users:", "  /pages: { options: { responses: { '204': { description: ok } } } }\n  /users:"),
    );
    let op = api.operations.iter().position(|op| op.method == "OPTIONS").unwrap();
    assert!(!api.operations[op].is_protected());
    let grid =
        Grid::of(&api, &[results(&all(&["anonymous OPTIONS /v1/pages 204", "anonymous OPTIONS /v1/users 204"]))]);
    assert!(grid.rows[op].cells.iter().all(|cell| *cell == State::NotApplicable));
    assert!(grid.elsewhere.is_empty());
}

#[test]
fn results_that_say_too_little_are_refused() {
    let old = json!({ "schema": "s/1", "cases": [{ "id": "a", "verdict": "passed", "steps": [{ "caller": null, "request": "GET /", "status": 200 }] }] });
    let of = |text: &str| parse_results("r.json", text.as_bytes(), "s/1").map(|_| ()).unwrap_err();
    assert!(of(&old.to_string()).contains("older version"));
    assert!(of("{}").contains("no schema"));
    assert!(of("openapi: 3").contains("line 1"));
    assert!(of(r#"{"schema":"s/1","cases":["#).contains("ends in the middle"));
    assert!(of(" \n").contains("is empty"));
    assert!(of(r#"{"schema":"s/2","cases":[]}"#).contains("`s/2`"));
}

const SCOPED: &str = "openapi: 3.1.0
info: { title: Orders, version: '1' }
components:
  securitySchemes:
    login: { type: oauth2, flows: { clientCredentials: { tokenUrl: /token, scopes: { read: r, write: w } } } }
    key: { type: apiKey, in: header, name: X-Key }
paths:
  /orders: { get: { security: [ { login: [read] } ], responses: { 403: {} } }, post: { security: [ { login: [read, write] } ], responses: { 403: {} } } }
  /keys: { get: { security: [ { key: [] } ], responses: { 403: {} } } }
";

/// A 403 of somebody who is known, with the challenge that it came with.
fn forbidden(line: &str, challenge: &str) -> Vec<Value> {
    let headers = json!([["WWW-Authenticate", challenge]]);
    vec![step(line, json!({ "hops": [{ "response": { "headers": headers } }] }))]
}

fn scopes(cases: &[Vec<Value>]) -> (usize, usize) {
    let document = document(SCOPED);
    let share = metric("scope").unwrap().count(&document, &Grid::of(&document, &[results(cases)]));
    (share.covered, share.of)
}

#[test]
fn a_scope_counts_when_the_server_says_that_it_is_lacking() {
    const LACKS: &str = "Bearer error=\"insufficient_scope\"";
    let owner = |line: &str| vec![step(line, json!({}))];
    let get = || owner("root GET /orders 200");
    assert_eq!(scopes(&[get()]), (0, 3), "a key has no scopes, and three are asked for");
    assert_eq!(scopes(&[get(), forbidden("bob GET /orders 403", LACKS)]), (1, 3));
    // Near misses: nobody has it, another reason, somebody unknown, no challenge.
    assert_eq!(scopes(&[forbidden("bob GET /orders 403", LACKS)]), (0, 3));
    assert_eq!(scopes(&[get(), forbidden("bob GET /orders 403", "Bearer error=\"invalid_token\"")]), (0, 3));
    assert_eq!(scopes(&[get(), forbidden("anonymous GET /orders 401", LACKS)]), (0, 3));
    assert_eq!(scopes(&[get(), owner("bob GET /orders 403")]), (0, 3));
    // Of two scopes the challenge has to name the one.
    let post =
        |challenge: &str| scopes(&[owner("root POST /orders 201"), forbidden("bob POST /orders 403", challenge)]);
    assert_eq!(post(LACKS), (0, 3));
    assert_eq!(post(&format!("{LACKS}, scope=\"read write\"")), (0, 3));
    assert_eq!(post(&format!("{LACKS}, scope=\"write\"")), (1, 3));
}

#[test]
fn life_cycle_flows_count_when_a_case_that_uses_one_passed() {
    let document = document(API);
    let count = |results: Results| {
        let share = metric("lifecycle").unwrap().count(&document, &Grid::of(&document, &[results]));
        (share.covered, share.of)
    };
    let using = |flow: &str| vec![step("alice GET /v1/me 401", json!({ "flows": [{ "name": flow }] }))];
    assert_eq!(count(results(&all(&["alice GET /v1/me 200"]))), (0, 0), "nobody uses any");
    let all = crate::spec::READY_FLOWS.iter().filter(|flow| flow.name.starts_with("lifecycle.")).count();
    assert!(all >= 10);
    let two = [using("lifecycle.logout-replay"), using("lifecycle.logout-replay"), using("a flow of my own")];
    assert_eq!(count(results(&two)), (1, all));
    let mut failed = results(&[using("lifecycle.rotation")]);
    failed.cases[0].verdict = crate::event::Verdict::Failed;
    assert_eq!(count(failed), (0, all), "used, and nothing shown");
}

#[test]
fn schemes_needed_together_count_when_one_is_missed() {
    const BOTH: &str = "openapi: 3.1.0
info: { title: Both, version: '1' }
components:
  securitySchemes:
    token: { type: http, scheme: bearer }
    key: { type: apiKey, in: header, name: X-Key }
    again: { type: oauth2, flows: {} }
paths:
  /a: { get: { security: [ { token: [], key: [] } ] } }
  /b: { get: { security: [ { token: [], again: [] } ] } }
";
    let document = document(BOTH);
    let sent = |carries: &[&str], status: &str| {
        let more = json!({ "sent": { "origin": "http://a", "credential": "own", "carries": carries } });
        vec![step(&format!("alice GET /a {status}"), more)]
    };
    let count = |cases: &[Vec<Value>]| {
        let share = metric("scheme").unwrap().count(&document, &Grid::of(&document, &[results(cases)]));
        (share.covered, share.of)
    };
    let whole = || sent(&["authorization Bearer", "x-key"], "200");
    // Two alternatives, and the two of the first; of those that look at one field neither can be left out alone.
    assert_eq!(count(&[]), (0, 4));
    assert_eq!(count(&[whole()]), (1, 4));
    assert_eq!(count(&[whole(), sent(&["x-key"], "401")]), (2, 4));
    assert_eq!(count(&[whole(), sent(&["x-key"], "401"), sent(&["authorization Bearer"], "403")]), (3, 4));
    // Without both it is a stranger, and where nobody gets in nothing is missed.
    assert_eq!(count(&[whole(), sent(&[], "401")]), (1, 4));
    assert_eq!(count(&[sent(&["x-key"], "401")]), (0, 4));
}

#[test]
fn a_requirement_counts_when_a_defect_shows_it() {
    let document = document(API);
    let defect = |grade: &str| {
        let of = json!({ "with": "tok-none", "grade": grade });
        let id = crate::mutate::mutations().find(|m| m.refs.contains(&"ASVS 9.1.1")).unwrap().id;
        let mut step = step("alice:user GET /v1/me 401", of);
        step["with"] = id.into();
        Grid::of(&document, &[results(&[vec![step]])])
    };
    let count = |grid: &Grid| metric("requirement").unwrap().count(&document, grid);
    assert_eq!(count(&Grid::of(&document, &[results(&[])])), Share::default(), "no defect, nothing to count");
    let (good, bad) = (count(&defect("denied-exact")), count(&defect("accepted")));
    assert!(good.covered >= 1 && good.of > 10 && bad.covered == 0 && bad.of == good.of, "{good:?} {bad:?}");
    assert_eq!(defect("accepted").mutations.values().collect::<Vec<_>>(), [&(1, 0)]);
}

#[test]
fn where_a_credential_is_optional_both_have_to_be_seen() {
    let api = API.replace("/health: { get: { security: [],", "/health: { get: { security: [ {}, { token: [] } ],");
    let document = document(&api);
    let untested = |cases: &[Vec<Value>]| {
        let grid = Grid::of(&document, &[results(cases)]);
        let report = Report::of(&document, &grid, &[], Counted::default(), &SourceMap::default());
        let health = report.untested.into_iter().filter(|u| u.path == "/health");
        health.map(|u| u.stance).collect::<Vec<_>>()
    };
    assert_eq!(untested(&all(&["alice:user GET /v1/me 200"])), ["anonymous", "invalid", "admin", "user", "expired"]);
    assert_eq!(
        untested(&all(&["anonymous GET /v1/health 200", "a:user GET /v1/health 200"])),
        ["invalid", "admin", "expired"]
    );
}

#[test]
fn a_role_may_be_called_like_another_stance() {
    let document = document(&API.replace("x-required-roles: [admin]", "x-required-roles: [peer, anonymous]"));
    let grid = Grid::of(&document, &[results(&all(&["eve:peer GET /v1/users 200", "anonymous GET /v1/users 401"]))]);
    let report = Report::of(&document, &grid, &[], Counted::default(), &SourceMap::default());
    assert_eq!(report.stances, ["anonymous", "invalid", "expired", "role anonymous", "role peer", "peer"]);
    let users = &report.operations.iter().find(|o| o.path == "/users").unwrap().cells;
    assert_eq!(
        (&users["role peer"], &users["role anonymous"], &users["anonymous"]),
        (&json!("passed-exact"), &json!("untested"), &json!("passed-exact"))
    );
}

#[test]
fn routes_of_other_servers_are_not_undocumented_ones() {
    let document = document(API);
    let at = |line: &str, origin: &str| vec![step(line, json!({ "sent": { "origin": origin, "credential": "none" } }))];
    let found = |cases: &[Vec<Value>]| {
        let grid = Grid::of(&document, &[results(cases)]);
        let found = lint(&document, &grid, &SourceMap::default()).into_iter();
        found.filter(|f| f.kind == "undocumented-route").map(|f| f.subject).collect::<Vec<_>>()
    };
    let cases = [
        at("anonymous GET /v1/health 200", "http://a"),
        at("anonymous HEAD /v1/health 200", "http://a"),
        at("anonymous GET /v1/debug 200", "http://a"),
        at("anonymous GET /.well-known/jwks.json 200", "http://idp"),
    ];
    assert_eq!(found(&cases), ["GET /v1/debug (1 time)"]);
    // Where no operation was asked at all, the paths are not those of this document, and that is what there is to say.
    assert_eq!(found(&cases[2..]), Vec::<String>::new());
    let notes = |cases: &[Vec<Value>]| {
        let grid = Grid::of(&document, &[results(cases)]);
        Report::of(&document, &grid, &[], Counted::default(), &SourceMap::default()).notes.concat()
    };
    assert_eq!(notes(&cases), "");
    assert!(notes(&cases[2..]).contains("GET /v1/debug was sent, and the document has GET /v1/health"));
    assert!(notes(&[]).contains("no request was sent"));
}

#[test]
fn a_baseline_knows_a_path_by_the_whole_of_its_form() {
    let api = |path: &str| document(&API.replace("/users:", path));
    let now = api("/notes/{note}.json:");
    let bare = Grid::of(&now, &[results(&[])]);
    let codes = |before: &Document| {
        let failures = Baseline::of_document(before).compare(&now, &bare, &SourceMap::default());
        failures.into_iter().map(|f| f.message).collect::<Vec<_>>()
    };
    assert_eq!(codes(&api("/notes/{other}.json:")), Vec::<String>::new(), "another name is no other path");
    assert_eq!(codes(&document(API)), ["GET /notes/{note}.json is new, and no case shows that it refuses strangers"]);
}

/// What is counted as a cell is either covered or told.
#[test]
fn a_public_operation_that_no_case_asks_for_is_a_gap_of_little_risk() {
    let document = document(API);
    let gaps = |cases: &[Vec<Value>]| {
        let grid = Grid::of(&document, &[results(cases)]);
        let report = Report::of(&document, &grid, &[], Counted::default(), &SourceMap::default());
        let health = report.untested.into_iter().filter(|u| u.path == "/health");
        health.map(|u| (u.stance, u.risk)).collect::<Vec<_>>()
    };
    assert_eq!(gaps(&[]), [("anonymous".to_owned(), 1)]);
    assert_eq!(gaps(&all(&["anonymous GET /v1/health 200"])), []);
}
