//! The story of a step, and what a jar gained.

use super::super::{Change, ChangeKind, JarTrail};
use super::*;

#[test]
fn a_trail_tells_the_story_of_one_cookie() {
    let (mut jar, mut trail) = (Jar::new(), JarTrail::default());
    for (from, field) in [(HTTPS, "sid=1; Secure"), (HTTPS, "lang=en"), (HTTP, "sid=2")] {
        let stored = set(&mut jar, from, field);
        trail.received(&url(from), stored);
    }
    for to in [HTTPS, HTTP] {
        let selection = jar.cookies_for(&url(to), at(0), SendContext::default());
        trail.requested(&url(to), selection);
    }
    assert_eq!(trail.stored().count(), 3);
    assert_eq!(
        trail.story("sid"),
        [
            "api.example.com set `sid`: the cookie is new",
            "api.example.com set `sid`: a response without TLS may not cover the Secure cookie \
             of this name for api.example.com, path `/app`",
            "`sid` was sent to api.example.com",
            "`sid` was not sent to api.example.com: it is Secure, and http://api.example.com is not https",
        ]
    );
    assert!(trail.story("csrf").is_empty());
}

#[test]
fn a_jar_tells_what_changed_since_a_copy() {
    let mut jar = Jar::new();
    for field in ["same=1", "new=1", "gone=1", "brief=1; Max-Age=5"] {
        set(&mut jar, HTTPS, field);
    }
    let before = jar.clone();
    for field in ["same=1; HttpOnly", "new=2", "gone=; Max-Age=0", "more=1"] {
        set(&mut jar, HTTPS, field);
    }
    let changes = jar.changes_since(&before, at(0), at(5));
    let told: Vec<(String, ChangeKind)> =
        changes.into_iter().map(|Change { name, kind, .. }| (name.to_string(), kind)).collect();
    let expected = [
        ("new", ChangeKind::Changed),
        ("more", ChangeKind::Added),
        ("gone", ChangeKind::Removed),
        ("brief", ChangeKind::Removed),
    ];
    assert_eq!(told, expected.map(|(name, kind)| (name.to_owned(), kind)));
}
