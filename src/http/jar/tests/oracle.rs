//! Ordinary cookies must fare here as they do in `cookie_store`, which others rely on.

use std::collections::BTreeSet;

use cookie_store::CookieStore;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const HOSTS: [&str; 4] = ["example.com", "www.example.com", "a.b.example.com", "example.org"];
const PATHS: [&str; 5] = ["/", "/app", "/app/", "/app/login", "/application"];

/// Builds cookies on which the draft and RFC 6265 agree: a name, a value, no public suffix, no
/// `SameSite=None` and no protected names. Only the draft tells a cookie for a host alone from one
/// with that host as its `Domain` (5.7, step 23), so the two kinds have different names here.
fn field() -> impl Strategy<Value = String> {
    let attribute = prop_oneof![
        select(&PATHS[..]).prop_map(|p| format!("; Path={p}")),
        select(vec!["; Max-Age=0", "; Max-Age=1000", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Foo=bar"])
            .prop_map(str::to_owned),
    ];
    let pair = prop_oneof![
        (select(vec!["a", "b"]), 0..4_u8).prop_map(|(name, value)| format!("{name}={value}")),
        (select(vec!["wide", "sid"]), 0..4_u8, select(&HOSTS[..]))
            .prop_map(|(name, value, host)| format!("{name}={value}; Domain={host}")),
    ];
    (pair, proptest::collection::vec(attribute, 0..3)).prop_map(|(pair, rest)| pair + &rest.concat())
}

fn address() -> impl Strategy<Value = Url> {
    (select(&HOSTS[..]), select(&PATHS[..])).prop_map(|(host, path)| url(&format!("https://{host}{path}")))
}

proptest! {
    #[test]
    fn ordinary_cookies_travel_alike(
        responses in proptest::collection::vec((field(), address()), 1..8),
        requests in proptest::collection::vec(address(), 1..6),
    ) {
        let (mut jar, mut other) = (Jar::new(), CookieStore::new());
        // cookie_store reads the real clock, so the time here is the real one too.
        let now = Timestamp::now();
        for (field, from) in &responses {
            jar.store(field.as_bytes(), from, now);
            // It reports refusals as errors; what counts is what it sends.
            let _ = other.parse(field, from);
        }
        for to in &requests {
            let selection = jar.cookies_for(to, now, SendContext::default());
            let ours: BTreeSet<(String, String)> = selection.sent.iter()
                .map(|c| (c.name.to_string(), c.value.text().into_owned())).collect();
            let theirs: BTreeSet<(String, String)> = other.get_request_values(to)
                .map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            prop_assert_eq!(ours, theirs, "{:?} to {}", responses, to);
        }
    }
}
