//! Which cookies get in, and as what.

use super::super::{Deletion, HostRule, ParsedSetCookie, SameSite, SecureOver, parse_cookie_date};
use super::*;

#[test]
fn a_plain_cookie_belongs_to_its_host_and_folder() {
    let mut jar = Jar::new();
    let stored = set(&mut jar, HTTPS, "sid=abc; HttpOnly; Secure; SameSite=Lax; Priority=High");
    assert_eq!(stored.outcome, StoreOutcome::Stored);
    let cookie = jar.get("sid", &url(HTTPS), at(0)).unwrap();
    assert_eq!((cookie.domain.as_str(), cookie.host_only), ("api.example.com", true));
    assert_eq!(cookie.path, "/app");
    assert!(cookie.secure && cookie.http_only);
    assert_eq!(cookie.same_site, Some(SameSite::Lax));
    assert_eq!((cookie.expiry, cookie.created, cookie.last_access), (None, at(0), at(0)));
    let names: Vec<&str> = cookie.attributes.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["HttpOnly", "Secure", "SameSite", "Priority"]);
}

#[test]
fn attributes_are_read_as_sent() {
    let field =
        b"a=b=c; MAX-AGE=60; expires=Wed, 09 Jun 2027 10:18:14 GMT; DOMAIN=.Example.COM; Path=/x; foo ; Max-Age=x";
    let parsed = ParsedSetCookie::parse(field);
    assert_eq!(parsed.name, "a");
    assert_eq!(parsed.value.as_bytes(), b"b=c");
    assert_eq!(parsed.max_age(), Some(60));
    assert_eq!(parsed.expires(), parse_cookie_date(b"09 Jun 2027 10:18:14"));
    assert_eq!(parsed.domain().as_deref(), Some("example.com"));
    assert_eq!(parsed.path(), Some("/x"));
    assert!(!parsed.secure() && !parsed.http_only());
    assert_eq!(parsed.same_site(), None);
    assert_eq!(parsed.attribute("FOO").map(|a| a.value.as_str()), Some(""));
    assert_eq!(parsed.problems(), ["Max-Age `x` is not a whole number of seconds and is ignored"]);
}

#[test]
fn attributes_that_a_browser_ignores_are_named() {
    let long = format!("a=b; Path=/{}", "x".repeat(1024));
    for (field, problem) in [
        (long.as_str(), "Path is longer than 1024 octets and is ignored"),
        ("a=b; Expires=soon", "Expires `soon` is not a date and is ignored"),
        ("a=b; SameSite=Maybe", "SameSite `Maybe` is not Strict, Lax or None and is ignored"),
        ("a=b; Path=x", "Path `x` does not start with / and the default path is used"),
        ("a=b; Max-Age=-", "Max-Age `-` is not a whole number of seconds and is ignored"),
        ("a=b; Max-Age=+5", "Max-Age `+5` is not a whole number of seconds and is ignored"),
    ] {
        assert_eq!(ParsedSetCookie::parse(field.as_bytes()).problems(), [problem]);
    }
    let mut jar = Jar::new();
    set(&mut jar, HTTPS, &long);
    assert_eq!(jar.get("a", &url(HTTPS), at(0)).unwrap().path, "/app");
}

#[test]
fn the_last_of_a_repeated_attribute_wins() {
    let parsed = ParsedSetCookie::parse(b"a=b; Path=/1; Path=/2; SameSite=Lax; SameSite=Strict");
    assert_eq!(parsed.path(), Some("/2"));
    assert_eq!(parsed.same_site(), Some(SameSite::Strict));
    let mut jar = Jar::new();
    set(&mut jar, HTTPS, "a=b; Domain=example.com; Domain=");
    assert!(jar.get("a", &url(HTTPS), at(0)).unwrap().host_only);
}

#[test]
fn values_are_kept_byte_for_byte() {
    let mut jar = Jar::new();
    let from = url(HTTPS);
    jar.store(b"a=\"x y\"%20\xff\xfe", &from, at(0));
    let header = jar.cookies_for(&from, at(0), SendContext::default()).header();
    assert_eq!(header.as_deref(), Some(&b"a=\"x y\"%20\xff\xfe"[..]));
}

#[test]
fn a_nameless_cookie_is_its_bare_value() {
    let mut jar = Jar::new();
    set(&mut jar, HTTPS, "bare");
    assert_eq!(sent(&mut jar, HTTPS), "bare");
    set(&mut jar, HTTPS, "=other");
    assert_eq!(sent(&mut jar, HTTPS), "other");
}

#[test]
fn max_age_beats_expires_and_nothing_outlives_400_days() {
    let expiry = |field: &str| {
        let mut jar = Jar::new();
        set(&mut jar, HTTPS, field);
        jar.iter(at(0)).next().unwrap().expiry
    };
    let cap = Some(at(400 * 24 * 3600));
    assert_eq!(expiry("a=b; Max-Age=60; Expires=Wed, 09 Jun 2027 10:18:14 GMT"), Some(at(60)));
    assert_eq!(expiry("a=b; Max-Age=99999999999999999999"), cap);
    assert_eq!(expiry("a=b; Max-Age=34560001"), cap);
    assert_eq!(expiry("a=b; Max-Age=34559999"), Some(at(34_559_999)));
    assert_eq!(expiry("a=b; Expires=Wed, 09 Jun 2037 10:18:14 GMT"), cap);
    assert_eq!(expiry("a=b; Max-Age=5m"), None);
}

