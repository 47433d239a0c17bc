//! Requests that change something, whose only control is the whole case done once more on a setup of its own.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::api::{Api, unauthorized};
use crate::runs::{BLIND, PEOPLE, Project, SCHEME};
use crate::server::{Reply, Request, Server, json, status};

/// Orders that somebody makes and deletes; `may` says who is let in.
fn orders(may: impl Fn(&Api, &Request) -> Option<Reply> + Send + Sync + 'static) -> Server {
    let (api, known) = (Api::default(), Mutex::new(HashSet::<String>::new()));
    let number = AtomicUsize::new(0);
    Server::start(move |r| {
        let Some(order) = r.path.strip_prefix("/orders") else { return api.answer(r) };
        if let Some(refused) = may(&api, r) {
            return refused;
        }
        let mut known = known.lock().unwrap();
        match &*r.method {
            "POST" => {
                let id = format!("o{}", number.fetch_add(1, Ordering::SeqCst));
                known.insert(format!("/{id}"));
                json(201, &format!(r#"{{"id":"{id}"}}"#))
            }
            "PUT" => {
                known.insert(order.to_owned());
                status(204)
            }
            _ if known.remove(order) => status(204),
            _ => json(404, r#"{"error":"not found"}"#),
        }
    })
}

/// Whoever has no good token is refused.
fn strict(api: &Api, r: &Request) -> Option<Reply> {
    let mut r = r.clone();
    if let Some(token) = r.header("authorization").strip_prefix("bearer ") {
        let fixed = format!("Bearer {token}").parse().unwrap();
        r.headers.insert("authorization", fixed);
    }
    api.user(&r).err().map(unauthorized)
}

const MADE: &str = "
setup:
  - { as: alice, request: POST /orders, json: { item: 1 }, capture: { order: $.id } }
cases:
  - { name: bad, as: alice, with: tok-garbage, request: 'DELETE /orders/{{ order }}' }
";

/// The order has the same name each time: whoever deletes it leaves nothing to the next one.
const NAMED: &str = "
setup:
  - { as: alice, request: PUT /orders/one, json: { item: 1 } }
cases:
  - { name: bad, as: alice, with: tok-garbage, request: DELETE /orders/one }
";

fn run(server: &Server, suite: &str) -> crate::runs::Run {
    Project::new(&server.url, &format!("{BLIND}{PEOPLE}"), suite).run("")
}

#[test]
fn a_strict_server_is_proven_by_the_case_replayed() {
    for suite in [MADE, NAMED] {
        let server = orders(strict);
        let run = run(&server, suite);
        run.must(0, &[("bad", "proven")]);
        let controls = run.case("bad")["controls"].as_array().unwrap().clone();
        let told: Vec<_> =
            controls.iter().map(|c| (c["when"].clone(), c["who"].clone(), c["status"].clone())).collect();
        let replayed = |when: &str| (when.into(), "the case replayed".into(), 204.into());
        assert_eq!(told, [replayed("before"), replayed("after")]);
        let sent = server.seen().iter().filter(|r| r.path.starts_with("/orders")).count();
        assert_eq!(sent, 3 + 2 + 1, "three setups, two good requests and the bad one");
        assert_eq!(run.report["summary"]["requests"], 1 + sent as u64, "all are counted, and the login");
    }
}

/// What the control deleted is not there any more: the defect must not be judged by that.
#[test]
fn a_server_that_looks_at_no_token_is_found_on_a_ground_of_its_own() {
    for suite in [MADE, NAMED] {
        let server = orders(|_, r| r.bearer().is_empty().then(|| unauthorized("no token")));
        run(&server, suite).must(1, &[("bad", "failed: mutant-accepted")]);
    }
}

#[test]
fn a_server_that_refuses_all_after_the_first_bad_token() {
    let locked = AtomicBool::new(false);
    let server = orders(move |api, r| {
        if api.user(r).is_err() {
            locked.store(true, Ordering::SeqCst);
        }
        let is_locked = r.method == "DELETE" && locked.load(Ordering::SeqCst);
        if is_locked { Some(unauthorized("go away")) } else { strict(api, r) }
    });
    run(&server, MADE).must(3, &[("bad", "inconclusive: control-after")]);
}

#[test]
fn a_server_where_the_good_credential_may_not_either() {
    let server = orders(|api, r| {
        let forbidden = r.method == "DELETE" && api.user(r).is_ok();
        if forbidden { Some(json(403, "{}")) } else { strict(api, r) }
    });
    run(&server, MADE).must(3, &[("bad", "inconclusive: control-refused")]);
    // Nor what was never there: a slip in the path behind a guard that answers first.
    let server = orders(strict);
    let slip = MADE.replace("/orders/{{ order }}'", "/orders/{{ order }}/x'");
    run(&server, &slip).must(3, &[("bad", "inconclusive: control-refused")]);
}

#[test]
fn a_setup_that_works_only_once_shows_nothing() {
    let made = AtomicBool::new(false);
    let server = orders(move |api, r| {
        let again = r.method == "POST" && made.swap(true, Ordering::SeqCst);
        if again { Some(json(409, "{}")) } else { strict(api, r) }
    });
    run(&server, MADE).must(3, &[("bad", "blocked: setup-failed")]);
}

#[test]
fn without_a_setup_or_with_the_control_off_nothing_is_done_again() {
    let server = orders(strict);
    let suite = NAMED
        .replace("DELETE", "PUT")
        .replace("setup:\n  - { as: alice, request: PUT /orders/one, json: { item: 1 } }\n", "");
    run(&server, &suite).must(3, &[("bad", "inconclusive: no-control")]);
    assert_eq!(server.count("PUT /orders/one"), 0);
    let off = NAMED.replace("with: tok-garbage", "with: tok-garbage, control: off");
    run(&server, &off).must(0, &[("bad", "unproven: uncontrolled")]);
    assert_eq!(server.count("DELETE /orders/one"), 1);
}

/// The other cases of the suite stand on their own setup, and are done by then; each setup has its teardown.
#[test]
fn others_do_not_lose_what_they_stand_on() {
    let server = orders(strict);
    let suite = format!(
        "{NAMED}  - {{ name: good, as: alice, request: DELETE /orders/one, expect: 204 }}\nteardown:\n  - {{ as: alice, request: PUT /orders/over }}\n"
    );
    run(&server, &suite).must(0, &[("bad", "proven"), ("good", "passed")]);
    assert_eq!((server.count("PUT /orders/one"), server.count("PUT /orders/over")), (4, 4));
}

/// A row that is to be let in deletes for real: those that are not are not judged by what it left.
#[test]
fn a_server_that_looks_at_no_token_is_found_by_a_pack() {
    let server = orders(|_, r| {
        let (scheme, token) = r.header("authorization").split_once(' ').unwrap_or_default();
        (!scheme.eq_ignore_ascii_case("bearer") || token.is_empty()).then(|| unauthorized("no token"))
    });
    let suite = NAMED.replace("tok-garbage", "[hdr-lowercase-scheme, tok-garbage]");
    let run = run(&server, &suite);
    let verdicts: Vec<_> = run.cases().iter().map(|c| (c["with"]["id"].as_str(), c["verdict"].as_str())).collect();
    let of = |id| Some(id);
    assert_eq!(
        verdicts,
        [(of("hdr-lowercase-scheme"), of("passed")), (of("tok-garbage"), of("failed"))],
        "{}",
        run.said
    );
}

/// However many defects there are, the control is done twice; so it is in a cell with something of its own.
#[test]
fn a_pack_costs_two_replays() {
    let server = orders(strict);
    let pack = run(&server, &MADE.replace("tok-garbage", "pack.bearer"));
    assert_eq!(pack.code, 0, "{}", pack.said);
    assert_eq!(server.count("POST /orders"), 5, "one more for each that is to be let in");
    assert!(pack.cases().len() > 8);
    let sent = server.seen().iter().filter(|r| r.method == "DELETE" && !r.bearer().starts_with("token-of")).count();
    assert!(sent >= 5, "{sent}");

    let matrix = "
access:
  columns: [alice]
  rows:
    an order:
      request: 'DELETE /orders/{{ order }}'
      given: { as: alice, request: POST /orders, json: { item: 1 }, capture: { order: $.id } }
      with: tok-garbage
      expect: { alice: 204 }
";
    let server = orders(strict);
    let run = Project::new(&server.url, &format!("{BLIND}{PEOPLE}"), matrix).run("");
    assert_eq!(run.code, 0, "{}", run.said);
    assert_eq!(server.count("POST /orders"), 4, "two cells and two controls");
    let lax = orders(|_, r| r.bearer().is_empty().then(|| unauthorized("no token")));
    assert_eq!(Project::new(&lax.url, &format!("{BLIND}{PEOPLE}"), matrix).run("").code, 1);
}

/// Steps before the one with the defect are done again too; what they are refused is told.
#[test]
fn the_steps_before_are_done_again() {
    let steps = "
setup:
  - { as: alice, request: PUT /orders/other }
cases:
  - name: bad
    as: alice
    session: exclusive
    steps:
      - { request: POST /orders, json: { item: 1 }, capture: { order: $.id } }
      - { with: tok-garbage, request: 'DELETE /orders/{{ order }}', expect: 401 }
      - { request: 'DELETE /orders/{{ order }}', expect: 204 }
";
    let server = orders(strict);
    run(&server, steps).must(0, &[("bad", "proven")]);
    assert_eq!(server.count("POST /orders"), 3);
    assert_eq!(server.count("POST /login"), 6, "each time one for the setup and one for the case itself");
}

/// A scheme with a `whoami`: what is let in as it should be deletes the order, and then whatever is asked gets 404.
#[test]
fn what_another_defect_took_away_is_not_refused() {
    // No scheme at all is taken as well, which would be found out if the order were still there.
    let server = orders(|api, r| {
        let mut r = r.clone();
        let token = r.header("authorization").rsplit(' ').next().unwrap_or_default().to_owned();
        r.headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        api.user(&r).err().map(unauthorized)
    });
    let suite = "
setup:
  - { as: alice, request: POST /orders, json: { item: 1 }, capture: { order: $.id } }
cases:
  - { name: let in, as: alice, with: [hdr-lowercase-scheme, hdr-no-scheme], request: 'DELETE /orders/{{ order }}' }
  - name: own
    as: alice
    steps:
      - { request: POST /orders, json: { item: 2 }, capture: { own: $.id } }
      - { with: [hdr-lowercase-scheme, hdr-no-scheme], request: 'DELETE /orders/{{ own }}' }
";
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("-j 1");
    let verdict = |name: &str, row: &str| {
        let is = |c: &&serde_json::Value| [name, row].iter().all(|word| c["id"].as_str().unwrap().contains(word));
        run.cases().iter().find(is).unwrap()["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!((run.code, &*verdict("let-in", "lowercase")), (1, "passed"), "{}", run.said);
    assert_eq!(verdict("let-in", "no-scheme"), "inconclusive", "{}", run.said);
    assert_eq!(verdict("/own", "no-scheme"), "failed", "{}", run.said);
}

#[test]
fn a_control_that_anybody_may_ask_shows_no_credential_alive() {
    // The token was never good; others with good ones make orders.
    let dead = |whoami: &str| {
        format!("{BLIND}{PEOPLE}  dead: {{ auth: {{ scheme: bearer{whoami} }}, token: dead-token-0123456789abcdef }}\n")
    };
    let suite = |control: &str| {
        format!(
            "cases:
  - {{ name: bad, as: dead, with: [tok-garbage, tok-truncated], request: POST /orders, json: {{ item: 1 }}{control} }}
  - {{ name: good, as: root, request: POST /orders, json: {{ item: 1 }} }}\n"
        )
    };
    let public = "inconclusive: public";
    let by_step = (dead(""), suite(", control: { request: GET /health }"));
    let by_whoami = (dead(", whoami: { request: GET /health }"), suite(""));
    for (project, suite) in [by_step, by_whoami] {
        let server = orders(strict);
        Project::new(&server.url, &project, &suite)
            .run("")
            .must(3, &[("bad [with=tok-garbage]", public), ("bad [with=tok-truncated]", public), ("good", "passed")]);
    }
    // The same control shows that a good one lives, where it needs one.
    let server = orders(strict);
    let own = suite(", control: { request: GET /me }").replace("as: dead", "as: alice");
    Project::new(&server.url, &dead(""), &own)
        .run("")
        .must(0, &[("bad [with=tok-garbage]", "proven"), ("bad [with=tok-truncated]", "proven"), ("good", "passed")]);
}
