//! Another request to the same address: a refusal is only proven by what was asked for itself.

use crate::api::Api;
use crate::runs::{BLIND, PEOPLE, Project, SCHEME};
use crate::server::{Request, Server, json, status};

/// One address for all: everybody may ask who they are, root for the users, and what nobody knows is forbidden.
fn graphql() -> Server {
    let api = Api::default();
    Server::start(move |r| match (&*r.path, api.user(r)) {
        ("/graphql", Ok(user)) => match &*r.field("query") {
            "{ me }" => json(200, &format!(r#"{{"data":{{"me":"{user}"}}}}"#)),
            "{ users }" if user == "root" => json(200, r#"{"data":{"users":3}}"#),
            _ => json(403, r#"{"error":"forbidden"}"#),
        },
        ("/graphql", Err(_)) => status(401),
        _ => api.answer(r),
    })
}

#[test]
fn another_question_to_the_same_address_proves_nothing() {
    let suite = |query: &str| {
        format!(
            r#"
cases:
  - {{ name: bob asks who he is, as: bob, request: POST /graphql, json: {{ query: "{{ me }}" }}, expect: 200 }}
  - {{ name: root asks for users, as: root, request: POST /graphql, json: {{ query: "{{ users }}" }}, expect: 200 }}
  - {{ name: bob does not, as: bob, request: POST /graphql, json: {{ query: "{{ {query} }}" }}, expect: 403 }}
"#
        )
    };
    for (query, bob) in [("usrs", "unproven: unproven"), ("users", "proven")] {
        let project = Project::new(&graphql().url, &format!("{BLIND}{PEOPLE}"), &suite(query));
        let all = [("bob asks who he is", "passed"), ("root asks for users", "passed"), ("bob does not", bob)];
        project.run("").must(0, &all);
        let strict = project.run("--require-proof");
        assert_eq!(strict.code, if bob == "proven" { 0 } else { 3 }, "{}", strict.said);
    }
}

/// In a flow whose argument is the question, and in rows of an `each`.
#[test]
fn a_question_that_is_given_is_the_question() {
    let suite = r#"
flows:
  ask: { args: { query: }, steps: [ { request: POST /graphql, json: { query: "{{ query }}" } } ] }
cases:
  - { name: may, as: root, use: ask, args: { query: "{ users }" }, expect: 200 }
  - { name: me, as: bob, use: ask, args: { query: "{ me }" }, expect: 200 }
  - name: not
    as: bob
    each: [ { id: right, query: "{ users }" }, { id: slip, query: "{ usrs }" } ]
    request: POST /graphql
    json: { query: "{{ row.query }}" }
    expect: 403
"#;
    let run = Project::new(&graphql().url, &format!("{BLIND}{PEOPLE}"), suite).run("");
    assert_eq!(run.code, 0, "{}", run.said);
    for (id, unproven) in [("right", 0), ("slip", 1)] {
        let case = run.cases().iter().find(|c| c["id"].as_str().unwrap().contains(id)).unwrap();
        assert_eq!(case["proof"]["unproven"], unproven, "{case}");
    }
}

/// A field names the tenant, and the suite's has a slip.
#[test]
fn another_tenant_proves_nothing() {
    let suite = |tenant: &str| {
        format!(
            "
cases:
  - {{ name: alice, as: alice, request: GET /data, headers: {{ X-Tenant: a }}, expect: 200 }}
  - {{ name: bob, as: bob, request: GET /data, headers: {{ X-Tenant: {tenant} }}, expect: 403 }}
"
        )
    };
    for (tenant, bob) in [("aa", "unproven: unproven"), ("a", "proven")] {
        let api = Api::default();
        let server = Server::start(move |r| match (&*r.path, api.user(r).as_deref(), r.header("x-tenant")) {
            ("/data", Ok("alice"), "a") => json(200, "{}"),
            ("/data", Ok(_), _) => status(403),
            _ => api.answer(r),
        });
        let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite(tenant)).run("");
        run.must(0, &[("alice", "passed"), ("bob", bob)]);
    }
}

/// What is another each time, somebody's own or a credential makes no other request.
#[test]
fn what_is_new_each_time_is_the_same_request() {
    let case = |name: &str, who: &str, status: u16| {
        format!(
            r#"
  - name: {name}
    as: {who}
    vars: {{ title: "n-{{{{ random(8) }}}}", other: "{{{{ 8 | random }}}}" }}
    steps:
      - {{ request: GET /me, capture: {{ me: $.username }} }}
      - request: POST /notes
        headers: {{ Idempotency-Key: "{{{{ uuid() }}}}", X-Seen: "{{{{ now() }}}}", X-Other: "{{{{ 6 | random }}}}" }}
        json:
          id: "{{{{ uuid() }}}}"
          title: "{{{{ title }}}}"
          other: "{{{{ other }}}}"
          by: "{{{{ identity.username }}}}"
          me: "{{{{ me }}}}"
          kind: "{{{{ kind }}}}"
        expect: {status}
"#
        )
    };
    let suite = format!(
        r"
vars: {{ kind: plain }}
cases:{}{}
  - {{ name: a wrong password, request: POST /login, json: {{ username: alice, password: wrong }}, expect: 401 }}
  - {{ name: a wrong token, request: GET /me, headers: {{ Authorization: Bearer wrong }}, expect: 401 }}
",
        case("alice writes", "alice", 201),
        case("bob does not", "bob", 403)
    );
    let api = Api::default();
    let server = Server::start(move |r: &Request| match (&*r.path, api.user(r).as_deref()) {
        ("/notes", Ok("alice")) => json(201, "{}"),
        ("/notes", Ok(_)) => status(403),
        _ => api.answer(r),
    });
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), &suite).run("");
    run.must(
        0,
        &[
            ("alice writes", "passed"),
            ("bob does not", "proven"),
            ("a wrong password", "proven"),
            ("a wrong token", "proven"),
        ],
    );
}

/// Each case has a session of its own: none is held against the control of another one, however short it lived.
#[test]
fn a_session_of_its_own_has_a_control_of_its_own() {
    let suite = "cases:
  - { name: c, as: alice, session: fresh, with: [hdr-double-space, hdr-quoted], request: GET /me }
  - { name: d, as: alice, session: fresh, with: [hdr-double-space, hdr-quoted], request: GET /me }
";
    let api = Api::default();
    let server = Server::start(move |r| api.answer(r));
    let run = Project::new(&server.url, &format!("{BLIND}{PEOPLE}"), suite).run("-j 1");
    assert_eq!((run.code, run.cases().len()), (0, 4), "{}", run.said);
    let seen = server.seen();
    let plain = |token: &str| seen.iter().filter(|r| r.header("authorization") == format!("Bearer {token}")).count();
    // A second blank is allowed here, quotes are refused: then the session must still be alive afterwards.
    let asked = [1, 2, 3, 4].map(|number| plain(&format!("token-of-alice-{number}")));
    assert_eq!(asked, [1, 2, 1, 2], "{seen:?}");
}

/// A case whose point is the body names what is allowed instead; what is allowed elsewhere shows nothing about it.
#[test]
fn a_control_to_the_same_address_proves_another_body() {
    let api = Api::default();
    let server = Server::start(move |r: &Request| match (&*r.path, api.user(r)) {
        ("/notes", Ok(user)) if r.body.contains(&format!("\"owner\":\"{user}\"")) => json(201, "{}"),
        ("/notes", Ok(_)) => status(403),
        _ => api.answer(r),
    });
    let suite = "cases:
  - name: with
    as: alice
    request: POST /notes
    json: { owner: bob }
    expect: 403
    control: { request: POST /notes, json: { owner: alice } }
  - { name: elsewhere, as: alice, request: POST /notes, json: { owner: root }, expect: 403, control: { request: GET /me } }
  - { name: without, as: alice, request: POST /notes, json: { owner: nobody }, expect: 403 }
";
    let run = Project::new(&server.url, &format!("{SCHEME}{PEOPLE}"), suite).run("--require-proof");
    let lacks = "inconclusive: unproven";
    run.must(3, &[("with", "proven"), ("elsewhere", lacks), ("without", lacks)]);
}

/// Orders that somebody pays for: root may, others may not, and what nobody ordered is forbidden too.
fn orders() -> Server {
    let (api, made) = (Api::default(), std::sync::atomic::AtomicUsize::new(0));
    Server::start(move |r| match (&*r.path, api.user(r).as_deref()) {
        ("/orders", Ok(_)) => {
            let number = made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            json(201, &format!(r#"{{"id":"o{number}"}}"#))
        }
        ("/refunds", Ok("root")) if r.field("order").starts_with('o') || r.field("by") == "root" => json(200, "{}"),
        ("/refunds", Ok(_)) => status(403),
        (path, Ok("root")) if path.starts_with("/orders/") => json(200, "{}"),
        (path, Ok(_)) if path.starts_with("/orders/") => status(403),
        _ => api.answer(r),
    })
}

const FLOWS: &str = r#"
flows:
  refund: { args: { thing: }, steps: [ { request: POST /refunds, json: { order: "{{ thing }}" } } ] }
  twice: { args: { what: }, steps: [ { use: refund, args: { thing: "{{ what }}" } } ] }
  claim: { args: { who: }, steps: [ { request: POST /refunds, json: { by: "{{ who }}" } } ] }
"#;

/// What somebody ordered, or whoever asks: in the hand of a flow, under a name of the case, in body and path.
#[test]
fn what_is_each_ones_own_is_the_same_request_by_whatever_name() {
    let ordered = |name: &str, who: &str, step: &str, status: u16| {
        format!(
            r"
  - name: {name}
    steps:
      - {{ as: alice, request: POST /orders, json: {{ item: 1 }}, capture: {{ order: $.id }} }}
      - {{ as: {who}, {step}, expect: {status} }}
"
        )
    };
    let own = |name: &str, who: &str, step: &str, status: u16| {
        format!("  - {{ name: {name}, as: {who}, {step}, expect: {status} }}\n")
    };
    let refund = r#"use: refund, args: { thing: "{{ order }}" }"#;
    let twice = r#"use: twice, args: { what: "{{ order }}" }"#;
    let claim = r#"use: claim, args: { who: "{{ identity.username }}" }"#;
    let var = r#"vars: { key: "k-{{ uuid() }}", mine: "{{ key }}" }, request: POST /refunds, json: { by: root, key: "{{ mine }}" }"#;
    let suite = [
        FLOWS.to_owned(),
        "cases:\n".to_owned(),
        "  - { name: root is somebody, as: root, request: GET /me }\n  - { name: bob is somebody, as: bob, request: GET /me }\n".to_owned(),
        ordered("root refunds", "root", refund, 200),
        ordered("bob does not", "bob", refund, 403),
        ordered("root does twice", "root", twice, 200),
        ordered("bob not even twice", "bob", twice, 403),
        own("root claims", "root", claim, 200),
        own("bob may not", "bob", claim, 403),
        own("root by a name", "root", var, 200),
        own("bob by a name", "bob", var, 403),
        r#"
  - name: one order
    steps:
      - { as: alice, request: POST /orders, json: { item: 1 }, capture: { order: $.id } }
      - { as: root, request: "GET /orders/{{ order }}", expect: 200 }
      - { as: bob, request: "GET /orders/{{ order }}", expect: 403 }
"#
        .to_owned(),
    ]
    .concat();
    let run = Project::new(&orders().url, &format!("{SCHEME}{PEOPLE}"), &suite).run("");
    let proven = ["bob does not", "bob not even twice", "bob may not", "bob by a name", "one order"];
    assert_eq!(proven.map(|name| run.verdict(name)), ["proven"; 5]);
}

/// The same with a slip: something else is given, although the flow has one name for it.
#[test]
fn something_else_under_the_same_name_proves_nothing() {
    let suite = format!(
        r#"{FLOWS}
cases:
  - {{ name: bob is somebody, as: bob, request: GET /me }}
  - name: root refunds
    steps:
      - {{ as: alice, request: POST /orders, json: {{ item: 1 }}, capture: {{ order: $.id }} }}
      - {{ as: root, use: refund, args: {{ thing: "{{{{ order }}}}" }}, expect: 200 }}
  - name: another word
    steps:
      - {{ as: alice, request: POST /orders, json: {{ item: 1 }}, capture: {{ thing: $.id }} }}
      - {{ as: bob, use: refund, args: {{ thing: "order" }}, expect: 403 }}
  - {{ name: root claims, as: root, use: claim, args: {{ who: "{{{{ identity.username }}}}" }}, expect: 200 }}
  - {{ name: another part, as: bob, use: claim, args: {{ who: "{{{{ identity.password }}}}" }}, expect: 403 }}
  - {{ name: root by a name, as: root, vars: {{ key: "o-{{{{ uuid() }}}}" }}, request: POST /refunds, json: {{ order: "{{{{ key }}}}" }}, expect: 200 }}
  - {{ name: another name, as: bob, vars: {{ key: "x-{{{{ uuid() }}}}" }}, request: POST /refunds, json: {{ order: "{{{{ key }}}}" }}, expect: 403 }}
"#
    );
    let run = Project::new(&orders().url, &format!("{SCHEME}{PEOPLE}"), &suite).run("");
    let open = ["another word", "another part", "another name"];
    assert_eq!(open.map(|name| run.verdict(name)), ["unproven"; 3]);
}