#[test]
fn a_value_that_comes_again_is_told_from_a_new_one() {
    let mut jar = Jar::new();
    set(&mut jar, HTTPS, "sid=1");
    assert_eq!(set(&mut jar, HTTPS, "sid=1; HttpOnly").outcome, StoreOutcome::Renewed);
    let replaced = jar.store(b"sid=2", &url(HTTPS), at(9));
    assert_eq!(replaced.outcome, StoreOutcome::Replaced);
    let cookie = jar.get("sid", &url(HTTPS), at(9)).unwrap();
    assert_eq!((cookie.created, cookie.last_access), (at(0), at(9)));
    assert_eq!(jar.iter(at(9)).count(), 1);
}

#[test]
fn deleting_says_whether_it_hit() {
    let mut jar = Jar::new();
    set(&mut jar, HTTPS, "sid=1; Path=/");
    let missed = set(&mut jar, HTTPS, "sid=; Max-Age=0");
    let left = vec!["api.example.com, path `/`".to_owned()];
    assert_eq!(missed.outcome, StoreOutcome::Deleted(Deletion::NothingThere { left }));
    assert_eq!(
        missed.why(),
        "the response expired the cookie for another scope than the stored one, \
         which stays: api.example.com, path `/`"
    );
    let hit = set(&mut jar, HTTPS, "sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(hit.outcome, StoreOutcome::Deleted(Deletion::Removed));
    assert!(jar.is_empty(at(0)));
    let again = set(&mut jar, HTTPS, "sid=; Path=/; Max-Age=-1");
    assert_eq!(again.outcome, StoreOutcome::Deleted(Deletion::NothingThere { left: vec![] }));
}

#[test]
fn an_expired_cookie_counts_as_gone_when_it_is_set_again() {
    let mut jar = Jar::new();
    set(&mut jar, HTTPS, "sid=1; Max-Age=60");
    assert_eq!(jar.find("sid", at(60)).count(), 0);
    let again = jar.store(b"sid=2", &url(HTTPS), at(61));
    assert_eq!(again.outcome, StoreOutcome::Stored);
    assert_eq!(jar.get("sid", &url(HTTPS), at(61)).unwrap().created, at(61));
}

#[test]
fn domains_must_cover_the_host() {
    for (domain, why) in [
        ("other.com", "Domain `other.com` does not cover api.example.com, which set the cookie"),
        ("x.api.example.com", "Domain `x.api.example.com` does not cover api.example.com, which set the cookie"),
        ("..example.com", "Domain `.example.com` does not cover api.example.com, which set the cookie"),
        ("com", "Domain `com` is a public suffix, too wide for api.example.com"),
        (".com", "Domain `com` is a public suffix, too wide for api.example.com"),
        ("exämple.com", "Domain `exämple.com` is not in ASCII"),
    ] {
        assert_eq!(refusal(HTTPS, &format!("a=b; Domain={domain}")).why(), why);
    }
    let mut jar = Jar::new();
    set(&mut jar, HTTPS, "a=b; Domain=.EXAMPLE.com");
    let cookie = jar.iter(at(0)).next().unwrap();
    assert_eq!((cookie.domain.as_str(), cookie.host_only), ("example.com", false));
}

#[test]
fn a_single_label_is_allowed_for_that_very_host() {
    let mut jar = Jar::new();
    set(&mut jar, "http://localhost:3000/", "a=b; Domain=localhost");
    assert!(jar.iter(at(0)).next().unwrap().host_only);
    assert_eq!(sent(&mut jar, "http://localhost:4000/"), "a=b");
    assert_eq!(sent(&mut jar, "http://x.localhost/"), "");
}

#[test]
fn an_address_is_below_nothing() {
    let from = "http://127.0.0.1:8080/";
    assert!(matches!(refusal(from, "a=b; Domain=0.0.1"), RefuseReason::Domain { .. }));
    let mut jar = Jar::new();
    set(&mut jar, from, "a=b; Domain=127.0.0.1");
    set(&mut jar, "http://[::1]/", "six=6; Domain=::1");
    assert_eq!(sent(&mut jar, from), "a=b");
    assert_eq!(sent(&mut jar, "http://[::1]:9/"), "six=6");
}

#[test]
fn secure_needs_https() {
    let reason = refusal(HTTP, "a=b; Secure");
    assert_eq!(reason.why(), "the cookie is Secure but http://api.example.com is not, only https may set it");
    let local = "http://localhost:8080/";
    assert!(matches!(refusal(local, "a=b; Secure"), RefuseReason::SecureFromInsecure { .. }));
    let mut jar = Jar::with_secure_over(SecureOver::HttpsAndLoopback);
    assert_eq!(set(&mut jar, local, "a=b; Secure").outcome, StoreOutcome::Stored);
}

#[test]
fn secure_cookies_are_left_alone_by_plain_responses() {
    let mut jar = Jar::new();
    set(&mut jar, HTTPS, "sid=1; Secure; Path=/login; Domain=example.com");
    for covered in ["sid=2; Path=/login", "sid=2; Path=/login/en", "sid=; Max-Age=0; Path=/login; Domain=example.com"] {
        let outcome = set(&mut jar, HTTP, covered).outcome;
        let scope = "example.com and below, path `/login`".to_owned();
        assert_eq!(outcome, StoreOutcome::Refused(RefuseReason::SecureOverlay { scope }), "{covered}");
    }
    assert_eq!(set(&mut jar, HTTP, "sid=2; Path=/").outcome, StoreOutcome::Stored);
    assert_eq!(set(&mut jar, HTTP, "other=2; Path=/login").outcome, StoreOutcome::Stored);
    assert_eq!(set(&mut jar, HTTPS, "sid=3; Path=/login").outcome, StoreOutcome::Stored);
}

#[test]
fn same_site_none_needs_secure() {
    assert_eq!(refusal(HTTPS, "a=b; SameSite=NONE"), RefuseReason::SameSiteNone);
    assert_eq!(set(&mut Jar::new(), HTTPS, "a=b; SameSite=None; Secure").outcome, StoreOutcome::Stored);
}

#[test]
fn protected_names_keep_their_promise() {
    let host = RefuseReason::HostPrefix;
    assert_eq!(refusal(HTTPS, "__secure-a=b"), RefuseReason::SecurePrefix);
    assert_eq!(refusal(HTTPS, "__HOST-a=b; Path=/"), host(HostRule::Secure));
    let domain = "example.com".to_owned();
    let field = "__Host-a=b; Secure; Path=/; Domain=example.com";
    assert_eq!(refusal(HTTPS, field), host(HostRule::Domain { domain }));
    assert_eq!(refusal(HTTPS, "__Host-a=b; Secure"), host(HostRule::Path { path: None }));
    let path = Some("/app".to_owned());
    assert_eq!(refusal(HTTPS, "__Host-a=b; Secure; Path=/app"), host(HostRule::Path { path }));
    // The folder happens to be `/`, but nobody said so.
    assert_eq!(refusal("https://a.example/", "__Host-a=b; Secure"), host(HostRule::Path { path: None }));
    for good in ["__Secure-a=b; Secure", "__Host-a=b; Secure; Path=/"] {
        assert_eq!(set(&mut Jar::new(), HTTPS, good).outcome, StoreOutcome::Stored);
    }
}

#[test]
fn nameless_cookies_cannot_imitate_protected_names() {
    let prefix = |prefix| RefuseReason::NamelessPrefix { prefix };
    assert_eq!(refusal(HTTPS, "=__Host-a=b; Secure; Path=/"), prefix("__Host-"));
    assert_eq!(refusal(HTTPS, "__secure-x"), prefix("__Secure-"));
}

#[test]
fn unusable_fields_are_refused() {
    assert_eq!(refusal(HTTPS, ""), RefuseReason::Empty);
    assert_eq!(refusal(HTTPS, " = ; Path=/"), RefuseReason::Empty);
    assert_eq!(refusal(HTTPS, "a=b\u{7f}"), RefuseReason::ControlCharacter { byte: 0x7f });
    assert_eq!(refusal(HTTPS, "a=b; Path=/\0"), RefuseReason::ControlCharacter { byte: 0 });
    assert_eq!(set(&mut Jar::new(), HTTPS, "a=b\tc").outcome, StoreOutcome::Stored);
    let scheme = "data".to_owned();
    assert_eq!(refusal("data:text/plain,x", "a=b"), RefuseReason::NoHost { scheme });
}

#[test]
fn name_and_value_share_4096_octets() {
    let fits = format!("name={}", "v".repeat(4092));
    assert_eq!(set(&mut Jar::new(), HTTPS, &fits).outcome, StoreOutcome::Stored);
    let reason = refusal(HTTPS, &format!("{fits}v; Path=/"));
    assert_eq!(reason, RefuseReason::TooLong { octets: 4097, limit: 4096 });
}

#[test]
fn no_sentence_and_no_debug_tells_a_value() {
    let mut jar = Jar::new();
    for (from, field) in [
        (HTTPS, "sid=hunter2; Secure; Path=/"),
        (HTTP, "sid=hunter2"),
        (HTTPS, "hunter2"),
        (HTTPS, "=__Host-hunter2"),
        (HTTPS, "a=hunter2\u{1}"),
        (HTTPS, "a=hunter2; Domain=com"),
        (HTTPS, "a=hunter2; SameSite=None"),
    ] {
        let stored = set(&mut jar, from, field);
        let told = format!("{} {stored:?} {jar:?}", stored.why());
        assert!(!told.contains("hunter2"), "{told}");
    }
    let selection = jar.cookies_for(&url(HTTP), at(0), SendContext::default());
    assert!(!format!("{selection:?}").contains("hunter2"));
}
