use super::super::testing::{Answer, faults};

const SESSION: &str = "session=abc; Path=/; HttpOnly; SameSite=Lax; Domain=.Api.test; Max-Age=3600";

fn holds(set: &[&str], wanted: &str) -> bool {
    answer(set).holds(&format!("cookies: {wanted}"))
}

fn answer(set: &[&str]) -> Answer {
    set.iter().fold(Answer::ok(), |answer, set| answer.set_cookie(set))
}

fn why(set: &[&str], wanted: &str) -> String {
    answer(set).broken(&format!("cookies: {wanted}")).remove(0).1
}

#[test]
fn every_attribute_is_asked_as_it_was_sent() {
    assert!(holds(&[SESSION], "{ session: abc }") && !holds(&[SESSION], "{ session: ab }"));
    assert!(holds(&[SESSION], "{ session: { value: { length: 3 }, http_only: true, secure: false, same_site: Lax } }"));
    assert!(holds(
        &[SESSION],
        "{ session: { path: /, domain: api.test, max_age: { at_most: 3600 }, session: false } }"
    ));
    assert!(holds(&[SESSION], "{ session: { expires: { exists: false }, exists: true } }"));
    let dated = "a=1; Expires=Thu, 01 Jan 2026 01:00:00 GMT";
    assert!(holds(&[dated], "{ a: { expires: { within: 1h }, max_age: { exists: false }, session: false } }"));
    assert!(!holds(&[dated], "{ a: { expires: { within: 50m } } }"));
    // A browser goes by `Max-Age` where both stand.
    let both = "a=1; Expires=Thu, 01 Jan 2026 01:00:00 GMT; Max-Age=600";
    assert!(holds(&[both], "{ a: { expires: { within: 10m }, max_age: 600 } }"));
    assert!(!holds(&[both], "{ a: { expires: { within: 9m } } }"));
    assert!(holds(&["a=1"], "{ a: { session: true, same_site: { exists: false }, http_only: false } }"));
    assert!(!holds(&["a=1"], "{ a: { same_site: { not: None } } }"), "a missing attribute fails `not` too");
    assert_eq!(why(&["a=1"], "{ a: { http_only: true } }"), "no `HttpOnly`");
    assert_eq!(why(&["a=1"], "{ a: { same_site: Lax } }"), "nothing (the cookie has no such attribute)");
}

#[test]
fn the_last_one_of_a_name_counts_on_any_hop() {
    assert!(holds(&["a=1", "a=2"], "{ a: 2 }") && !holds(&["a=1", "a=2"], "{ a: 1 }"));
    let two_hops = answer(&["a=1"]).then("http://api.test:8080/b", 200);
    assert!(two_hops.holds("cookies: { a: 1 }"));
}

#[test]
fn what_was_not_set_fails_everything_but_its_absence() {
    for wanted in
        ["{ a: x }", "{ a: { http_only: false } }", "{ a: { session: true } }", "{ a: { max_age: { exists: false } } }"]
    {
        assert!(!holds(&["b=1"], wanted), "{wanted}");
        assert_eq!(why(&[], wanted), "nothing (not set in this step)");
    }
    assert!(holds(&["b=1"], "{ a: { exists: false } }") && !holds(&["a=1"], "{ a: { exists: false } }"));
    assert!(!holds(&[], "{ a: { exists: true } }") && !holds(&[], "{ a: { deleted: true } }"));
}

#[test]
fn deletions_are_no_cookies_and_must_hit_the_stored_one() {
    let gone = &["a=1; Path=/start; HttpOnly", "a=; Max-Age=0; Path=/; HttpOnly"];
    assert!(!holds(gone, "{ a: { deleted: true } }"), "the deletion is for another path");
    assert!(holds(&["a=1; Path=/", "a=; Max-Age=0; Path=/"], "{ a: { deleted: true, path: / } }"));
    assert!(holds(&["a=; Max-Age=0"], "{ a: { deleted: true } }") && holds(gone, "{ a: { exists: false } }"));
    assert!(!holds(gone, "{ a: { http_only: true } }") && !holds(gone, "{ a: { exists: true } }"));
    assert!(
        !holds(&["a=1"], "{ a: { deleted: true } }") && !holds(&["a=1; Path=/"], "{ a: { deleted: true, path: / } }")
    );
    assert!(why(gone, "{ a: { deleted: true } }").contains("stays"));
}

#[test]
fn cookies_that_no_client_keeps_fail_with_the_reason() {
    for set in ["__Host-a=1; Path=/", "__Secure-a=1", "a=1; Domain=evil.test", "a=1; SameSite=None"] {
        let name = set.split('=').next().unwrap();
        for wanted in ["1", "{ exists: true }", "{ exists: false }", "{ http_only: false }"] {
            let told = why(&[set], &format!("{{ {name}: {wanted} }}"));
            assert!(told.starts_with("a cookie that clients refuse"), "{set}: {told}");
        }
    }
    // Plain http is the test's own choice; the server said the right thing.
    assert!(holds(&["a=1; Secure; HttpOnly"], "{ a: { secure: true, exists: true, value: 1 } }"));
}

#[test]
fn faults_are_told() {
    for (written, words) in [
        ("cookies: { a: {} }", "could not fail"),
        ("cookies: {}", "could not fail"),
        ("cookies: { a: { httponly: true } }", "no key called `httponly`"),
        ("cookies: { a: { same_site: lax } }", "not a value of `SameSite`"),
        ("cookies: { a: { secure: 1 } }", "`true` or `false`"),
        ("cookies: { a: { exists: false, secure: true } }", "cannot have"),
        ("cookies: { a: { exists: true, deleted: true } }", "cannot have"),
        ("cookies: { a: { deleted: false } }", "must stay"),
        ("cookies: { a: { value: { exists: true } } }", "always there"),
        ("cookies: { a: null }", "never null"),
    ] {
        let found = faults(written);
        assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
    }
}
