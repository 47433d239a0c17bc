//! What a run tells of servers that repeat what was sent to them: no part of a secret, wherever a sentence is cut.

use crate::runs::Project;
use crate::server::{Reply, Request, Server, html, json, status};

const SECRET: &str = "Quizmaster-7-Wolkenbruch";

/// Repeats the secret so that `at` characters stand before it, where the path says.
fn repeats(r: &Request) -> Reply {
    let mut parts = r.path.trim_start_matches('/').split('/');
    let (place, at) = (parts.next().unwrap_or_default(), parts.next().and_then(|n| n.parse().ok()).unwrap_or(0));
    let said = format!("{}{SECRET}", "x".repeat(at));
    let form = "<form method=post><input name=username><input type=password name=password></form>";
    match place {
        "described" => json(400, &format!(r#"{{"error":"invalid_client","error_description":"{said}"}}"#)),
        "coded" => json(400, &format!(r#"{{"error":"{said}"}}"#)),
        "pointed" => json(400, &format!(r#"{{"error":"invalid_client","error_uri":"https://{said}"}}"#)),
        "typed" => json(200, &format!(r#"{{"access_token":"a-token-of-nobody","token_type":"{said}"}}"#)),
        "page" if r.method == "POST" => html(200, &format!("<p class=error>{said}</p>{form}")),
        "page" => html(200, form),
        "form" => html(200, &form.replace("<form", &format!("<form action=\"ftp://{said}\""))),
        "digest" => status(401).header("www-authenticate", format!("Digest realm=r, algorithm={said}, qop=\"{said}\"")),
        _ => status(404),
    }
}

#[test]
fn no_sentence_is_cut_inside_of_a_secret_before_it_is_masked() {
    let server = Server::start(repeats);
    // Before the cut that each had: a description after 300 characters, a code after 60, and so on.
    for at in [26, 46, 66, 126, 146, 186, 286, 386] {
        let token = |place: &str| {
            format!(
                "{{ scheme: oauth2, token_url: /{place}/{at}, grant: client_credentials, client: {{ id: cli, secret: {SECRET}, auth: post }} }}"
            )
        };
        let project = format!(
            "
auth:
  described: {}
  coded: {}
  pointed: {}
  typed: {}
  page: {{ scheme: form, page: /page/{at} }}
  leads: {{ scheme: form, page: /form/{at} }}
  digest: {{ scheme: digest }}
identities:
  described: {{ auth: described }}
  coded: {{ auth: coded }}
  pointed: {{ auth: pointed }}
  typed: {{ auth: typed }}
  page: {{ auth: page, username: ann, password: {SECRET} }}
  leads: {{ auth: leads, username: ann, password: {SECRET} }}
  digest: {{ auth: digest, username: ann, password: {SECRET} }}
",
            token("described"),
            token("coded"),
            token("pointed"),
            token("typed")
        );
        let suite = format!(
            "cases: [ {{ name: in, as: [described, coded, pointed, typed, page, leads, digest], request: GET /digest/{at}, expect: 200 }} ]\n"
        );
        let run = Project::new(&server.url, &project, &suite).run("-vv");
        assert_eq!(run.code, 1, "{}", run.said);
        // Lines are broken anywhere.
        let told: String = format!("{}{}", run.said, run.report).split_whitespace().collect();
        assert!(!told.contains("Quiz"), "{at}: {}", run.said);
    }
}

/// A new password is sent before anybody logs in with it, and stands under a name that says nothing.
#[test]
fn a_new_password_is_told_nowhere() {
    let form = "<form method=post><input name=username><input type=password name=password></form>";
    let server = Server::start(move |r| match (&*r.method, &*r.path) {
        ("GET", "/login") => html(200, form),
        ("POST", "/login") => status(303).header("location", "/").header("set-cookie", "sid=opaque-0123456789; Path=/"),
        ("PUT", _) => json(200, &format!(r#"{{"changed":true,"was":{}}}"#, r.body)),
        _ => json(200, "{}"),
    });
    let project = "
auth: { web: { scheme: form, page: /login } }
identities: { mia: { auth: web, username: mia, password: mia-pass-1 } }
";
    let cases = [
        "  - { name: typed later, as: mia, session: fresh, steps: [ { request: PUT /me, json: { old: mia-pass-1, fresh: mia-pass-9 }, expect: 204 }, { request: login, vary: { form.password: mia-pass-9 } } ] }",
        "  - { name: beside the old one, as: mia, session: fresh, request: PUT /me, json: { old: mia-pass-1, new: mia-pass-9 }, expect: 204 }",
    ];
    for case in cases {
        let project = Project::new(&server.url, project, &format!("cases:\n{case}\n"));
        let run = project.run("-vv --har all.har");
        assert_eq!(run.code, 1, "{}", run.said);
        let har = std::fs::read_to_string(project.path().join("all.har")).unwrap();
        for text in [&run.said, &run.report.to_string(), &har] {
            assert!(!text.contains("mia-pass-9"), "{text}");
        }
    }
}
