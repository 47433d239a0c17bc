//! What the whole module promises: no spelling of a secret survives masking.

use std::fmt::Write as _;
use std::thread;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::structure::{self, mask_as};
use super::{SecretSet, TextKind};

fn percent(value: &str, kept: &str, upper: bool) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else if upper {
            let _ = write!(out, "%{byte:02X}");
        } else {
            let _ = write!(out, "%{byte:02x}");
        }
    }
    out
}

fn json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn json_ascii(value: &str, upper: bool) -> String {
    let mut out = String::new();
    for c in json(value).chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = if upper { write!(out, "\\u{unit:04X}") } else { write!(out, "\\u{unit:04x}") };
        }
    }
    out
}

fn html(value: &str) -> String {
    let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    value.replace('"', "&quot;").replace('\'', "&#x27;")
}

fn debug(value: &str) -> String {
    let quoted = format!("{value:?}");
    quoted[1..quoted.len() - 1].to_owned()
}

fn hex(value: &str, upper: bool) -> String {
    value.bytes().fold(String::new(), |mut out, byte| {
        let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
        out
    })
}

const JS: &str = "-_.!~*'()";
const RFC3986: &str = "-._~";

/// Every spelling the product promises to know, by name.
fn spellings(v: &str) -> Vec<(&'static str, String)> {
    let form = percent(v, "*-._", true).replace("%20", "+");
    vec![
        ("raw", v.to_owned()),
        ("encodeURIComponent", percent(v, JS, true)),
        ("rfc 3986, lower", percent(v, RFC3986, false)),
        ("everything percent", percent(v, "", true)),
        ("form", form.clone()),
        ("url twice", percent(&percent(v, RFC3986, true), RFC3986, true)),
        ("form, then url", percent(&form, RFC3986, true)),
        ("json", json(v)),
        ("json with \\/", json(v).replace('/', "\\/")),
        ("json ascii", json_ascii(v, false)),
        ("json ascii, upper", json_ascii(v, true)),
        ("json in json", json(&json(v))),
        ("json in json in json", json(&json(&json(v)))),
        ("json in url", percent(&json(v), RFC3986, true)),
        ("json in html", html(&json(v))),
        ("html", html(v)),
        ("html in json", json(&html(v))),
        ("html twice", html(&html(v))),
        ("debug", debug(v)),
        ("shell", v.replace('\'', "'\\''")),
        ("crlf", v.replace("\r\n", "\n").replace('\n', "\r\n")),
        ("hex", hex(v, false)),
        ("hex, upper", hex(v, true)),
        ("base64", STANDARD.encode(v)),
        ("base64url", URL_SAFE.encode(v)),
        ("base64, no padding", STANDARD_NO_PAD.encode(v)),
        ("base64url, no padding", URL_SAFE_NO_PAD.encode(v)),
        ("basic, 1", STANDARD.encode(format!("{v}:"))),
        ("basic, 2", STANDARD.encode(format!("a:{v}"))),
        ("basic, 3", STANDARD.encode(format!("alice:{v}"))),
        ("basic of form", STANDARD.encode(format!("web:{form}"))),
        ("basic of url", STANDARD.encode(format!("x:{}", percent(v, RFC3986, true)))),
        ("token payload", URL_SAFE_NO_PAD.encode(format!("{{\"p\":\"{}\"}}", json(v)))),
        ("base64 in url", percent(&STANDARD.encode(v), RFC3986, true)),
        ("base64 in json with \\/", json(&STANDARD.encode(v)).replace('/', "\\/")),
    ]
}

/// Values a person or a server could choose: any text, and texts full of what needs escaping.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9_-]{6,200}",
        "[ -~]{6,60}",
        "[\\\\\"'/%&+ =<>\n\ra7é😀]{6,40}",
        "\\PC{6,100}",
        prop::collection::vec(any::<char>(), 6..60).prop_map(String::from_iter),
    ]
    .prop_filter("only blank", |text| !text.trim().is_empty())
}

fn context() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,20}", "[\\\\%&+'\"u0-9a-f;#x]{0,12}", "[a-z =:,{}\"]{0,30}"]
}

const KINDS: [TextKind; 5] = [TextKind::Plain, TextKind::Json, TextKind::Form, TextKind::Html, TextKind::Url];

