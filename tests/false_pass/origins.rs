//! Credentials stay with the origins they are bound to. A second server notes what reaches it.

use std::sync::Arc;

use crate::api::Api;
use crate::runs::{PEOPLE, Project, SCHEME};
use crate::server::{Request, Server, json, status};

/// A server that is none of the target's business.
fn stranger() -> Server {
    Server::start(|_| json(200, "{}"))
}

/// The target; some addresses lead to the stranger.
fn target(stranger: &Server) -> Server {
    let (api, away) = (Api::default(), stranger.url.clone());
    Server::start(move |r| match r.path.strip_prefix("/away/") {
        Some(code) => status(code[..3].parse().unwrap()).header("location", format!("{away}/caught")),
        None => api.answer(r),
    })
}

/// Everything of a request that could give somebody away.
fn told(request: &Request) -> String {
    let headers = ["authorization", "cookie", "x-api-key", "x-own", "proxy-authorization", "referer"];
    let mut told: Vec<&str> = headers.iter().map(|h| request.header(h)).collect();
    told.push(&request.body);
    told.push(request.path.split('?').nth(1).unwrap_or_default());
    told.concat()
}

#[test]
fn redirects_to_another_origin_carry_nothing() {
    let stranger = stranger();
    let target = target(&stranger);
    let suite = r"
cases:
  - { name: found, as: alice, request: GET /away/302, redirects: follow, expect: 200, headers: { X-Own: mine, Cookie: a=b } }
  - { name: seen other, as: alice, request: POST /away/303, redirects: follow, expect: 200, json: { password: right-alice } }
  - { name: by hand, request: GET /away/307, redirects: follow, expect: 200, headers: { Authorization: Bearer secret-thing } }
  - { name: the body again, as: alice, request: POST /away/307, redirects: follow, expect: 200, json: { password: right-alice } }
";
    let run = Project::new(&target.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
    run.must(
        3,
        &[
            ("found", "passed"),
            ("seen other", "passed"),
            ("by hand", "passed"),
            ("the body again", "errored: redirects"),
        ],
    );
    let caught = stranger.seen();
    assert_eq!(caught.len(), 3);
    assert!(caught.iter().all(|r| told(r).is_empty()), "{caught:#?}");
}

#[test]
fn keys_and_basic_do_not_follow_a_redirect_either() {
    let stranger = stranger();
    let target = target(&stranger);
    let people = r"
identities:
  by-plain: { auth: { scheme: basic }, username: plain, password: right-plain }
  by-header: { auth: { scheme: api-key, header: X-Api-Key }, key: header-key-1234 }
  by-query: { auth: { scheme: api-key, query: key }, key: query-key-1234 }
  by-cookie: { auth: { scheme: api-key, cookie: key }, key: cookie-key-1234 }
  by-token: { auth: { scheme: bearer }, token: token-1234567 }
";
    let suite = "cases:\n  - { name: away, as: [by-plain, by-header, by-query, by-cookie, by-token], request: GET /away/302, redirects: follow, expect: 200 }\n";
    let run = Project::new(&target.url, people, suite).run("");
    let caught = stranger.seen();
    assert_eq!(caught.len(), 5, "{}", run.said);
    assert!(caught.iter().all(|r| told(r).is_empty()), "{caught:#?}");
    let sent: Vec<String> = target.seen().iter().map(told).collect();
    for secret in [
        "Basic cGxhaW46cmlnaHQtcGxhaW4=",
        "header-key-1234",
        "key=query-key-1234",
        "key=cookie-key-1234",
        "Bearer token-1234567",
    ] {
        assert!(sent.iter().any(|s| s.contains(secret)), "{secret} reached the target: {sent:?}");
    }
    let report = run.report.to_string();
    for secret in ["right-plain", "cGxhaW46", "header-key", "query-key", "cookie-key", "token-1234567"] {
        assert!(!report.contains(secret) && !run.said.contains(secret), "{secret} is masked");
    }
}

#[test]
fn a_step_to_another_origin_is_not_sent_as_somebody() {
    let stranger = stranger();
    let target = target(&stranger);
    let suite = format!(
        "cases:
  - {{ name: as alice, as: alice, request: GET {0}/caught }}
  - {{ name: a slip in the host, as: alice, request: GET http://localhost:{1}/me }}
  - {{ name: as nobody, request: GET {0}/open, expect: 200 }}
  - name: in a case of hers
    as: alice
    steps:
      - {{ request: GET /me, expect: 200 }}
      - {{ as: anonymous, request: GET {0}/open, expect: 200 }}
      - {{ request: GET {0}/caught, expect: 200 }}
",
        stranger.url,
        target.url.rsplit(':').next().unwrap()
    );
    let run = Project::new(&target.url, &format!("{SCHEME}{PEOPLE}"), &suite).run("");
    run.must(
        3,
        &[
            ("as alice", "errored: other-origin"),
            ("a slip in the host", "errored: other-origin"),
            ("as nobody", "passed"),
            ("in a case of hers", "errored: other-origin"),
        ],
    );
    assert_eq!(stranger.counts().into_iter().collect::<Vec<_>>(), [("GET /open".to_owned(), 2)]);
    assert!(stranger.seen().iter().all(|r| told(r).is_empty()));
}

#[test]
fn an_origin_that_is_trusted_gets_the_credential() {
    let stranger = stranger();
    let target = target(&stranger);
    let people = format!("origins: [ '{}' ]\n{SCHEME}{PEOPLE}", stranger.url);
    let suite = format!(
        "cases:\n  - {{ name: direct, as: alice, request: GET {}/caught }}\n  - {{ name: redirected, as: alice, request: GET /away/302, redirects: follow }}\n",
        stranger.url
    );
    let run = Project::new(&target.url, &people, &suite).run("");
    run.must(0, &[("direct", "passed"), ("redirected", "passed")]);
    assert!(stranger.seen().iter().all(|r| r.bearer().starts_with("token-of-alice")));
}

/// A secret in an address is masked in the report, also in one that failed, and in what the server says back.
#[test]
fn secrets_in_addresses_are_masked() {
    let server =
        Server::start(|r| json(500, &format!("{{\"asked\":\"{}\",\"echo\":\"{}\"}}", r.path, r.header("x-one"))));
    let suite = r#"
cases:
  - name: it fails
    as: q
    request: "GET /keys/{{ identity.key | urlencode }}/x"
    headers: { X-One: "{{ identity.key }}" }
    expect: { status: 200, body: { contains: "{{ identity.key }}" } }
"#;
    let people = "identities: { q: { auth: { scheme: api-key, query: key }, key: 'quite secret/+&=' } }\n";
    let run = Project::new(&server.url, people, suite).run("-vv");
    assert_eq!(run.code, 1);
    let sent = server.seen();
    assert!(sent[0].path.contains("quite"), "{sent:?}");
    for text in [run.report.to_string(), run.said.clone()] {
        assert!(!text.contains("quite"), "{text}");
    }
}

/// A login elsewhere: its origin may see the credential that it gave, a third may not.
#[test]
fn the_origin_of_the_login_is_trusted() {
    let api = Arc::new(Api::default());
    let at = |api: &Arc<Api>| {
        let api = Arc::clone(api);
        Server::start(move |r| api.answer(r))
    };
    let (target, login, third) = (at(&api), at(&api), at(&api));
    let scheme = SCHEME.replace("POST /login", &format!("POST {}/login", login.url));
    let suite = format!(
        "cases:\n  - {{ name: here, as: alice, request: GET /me }}\n  - {{ name: there, as: alice, request: GET {}/me }}\n  - {{ name: elsewhere, as: alice, request: GET {}/me }}\n",
        login.url, third.url
    );
    let run = Project::new(&target.url, &format!("{scheme}{PEOPLE}"), &suite).run("");
    run.must(3, &[("here", "passed"), ("there", "passed"), ("elsewhere", "errored: other-origin")]);
    assert!(third.seen().is_empty());
}
