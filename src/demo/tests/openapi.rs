//! The API document of the demo says of every route what the route does to strangers.

use super::*;

/// All operations of the document: `GET /me`, with what is said about them.
async fn operations(api: &Api) -> Vec<(String, Value)> {
    let document = api.ask("GET /openapi.json", &[]).await.is(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap().clone();
    let mut out = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            out.push((format!("{} {path}", method.to_uppercase()), operation.clone()));
        }
    }
    out
}

#[tokio::test]
async fn it_has_the_routes_of_the_front_page_and_they_are_there() {
    let api = Api::shared();
    let page = api.ask("GET /", &[]).await.is(200).body;
    let operations = operations(&api).await;
    assert_eq!(page.matches("<dt>").count(), operations.len());
    // Who may get in stands there, too, and where a browser is sent back to.
    for told in
        ["https://web.example.com/callback", "username: camera, password: lens-cap-4", "AKIDEMOREADER", "hmac-writer-"]
    {
        assert!(page.contains(told), "{told}");
    }
    for (name, _) in &operations {
        let got = api.ask(&rendered(name), &[]).await;
        let unknown = got.status == StatusCode::NOT_FOUND && got.body.contains("no such route");
        assert!(!unknown && got.status != StatusCode::METHOD_NOT_ALLOWED, "{name}: {got:?}");
    }
}

/// A path with something in place of its parameters.
fn rendered(name: &str) -> String {
    let known = [("{corner}", "md5"), ("{service}", "s3"), ("{sender}", "github"), ("{n}", "1"), ("{path}", "a")];
    let mut out = name.to_owned();
    for (parameter, value) in known {
        out = out.replace(parameter, value);
    }
    out.replace("{id}", "alice-main").replace("{name}", "alice")
}

#[tokio::test]
async fn strangers_are_refused_where_it_asks_for_a_credential_and_nowhere_else() {
    let api = Api::shared();
    let mut wrong = Vec::new();
    for (name, operation) in operations(&api).await {
        let security = operation["security"].as_array().unwrap();
        let guarded = !security.is_empty() && !security.contains(&json!({}));
        let got = api.ask(&rendered(&name), &[]).await;
        let to_login = got.status.is_redirection() && got.header("location").contains("/web/login");
        // A form without its token or ticket is refused to everybody, whoever they are.
        let by_form = ["\"csrf\"", "\"ticket\""].iter().any(|code| got.body.contains(code));
        let refused = (matches!(got.status.as_u16(), 401 | 403) && !by_form) || (to_login && guarded);
        if refused != guarded {
            wrong.push(format!("{name}: {} {}", got.status, got.body));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
