use proptest::prelude::*;

use super::*;
use crate::cover::testing::operation;

fn router(paths: &[&str]) -> Router {
    Router::new(&paths.iter().map(|p| operation("GET", p)).collect::<Vec<_>>())
}

#[test]
fn the_most_specific_path_wins_whatever_the_order() {
    let paths = ["/notes/{id}", "/notes/shared", "/{any}/shared", "/notes/{id}.json"];
    let of = |target: &str| router(&paths).find("GET", target).map(|i| paths[i]);
    assert_eq!(of("/notes/shared"), Some("/notes/shared"));
    assert_eq!(of("/notes/7"), Some("/notes/{id}"));
    assert_eq!(of("/notes/7.json"), Some("/notes/{id}.json"));
    assert_eq!(of("/users/shared"), Some("/{any}/shared"));
    assert_eq!(of("/notes/7?full=1"), Some("/notes/{id}"));
    // The mask of a secret stands for one segment, and more may follow.
    let resets = router(&["/resets/{token}/confirm", "/resets/{token}"]);
    assert_eq!(resets.find("GET", "/resets/‹alice.token#1›/confirm"), Some(0));
}

#[test]
fn paths_are_not_normalised() {
    let router = router(&["/notes", "/notes/{id}", "/a b"]);
    for target in ["/notes/", "//notes", "/Notes", "/notes//", "/notes/1/2", "notes", ""] {
        assert_eq!(router.find("GET", target), None, "{target}");
    }
    assert_eq!(router.find("POST", "/notes"), None);
    // The same letters in another spelling are the same segment, and a coded slash divides none.
    assert_eq!(router.find("GET", "/%6eotes"), Some(0));
    assert_eq!(router.find("GET", "/notes/a%2Fb"), Some(1));
    assert_eq!(router.find("GET", "/a%20b"), Some(2));
}

#[test]
fn servers_put_their_path_before() {
    let mut old = operation("GET", "/notes");
    old.prefixes = vec!["/api/v1".into()];
    let mut new = operation("GET", "/notes");
    new.prefixes = vec!["/api/v2".into(), String::new()];
    let router = Router::new(&[old, new]);
    assert_eq!(router.find("GET", "/api/v1/notes"), Some(0));
    assert_eq!(router.find("GET", "/api/v2/notes"), Some(1));
    assert_eq!(router.find("GET", "/notes"), Some(1));
    assert_eq!(router.find("GET", "/api/v3/notes"), None);
    assert_eq!(router.find("GET", "/api/v1notes"), None);
    // A variable without a value may have any, and a path is compared as it is written or encoded.
    let mut open = operation("GET", "/notes");
    open.prefixes = vec!["/{tenant}/my api".into()];
    let router = Router::new(&[open]);
    assert_eq!(router.find("GET", "/acme/my%20api/notes"), Some(0));
    assert_eq!(router.find("GET", "/my%20api/notes"), None);
}

#[test]
fn faulty_paths_say_why() {
    for path in ["notes", "/a/{id", "/a/id}", "/a/{}", "/a/{x}{y}", "/a/{x{y}}"] {
        assert!(Template::parse(path).is_err(), "{path}");
    }
    assert!(Template::parse("/").is_ok_and(|t| t.matches("/")));
}

/// A segment of a template, and the value its parameter gets.
fn segment() -> impl Strategy<Value = (String, String)> {
    let value = "[a-zA-Z0-9_~-]{1,8}";
    prop_oneof![
        "[a-z]{1,6}".prop_map(|s| (s.clone(), s)),
        value.prop_map(|v| ("{p}".to_owned(), v)),
        ("[a-z]{1,3}", value).prop_map(|(s, v)| (format!("{s}.{{p}}"), format!("{s}.{v}"))),
    ]
}

proptest! {
    #[test]
    fn a_rendered_template_finds_its_operation(parts in prop::collection::vec(segment(), 1..6), prefix in "(/[a-z]{1,4}){0,2}") {
        let template: String = parts.iter().map(|(t, _)| format!("/{t}")).collect();
        let rendered: String = parts.iter().map(|(_, v)| format!("/{v}")).collect();
        let mut op = operation("GET", &template);
        op.prefixes = vec![prefix.clone()];
        let all = [operation("GET", "/{only}/here/{and}/nowhere/{else}/x/y/z"), op];
        let router = Router::new(&all);
        prop_assert_eq!(router.find("GET", &format!("{prefix}{rendered}")), Some(1));
        prop_assert_eq!(router.find("GET", &format!("{prefix}{rendered}?a=/b")), Some(1));
        prop_assert_eq!(router.find("PUT", &format!("{prefix}{rendered}")), None);
    }

    #[test]
    fn no_text_panics(path in "\\PC{0,40}", target in "\\PC{0,40}") {
        if let Ok(template) = Template::parse(&path) {
            let _ = template.matches(&target);
        }
        let _ = router(&["/{a}", "/b/{c}-{d}"]).find("GET", &target);
    }
}