/// Text full of what the structural net looks for, whole and broken.
fn structured() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{\"",
            "\":\"",
            "\",\"",
            "\"}",
            "\\\"",
            "[",
            "]",
            "password",
            "access_token",
            "code",
            "otp",
            "=",
            "&",
            "?",
            "#",
            ";",
            "://",
            "@",
            "Authorization: ",
            "Bearer ",
            "Basic ",
            "Digest ",
            "Cookie: ",
            "response=",
            "<input name=",
            "value=",
            "\"",
            "'",
            ">",
            "eyJhbGciOiJub25lIn0",
            ".",
            "‹",
            "›",
            "‹a#1›",
            "%3D",
            "%",
            "+",
            "\\",
            "\\u0026",
            "\r\n",
            ", ",
            "{",
            "}",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z0-9]{1,20}",
        "\\PC{1,5}",
    ];
    prop::collection::vec(piece, 0..25).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_spelling_survives_in_any_text(value in value(), before in context(), after in context()) {
        let set = SecretSet::new();
        set.declare("secrets.web", &value);
        for (name, spelling) in spellings(&value) {
            let text = format!("{before}{spelling}{after}");
            let found = set.search(text.as_bytes());
            prop_assert!(!found.is_empty(), "{}: not found in {:?}", name, text);
            let masked = set.mask(&text).into_owned();
            prop_assert!(set.search(masked.as_bytes()).is_empty(), "{}: {:?}", name, masked);
            prop_assert!(!masked.contains(&value), "{}: {:?}", name, masked);
            prop_assert!(!masked.contains(&spelling), "{}: {:?}", name, masked);
            prop_assert!(masked.contains('‹'), "{}: {:?}", name, masked);
            prop_assert_eq!(&set.mask(&masked), &masked, "{}: masking again changes it", name);
        }
    }

    #[test]
    fn any_bytes_are_masked_without_panic(values in prop::collection::vec(value(), 1..5), bytes: Vec<u8>) {
        let set = SecretSet::new();
        for value in &values {
            set.add("token", value);
        }
        let mut text = bytes.clone();
        text.extend_from_slice(values[0].as_bytes());
        text.extend(bytes);
        let masked = set.mask_bytes(&text);
        prop_assert!(set.search(&masked).is_empty());
    }

    #[test]
    fn both_nets_together_leave_nothing(value in value(), before in structured(), after in structured()) {
        let set = SecretSet::new();
        set.declare("secrets.web", &value);
        for (name, spelling) in spellings(&value) {
            let text = format!("{before}{spelling}{after}");
            for kind in KINDS {
                let masked = set.mask_text(kind, &text);
                prop_assert!(set.search(masked.as_bytes()).is_empty(), "{}, {:?}: {:?}", name, kind, masked);
                prop_assert!(!masked.contains(&value), "{}, {:?}: {:?}", name, kind, masked);
            }
            let masked = set.mask_header("Authorization", &text);
            prop_assert!(set.search(masked.as_bytes()).is_empty(), "{}, header: {:?}", name, masked);
        }
    }

    #[test]
    fn structure_is_masked_without_panic_and_once(text in structured(), name in "[a-zA-Z-]{1,12}") {
        for kind in KINDS {
            let once = mask_as(kind, &text);
            prop_assert_eq!(&mask_as(kind, &once), &once, "{:?} of {:?}", kind, text);
        }
        for name in [name.as_str(), "Authorization", "Cookie", "Set-Cookie", "Location", "Authentication-Info"] {
            let once = structure::mask_header(name, &text);
            prop_assert_eq!(&structure::mask_header(name, &once), &once, "{}: {:?}", name, text);
        }
    }

    #[test]
    fn json_stays_json(text in "\\PC{0,30}", name in prop::sample::select(vec!["password", "Authorization", "cookie", "code", "x"])) {
        let mut tree = serde_json::json!({ name: [&text, { name: &text }], "body": serde_json::json!({ name: &text }).to_string() });
        let masked = structure::mask_json_text(&tree.to_string()).into_owned();
        let read: serde_json::Value = serde_json::from_str(&masked).unwrap();
        structure::mask_json(&mut tree);
        prop_assert!(read.is_object() && tree.is_object());
    }

    #[test]
    fn a_text_without_secrets_stays_as_it_is(text in "\\PC{0,200}") {
        let set = SecretSet::new();
        set.declare("secrets.web", "Zx9-never-in-there");
        prop_assert_eq!(set.mask(&text), text.as_str());
    }

    #[test]
    fn a_stream_is_searched_like_a_whole(value in "[a-z\"/]{6,30}", place in 0_usize..300_000) {
        let set = SecretSet::new();
        set.declare("secrets.web", &value);
        let mut text = vec![b'.'; 300_000];
        let spelling = json(&value);
        text.splice(place..place, spelling.bytes());
        let found = set.search_reader(&text[..]).unwrap();
        prop_assert_eq!(&found, &set.search(&text));
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].offset, place as u64);
    }
}

