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
