//! Properties over fields that no sane server would send.

use proptest::prelude::*;

use super::super::{ParsedSetCookie, parse_cookie_date};
use super::*;

/// Bytes that meet the parser's branches far more often than random ones.
fn field() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => proptest::sample::select(vec![
            "a", "b", "=", ";", " ", "\t", "__Host-", "__Secure-", "; Secure", "; Path=", "/", ".", "; Domain=",
            "example.com", "com", "; Max-Age=", "-", "99999999999999999999", "; Expires=",
            "Wed, 09 Jun 2027 10:18:14 GMT", "; SameSite=", "None", "Lax", "\"",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_fields_are_stored_and_sent_without_panic(
        fields in proptest::collection::vec((field(), 0..3_usize), 0..8),
        seconds in -400_000_000_000_i64..300_000_000_000,
    ) {
        let urls = [HTTPS, HTTP, "http://127.0.0.1/"].map(url);
        let now = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        let mut jar = Jar::new();
        for (field, from) in &fields {
            let stored = jar.store(field, &urls[*from], now);
            prop_assert!(!stored.why().is_empty());
            ParsedSetCookie::parse(field).problems();
        }
        for to in &urls {
            let before = jar.clone();
            let selection = jar.cookies_for(to, now, SendContext::default());
            prop_assert_eq!(selection.sent.len() + selection.withheld.len(), before.cookies.len());
            prop_assert!(selection.withheld.iter().all(|w| !w.why.is_empty()));
            prop_assert!(before.changes_since(&jar, now, now).is_empty());
        }
    }

    #[test]
    fn what_is_stored_is_what_was_sent(value in "[!#-+\\--:<-~]{1,40}") {
        let mut jar = Jar::new();
        set(&mut jar, HTTPS, &format!("n={value}"));
        prop_assert_eq!(sent(&mut jar, HTTPS), format!("n={value}"));
    }

    #[test]
    fn any_bytes_are_a_date_or_not(text in proptest::collection::vec(any::<u8>(), 0..60)) {
        parse_cookie_date(&text);
    }
}