#[test]
fn what_is_broken_over_lines_is_masked_wherever_it_breaks() {
    let set = SecretSet::new();
    let secret = "kX9-very-long-random-secret-of-the-server-7731aa";
    set.declare("key", secret);
    for before in 0..76 {
        for gap in ["\n", "\r\n", "\n    ", "\\n", "\\r\\n", "\\\\n"] {
            for whole in [STANDARD.encode("x".repeat(before) + secret), "y".repeat(before) + secret] {
                let lines: Vec<String> =
                    whole.as_bytes().chunks(76).map(|l| String::from_utf8_lossy(l).into()).collect();
                let text = format!("you sent [{}\n]", lines.join(gap));
                let masked = set.mask(&text);
                assert!(masked.contains("‹key›"), "{text}: {masked}");
                let rest = masked.replace("‹key›", "");
                let tail = lines.last().unwrap().trim_end_matches('=');
                assert!(!rest.contains(&tail[tail.len().saturating_sub(12)..]) || tail.len() < 4, "{text}: {masked}");
            }
        }
    }
    let plain = "a line that is of words only\nand another one kX9-very-long-random\nsecret";
    assert_eq!(set.mask(plain), plain);
}

#[test]
fn segments_of_a_token_are_masked_in_the_standard_alphabet() {
    let set = SecretSet::new();
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI_Pz8-fn5-In0.cFn4l-D_hd1pyVTxJFntBabCv_3BfveSW68J6bZJbDA";
    set.add("token", token);
    let shown = token.replace('-', "+").replace('_', "/");
    assert_eq!(set.mask(&shown), "eyJhbGciOiJIUzI1NiJ9.‹token#1›.‹token#1›");
    for at in 0..30 {
        // Wherever its anchor is.
        let signature = format!("{}-_-_-_-_{}", "aB3dE5".repeat(5).split_at(at).0, "xY7zW9".repeat(5).split_at(at).1);
        let set = SecretSet::new();
        set.add("token", &format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.{signature}"));
        assert_eq!(set.mask(&signature.replace('-', "+").replace('_', "/")), "‹token#1›");
    }
}

#[test]
fn every_spelling_is_named() {
    let set = SecretSet::new();
    set.declare("secrets.web", "p@ss w0rd/\"é\"+x");
    for (name, spelling) in spellings("p@ss w0rd/\"é\"+x") {
        let masked = set.mask(&spelling).into_owned();
        // What is in Base64 cannot be undone by looking at it; so its name says what is in there.
        let wanted = match name {
            "basic of form" => "‹secrets.web.form-encoded›",
            "basic of url" => "‹secrets.web.percent-encoded›",
            _ => "‹secrets.web›",
        };
        assert!(masked.contains(wanted), "{name}: {spelling} became {masked}");
    }
    assert_eq!(set.mask("a p%40ss%20w0rd%2F%22%C3%A9%22%2Bx b"), "a ‹secrets.web› b");
}

#[test]
fn names_tell_values_apart() {
    let set = SecretSet::new();
    assert_eq!(set.add("alice.access_token", "first-token").as_str(), "‹alice.access_token#1›");
    assert_eq!(set.add("alice.access_token", "second-token").as_str(), "‹alice.access_token#2›");
    assert_eq!(set.add("bob.access_token", "first-token").as_str(), "‹alice.access_token#1›");
    assert_eq!(set.declare("secrets.web", "web-secret").as_str(), "‹secrets.web›");
    assert_eq!(set.declare("secrets.web", "web-secret-2").as_str(), "‹secrets.web#2›");
    assert_eq!(set.declare("odd \"name›", "odd-secret").as_str(), "‹odd__name_›");
    assert_eq!(set.len(), 5);
    assert_eq!(set.mask("first-token second-token"), "‹alice.access_token#1› ‹alice.access_token#2›");
    assert_eq!(set.mask("web-secret-2 web-secret"), "‹secrets.web#2› ‹secrets.web›");
}

#[test]
fn a_name_never_shows_a_secret() {
    let set = SecretSet::new();
    set.declare("carlos.password", "carlos");
    assert_eq!(set.mask("carlos logs in"), "‹#1› logs in");
    set.add("carlos.access_token", "abcdefgh");
    assert_eq!(set.mask("abcdefgh"), "‹#2›");
}

#[test]
fn values_that_would_shred_text_are_left_to_structure() {
    let set = SecretSet::new();
    set.declare("secrets.pin", "1234");
    set.add("captured", "Password");
    assert_eq!(set.mask("1234 Password"), "1234 Password");
    assert_eq!((set.too_short(), set.too_common()), (vec!["secrets.pin".to_owned()], vec!["captured#1".to_owned()]));
    assert!(set.is_empty());
    assert_eq!(set.declare("alice.password", "Password").as_str(), "‹captured#1›");
    assert_eq!(set.mask("a Password"), "a ‹captured#1›");
    assert_eq!(set.len(), 1);
}

#[test]
fn known_secrets_keep_their_names_in_both_nets() {
    let set = SecretSet::new();
    set.declare("alice.password", "hunter22");
    set.add("alice.access_token", "3f9a1c2b4d5e6f70");
    let basic = format!("Basic {}", STANDARD.encode("alice:hunter22"));
    assert_eq!(set.mask_header("Authorization", &basic), "Basic YWxpY2U6‹alice.password›");
    assert_eq!(set.mask_header("authorization", "Bearer 3f9a1c2b4d5e6f70"), "Bearer ‹alice.access_token#1›");
    assert_eq!(
        set.mask_text(TextKind::Json, r#"{"access_token":"3f9a1c2b4d5e6f70","refresh_token":"other"}"#),
        r#"{"access_token":"‹alice.access_token#1›","refresh_token":"‹masked›"}"#
    );
    assert_eq!(
        set.mask_text(TextKind::Form, "username=alice&password=hunter22&x=1"),
        "username=alice&password=‹alice.password›&x=1"
    );
    assert_eq!(
        set.mask_text(TextKind::Url, "/cb#access_token=3f9a1c2b4d5e6f70&token_type=Bearer"),
        "/cb#access_token=‹alice.access_token#1›&token_type=Bearer"
    );
}

#[test]
fn repetition_neither_hangs_nor_overflows() {
    let set = SecretSet::new();
    set.declare("s", "\\\\\\\\\"%");
    let begun = Instant::now();
    for piece in
        ["Bearer ", "\"token\":{", "‹a›", "token: ", "\\", "\\\\\\n", "?next=/%3F", "[\"tokens\":", "%25", "&amp;amp;"]
    {
        let text = piece.repeat(100_000 / piece.len());
        for kind in KINDS {
            set.mask_text(kind, &text);
        }
        set.mask_header("Authorization", &text);
        set.mask_header("Cookie", &text);
    }
    assert!(begun.elapsed().as_secs() < 120, "took {:?}", begun.elapsed());
}

/// A token with twenty thousand letters behind it: looked for by one of those, it would be followed from each of them.
#[test]
fn a_long_tail_is_not_what_a_value_is_found_by() {
    let set = SecretSet::new();
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1LWFsaWNlIiwiZXhwIjoxNzAwMDAwMDAwfQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";
    let long = format!("{token}{}", "a".repeat(20_000));
    set.add("long", &long);
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(set.mask(&format!("Bearer {long}")), "Bearer ‹long#1›");
    }
    assert!(begun.elapsed().as_millis() < 2_000, "{:?}", begun.elapsed());
}

#[test]
fn overlapping_secrets_all_disappear() {
    let set = SecretSet::new();
    set.declare("a", "abcdefghij");
    set.declare("b", "fghijklmno");
    set.declare("c", "cdefgh");
    assert_eq!(set.mask("-abcdefghijklmno-abcdefghij-"), "-‹a›‹b›-‹a›-");
}

#[test]
fn parts_of_a_token_and_lines_of_a_key_are_secrets() {
    let set = SecretSet::new();
    set.add("t", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlc2lnbmF0dXJl");
    assert_eq!(set.mask("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."), "eyJhbGciOiJub25lIn0.‹t#1›.");
    set.declare("key", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAbcdefgh\nxyz=\n-----END PRIVATE KEY-----");
    assert_eq!(set.mask("key: |\n  MC4CAQAwBQYDK2VwBCIEIAbcdefgh\n"), "key: |\n  ‹key›\n");
}

#[test]
fn secrets_may_be_added_while_others_are_masked() {
    let set = SecretSet::new();
    thread::scope(|scope| {
        for worker in 0..4 {
            let set = set.clone();
            scope.spawn(move || {
                for round in 0..200 {
                    let token = format!("token-{worker}-{round}-{}", round * 7919);
                    let name = set.add(&format!("w{worker}"), &token);
                    assert_eq!(set.mask(&format!("got {token} now")), format!("got {name} now"));
                }
            });
        }
    });
    assert_eq!(set.len(), 800);
}

/// Measures what `cargo test --release -- --ignored --nocapture secret::tests::speed` prints.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let mut state = 1_u64;
    let mut random = |len: usize| {
        let mut bytes = vec![0; len];
        for byte in &mut bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = u8::try_from(state >> 56).unwrap();
        }
        URL_SAFE_NO_PAD.encode(bytes)
    };
    let set = SecretSet::new();
    let tokens: Vec<String> =
        (0..3000).map(|_| format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{}.{}", random(300), random(32))).collect();
    let (mut adding, mut masking) = (0, 0);
    for token in &tokens {
        let begun = Instant::now();
        set.add("alice.access_token", token);
        adding += begun.elapsed().as_nanos();
        let mut text = format!("{{\"access_token\":\"{token}\",\"items\":[");
        while text.len() < 2048 {
            text.push_str("{\"name\":\"some words, and 100% more\",\"id\":4711},");
        }
        let begun = Instant::now();
        let masked = set.mask(&text);
        masking += begun.elapsed().as_nanos();
        assert!(masked.len() < text.len());
    }
    eprintln!("add {} ns, mask of 2 KiB {} ns", adding / 3000, masking / 3000);
    let big = "{\\\"a\\\":\\\"b c\\\"},\\n".repeat(60_000);
    let begun = Instant::now();
    assert_eq!(set.mask(&big), big);
    eprintln!("mask of {} bytes of escaped JSON {:?}", big.len(), begun.elapsed());
}

#[test]
fn a_value_is_found_as_old_servers_write_it() {
    let set = SecretSet::new();
    set.declare("u.password", "Geheim-Z\u{fc}rich-7");
    for text in
        ["x: Geheim-Z\u{fffd}rich-7!", "q=Geheim-Z%FCrich-7!", "q=Geheim-Z%fcrich-7!", "q=Geheim-Z%C3%BCrich-7!"]
    {
        let masked = set.mask(text);
        assert!(masked.contains("\u{2039}u.password\u{203a}!") && !masked.contains("rich"), "{text}: {masked}");
    }
    let masked = set.mask_bytes(b"Geheim-Z\xfcrich-7!").into_owned();
    assert_eq!(masked, "\u{2039}u.password\u{203a}!".as_bytes());
    assert_eq!(set.mask("Geheim-Zurich-7"), "Geheim-Zurich-7");
    // So few characters would be too much that is no secret.
    set.declare("v.password", "\u{e4}\u{f6}\u{fc}");
    assert_eq!(set.mask("\u{fffd}\u{fffd}\u{fffd}"), "\u{fffd}\u{fffd}\u{fffd}");
}

#[test]
fn the_secret_of_a_client_that_several_have_is_named_after_none() {
    let set = SecretSet::new();
    set.add("ann.client_secret", "of-the-client-1");
    assert_eq!(set.mask("of-the-client-1"), "‹ann.client_secret#1›");
    set.add("ann.client_secret", "of-the-client-1");
    assert_eq!(set.mask("of-the-client-1"), "‹ann.client_secret#1›");
    set.add("bob.client_secret", "of-the-client-1");
    assert_eq!(set.mask("of-the-client-1"), "‹client_secret›");
    set.add("ann.client_secret", "of-the-client-1");
    assert_eq!(set.mask("of-the-client-1"), "‹client_secret›");
    for who in ["ann", "bob"] {
        set.add(&format!("{who}.client_secret"), "of-another-client");
    }
    assert_eq!(set.mask("of-another-client"), "‹client_secret#2›");
}
