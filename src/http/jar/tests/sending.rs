//! Which cookies travel, in which order, and why the others stay.

use super::super::{SecureOver, Site, WithholdReason};
use super::*;

/// Returns why the jar's only cookie stays at home.
fn reasons(field: &str, to: &str, seconds: i64, cx: SendContext) -> Vec<WithholdReason> {
    let mut jar = Jar::new();
    assert_eq!(set(&mut jar, HTTPS, field).outcome, StoreOutcome::Stored);
    let mut selection = jar.cookies_for(&url(to), at(seconds), cx);
    assert_eq!(selection.sent.len() + selection.withheld.len(), 1);
    selection.withheld.pop().map(|w| w.why).unwrap_or_default()
}

fn sentence(field: &str, to: &str, seconds: i64) -> String {
    let reasons = reasons(field, to, seconds, SendContext::default());
    let [reason] = reasons.as_slice() else { panic!("{reasons:?}") };
    reason.why()
}

#[test]
fn each_reason_has_its_sentence() {
    assert_eq!(
        sentence("a=b; Path=/", "https://example.com/", 0),
        "it is for api.example.com alone (no Domain was set) and the request goes to example.com"
    );
    assert_eq!(
        sentence("a=b; Path=/; Domain=example.com", "https://example.org/", 0),
        "it is for example.com and below, and the request goes to example.org"
    );
    assert_eq!(
        sentence("a=b", "https://api.example.com/application", 0),
        "its path `/app` does not cover the request path `/application`"
    );
    assert_eq!(sentence("a=b; Secure", HTTP, 0), "it is Secure, and http://api.example.com is not https");
    assert_eq!(sentence("a=b; Max-Age=60", HTTPS, 60), "it expired at 2027-01-01T00:01:00Z");
    assert_eq!(reasons("a=b; Max-Age=60", HTTPS, 59, SendContext::default()), []);
}

#[test]
fn every_reason_is_told_not_only_the_first() {
    let mut jar = Jar::new();
    set(&mut jar, HTTPS, "a=b; Secure");
    let selection = jar.cookies_for(&url("http://api.example.com/"), at(0), SendContext::default());
    assert_eq!(
        selection.withheld[0].why(),
        "its path `/app` does not cover the request path `/`; also, \
         it is Secure, and http://api.example.com is not https"
    );
}

#[test]
fn a_secure_cookie_goes_to_plain_loopback_only_when_asked() {
    let mut jar = Jar::new();
    let stored = set(&mut jar, "https://localhost/", "a=b; Secure");
    assert_eq!(stored.outcome, StoreOutcome::Stored);
    let to = url("http://localhost:8080/");
    let withheld = jar.cookies_for(&to, at(0), SendContext::default()).withheld;
    assert_eq!(withheld[0].why(), "it is Secure, and http://localhost is not https (browsers except loopback hosts)");
    let secure_over = Some(SecureOver::HttpsAndLoopback);
    let cx = SendContext { secure_over, ..SendContext::default() };
    assert_eq!(jar.cookies_for(&to, at(0), cx).sent.len(), 1);
    assert_eq!(jar.cookies_for(&url("http://example.com/"), at(0), cx).sent.len(), 0);
}

#[test]
fn same_site_decides_what_other_sites_can_cause() {
    let travels = |field: &str, site| {
        let cx = SendContext { site, ..SendContext::default() };
        reasons(field, HTTPS, 0, cx).is_empty()
    };
    for (field, navigation, other) in [
        ("a=b; SameSite=Strict", false, false),
        ("a=b; SameSite=Lax", true, false),
        ("a=b", true, false),
        ("a=b; SameSite=Unheard", true, false),
        ("a=b; SameSite=None; Secure", true, true),
    ] {
        assert!(travels(field, Site::Same), "{field}");
        assert_eq!(travels(field, Site::CrossNavigation), navigation, "{field}");
        assert_eq!(travels(field, Site::Cross), other, "{field}");
    }
    let cx = SendContext { site: Site::Cross, ..SendContext::default() };
    let only = |field| reasons(field, HTTPS, 0, cx);
    assert_eq!(only("a=b; SameSite=Strict"), [WithholdReason::SameSiteStrict]);
    assert_eq!(only("a=b; SameSite=Lax"), [WithholdReason::SameSiteLax]);
    assert_eq!(only("a=b"), [WithholdReason::SameSiteUnset]);
}

#[test]
fn longer_paths_go_first_then_older_cookies() {
    let mut jar = Jar::new();
    for field in ["a=1; Path=/", "b=2", "c=3; Path=/", "d=4; Path=/app/login"] {
        set(&mut jar, HTTPS, field);
    }
    assert_eq!(sent(&mut jar, HTTPS), "d=4; b=2; a=1; c=3");
    // A new value keeps its place.
    set(&mut jar, HTTPS, "a=9; Path=/");
    assert_eq!(sent(&mut jar, HTTPS), "d=4; b=2; a=9; c=3");
    assert_eq!(jar.get("a", &url(HTTPS), at(0)).unwrap().value.as_bytes(), b"9");
}

#[test]
fn ports_do_not_matter_and_sending_is_noted() {
    let mut jar = Jar::new();
    set(&mut jar, HTTPS, "a=b; Path=/");
    jar.cookies_for(&url("https://api.example.com:8443/"), at(7), SendContext::default());
    assert_eq!(jar.get("a", &url(HTTPS), at(7)).unwrap().last_access, at(7));
}

#[test]
fn get_finds_what_would_be_sent_and_find_everything() {
    let mut jar = Jar::new();
    set(&mut jar, HTTPS, "a=wide; Path=/");
    set(&mut jar, HTTPS, "a=narrow");
    let to = |text| jar.get("a", &url(text), at(0)).map(|c| c.value.text().into_owned());
    assert_eq!(to(HTTPS).as_deref(), Some("narrow"));
    assert_eq!(to("https://api.example.com/").as_deref(), Some("wide"));
    assert_eq!(to("https://example.com/"), None);
    assert_eq!(jar.find("a", at(0)).count(), 2);
    assert_eq!(jar.remove("a").len(), 2);
    assert!(jar.is_empty(at(0)));
}

#[test]
fn a_value_set_by_hand_keeps_the_scope_it_finds() {
    let mut jar = Jar::new();
    set(&mut jar, HTTPS, "sid=1; HttpOnly; Domain=example.com; Path=/");
    jar.set_raw("sid", b"forged; x=\"", &url(HTTPS), at(0));
    jar.set_raw("new", b"1", &url(HTTPS), at(0));
    assert_eq!(sent(&mut jar, "https://api.example.com/"), "sid=forged; x=\"; new=1");
    assert_eq!(sent(&mut jar, "https://www.example.com/"), "sid=forged; x=\"");
    assert!(jar.get("sid", &url(HTTPS), at(0)).unwrap().http_only);
}

#[test]
fn a_request_may_replace_cookies_for_itself() {
    let mut jar = Jar::new();
    for field in ["a=1; Path=/", "b=2; Path=/", "a=3"] {
        set(&mut jar, HTTPS, field);
    }
    let mut selection = jar.cookies_for(&url(HTTPS), at(0), SendContext::default());
    selection.put("a", b"x");
    selection.put("c", b"y");
    assert_eq!(selection.header().unwrap(), b"a=x; b=2; c=y");
    assert_eq!(sent(&mut jar, HTTPS), "a=3; a=1; b=2");
}
