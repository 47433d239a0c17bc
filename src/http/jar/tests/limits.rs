//! What goes when there are too many.

use super::super::{EvictReason, PER_DOMAIN, TOTAL};
use super::*;

fn fill(jar: &mut Jar, host: &str, count: usize, attributes: &str) {
    for n in 0..count {
        let stored = set(jar, &format!("https://{host}/"), &format!("c{n}=v{attributes}"));
        assert!(stored.evicted.is_empty());
    }
}

#[test]
fn a_full_domain_drops_the_cookie_used_longest_ago() {
    let mut jar = Jar::new();
    fill(&mut jar, "a.example", PER_DOMAIN, "; Path=/x");
    fill(&mut jar, "b.example", 1, "");
    set(&mut jar, "https://a.example/", "c0=v; Path=/x");
    jar.cookies_for(&url("https://a.example/x"), at(1), SendContext::default());
    let stored = jar.store(b"more=v", &url("https://a.example/"), at(2));
    let [evicted] = stored.evicted.as_slice() else { panic!("{stored:?}") };
    assert_eq!(evicted.name, "c0");
    assert_eq!(evicted.why, EvictReason::DomainFull { limit: PER_DOMAIN });
    assert_eq!(jar.iter(at(2)).count(), PER_DOMAIN + 1);
}

#[test]
fn cookies_that_are_not_secure_go_before_secure_ones_and_expired_before_all() {
    let mut jar = Jar::new();
    set(&mut jar, "https://a.example/", "old=v; Secure");
    jar.store(b"plain=v", &url("https://a.example/"), at(5));
    jar.store(b"short=v; Max-Age=1; Secure", &url("https://a.example/"), at(6));
    for n in 3..PER_DOMAIN {
        set(&mut jar, "https://a.example/", &format!("c{n}=v; Secure"));
    }
    let mut gone = |field: &str| {
        let stored = jar.store(field.as_bytes(), &url("https://a.example/"), at(10));
        stored.evicted.into_iter().map(|e| (e.name.to_string(), e.why)).collect::<Vec<_>>()
    };
    let full = EvictReason::DomainFull { limit: PER_DOMAIN };
    assert_eq!(gone("x=v; Secure"), [("short".to_owned(), EvictReason::Expired)]);
    assert_eq!(gone("y=v; Secure"), [("plain".to_owned(), full.clone())]);
    assert_eq!(gone("z=v; Secure"), [("old".to_owned(), full)]);
}

#[test]
fn a_full_jar_drops_the_cookie_used_longest_ago() {
    let mut jar = Jar::new();
    for n in 0..TOTAL / 100 {
        fill(&mut jar, &format!("h{n}.example"), 100, "");
    }
    let stored = jar.store(b"more=v", &url("https://z.example/"), at(1));
    let [evicted] = stored.evicted.as_slice() else { panic!("{stored:?}") };
    assert_eq!(evicted.scope, "h0.example, path `/`");
    assert_eq!(evicted.why, EvictReason::JarFull { limit: TOTAL });
}
