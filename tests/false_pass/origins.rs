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

/// What a redirect leads to at another origin is asked without the credential, and that is told; its 401 refuses nobody.
#[test]
fn a_refusal_of_another_origin_refuses_nobody() {
    for code in [401, 403] {
        let stranger = Server::start(move |_| status(code));
        let target = target(&stranger);
        let suite = "cases:
  - { name: alice is in, as: alice, request: GET /me, expect: 200 }
  - { name: nobody is not, request: GET /me, expect: 401 }
  - { name: refused, as: alice, request: GET /away/302, redirects: follow, expect: deny }
  - { name: let in, as: alice, request: GET /away/302, redirects: follow, expect: 200 }
";
        let run = Project::new(&target.url, &format!("{SCHEME}{PEOPLE}"), suite).run("");
        run.must(
            1,
            &[
                ("alice is in", "passed"),
                ("nobody is not", "proven"),
                ("refused", "inconclusive: not-sent"),
                ("let in", "failed: check-failed"),
            ],
        );
        let told = run.case("let in").to_string();
        assert!(told.contains("stayed behind") && told.contains("credential-left-behind"), "{told}");
    }
}

/// What proves a session stands in a request that is sent elsewhere: nobody sends it, by whatever name and in whatever place.
#[test]
fn a_credential_that_is_written_out_stays_at_home() {
    let stranger = stranger();
    let target = target(&stranger);
    let at = |rest: &str| format!("request: {} {}/caught", rest, stranger.url);
    let token = "sessions.alice.access_token";
    let written = [
        ("header", format!("as: anonymous, {}, headers: {{ Authorization: \"Bearer {{{{ {token} }}}}\" }}", at("GET"))),
        ("nobody", format!("{}, headers: {{ X-Own: \"{{{{ {token} }}}}\" }}", at("GET"))),
        ("query", format!("{}, query: {{ t: \"{{{{ {token} }}}}\" }}", at("GET"))),
        ("path", format!("request: \"GET {}/caught/{{{{ {token} }}}}/x\"", stranger.url)),
        ("json", format!("{}, json: {{ a: [ {{ b: \"{{{{ {token} }}}}\" }} ] }}", at("POST"))),
        ("form", format!("{}, form: {{ token: \"{{{{ {token} }}}}\" }}", at("POST"))),
        ("cookie", format!("{}, cookies: {{ t: \"{{{{ {token} }}}}\" }}", at("GET"))),
        ("basic", format!("{}, headers: {{ Authorization: \"Basic {{{{ (':' ~ {token}) | base64 }}}}\" }}", at("GET"))),
        ("at once", format!("{}, together: 2, headers: {{ X-Own: \"{{{{ {token} }}}}\" }}", at("GET"))),
        (
            "a key",
            format!("with: key-as-bearer, as: by-key, {}, headers: {{ X-Own: \"{{{{ {token} }}}}\" }}", at("GET")),
        ),
    ];
    let mut suite = "cases:\n  - { name: at home, as: bob, request: GET /me, headers: { Authorization: \"Bearer {{ sessions.alice.access_token }}\" }, expect: 200 }\n".to_owned();
    for (name, step) in &written {
        suite += &format!("  - {{ name: {name}, {step}, expect: 200 }}\n");
    }
    suite += &format!(
        "  - {{ name: nothing of hers, {}, headers: {{ X-Own: some-other-text }}, expect: 200 }}\n",
        at("GET")
    );
    let people = format!(
        "{SCHEME}{PEOPLE}  by-key: {{ auth: {{ scheme: api-key, header: X-Api-Key }}, key: header-key-1234 }}\n"
    );
    let run = Project::new(&target.url, &people, &suite).run("");
    let mut verdicts = vec![("at home", "passed"), ("nothing of hers", "passed")];
    verdicts.extend(written.iter().map(|(name, _)| (*name, "errored: other-origin")));
    run.must(3, &verdicts);
    assert_eq!(stranger.seen().len(), 1);
    assert!(stranger.seen().iter().all(|r| !format!("{r:?}").contains("token-of-alice")), "{:#?}", stranger.seen());
    // Where it may go it goes.
    let project = format!("origins: [ '{}' ]\n{people}", stranger.url);
    let run = Project::new(&target.url, &project, &suite).run("");
    assert_eq!(run.verdict("header"), "passed", "{}", run.said);
}

/// Cookies of a session are no different.
#[test]
fn cookies_that_are_written_out_stay_at_home() {
    let stranger = stranger();
    let target = Server::start(|r| match (r.path.as_str(), r.header("cookie")) {
        ("/login", _) => status(204).header("set-cookie", "sid=cookie-of-alice-1; HttpOnly; Path=/"),
        ("/me", "sid=cookie-of-alice-1") => json(200, "{}"),
        _ => status(401),
    });
    let suite = format!(
        "cases:
  - name: elsewhere
    steps:
      - {{ as: alice, request: GET /me, expect: 200 }}
      - {{ as: alice, request: GET /me, expect: 200, capture: {{ stolen: '{{{{ jar.sid }}}}' }} }}
      - {{ as: anonymous, request: GET {}/caught, cookies: {{ sid: '{{{{ stolen }}}}' }}, expect: 200 }}
",
        stranger.url
    );
    let run = Project::new(&target.url, &format!("{}{PEOPLE}", crate::runs::COOKIES), &suite).run("");
    run.must(3, &[("elsewhere", "errored: other-origin")]);
    assert!(stranger.seen().is_empty());
}

/// A login may take the credential of another login to where it logs in: its scheme says so.
#[test]
fn a_login_with_the_credential_of_another_goes_where_it_says() {
    let (idp, target) = (Api::default(), Api::default());
    let idp = Server::start(move |r| match &*r.path {
        "/exchange" if r.field("subject").starts_with("token-of-alice") => {
            json(200, r#"{"access_token":"exchanged-1"}"#)
        }
        "/mine" if r.bearer() == "exchanged-1" => json(200, "{}"),
        _ => idp.answer(r),
    });
    let target = Server::start(move |r| target.answer(r));
    let project = format!(
        "{SCHEME}  other:
    scheme: login
    login:
      request: POST {}/exchange
      json: {{ subject: \"{{{{ sessions.alice.access_token }}}}\" }}
      capture: {{ access_token: $.access_token }}
    send: {{ bearer: access_token }}
{PEOPLE}  alice-there: {{ auth: other, username: alice }}
",
        idp.url
    );
    let suite = format!("cases:\n  - {{ name: there, as: alice-there, request: GET {}/mine, expect: 200 }}\n", idp.url);
    Project::new(&target.url, &project, &suite).run("").must(0, &[("there", "passed")]);
}
