use bytes::Bytes;

use super::*;
use crate::auth::Memory;
use crate::diag::Diagnostics;
use crate::http::{Address, Headers};
use crate::template::Names;

fn template(text: &str) -> Template {
    let mut names = Names::default();
    ["request", "identity"].iter().for_each(|n| names.object(n, Members::Any));
    ["timestamp", "nonce", "signature"].iter().for_each(|n| names.add(n));
    Template::compile(&Arc::from(text), Origin::NONE, &names, &mut Diagnostics::default()).unwrap()
}

fn scheme(key: Spelling, string: &str, headers: &[(&str, &str)], query: &[(&str, &str)]) -> Hmac {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| (Arc::from(*n), template(v))).collect();
    let (headers, query, stamp) = (map(headers), map(query), Stamp::Seconds);
    Hmac { algorithm: mac::HMAC_SHA256, key, key_at: Span::NONE, stamp, string: template(string), headers, query }
}

fn preset(name: &str) -> Hmac {
    let preset = PRESETS.iter().find(|p| p.name == name).unwrap();
    scheme(preset.key, preset.string, preset.headers, &[])
}

fn request(line: &str, fields: &[(&str, &str)], body: &'static str) -> Request {
    let (method, address) = line.split_once(' ').unwrap();
    let mut headers = Headers::default();
    fields.iter().for_each(|(n, v)| headers.add(*n, (*v).to_owned()));
    let address = Address::parse(address).unwrap();
    Request { method: method.to_owned(), address, headers, body: Bytes::from_static(body.as_bytes()) }
}

fn signed(scheme: &Hmac, key: &str, at: i64, mut request: Request) -> Request {
    let identity = [(Arc::from("key"), key.to_owned())];
    let (scope, memory) = (Scope::default(), Memory::default());
    let now = Timestamp::from_second(at).unwrap();
    let seal = Seal { scope: &scope, identity: &identity, memory: &memory, now };
    scheme.sign(&seal, &mut request).unwrap();
    request
}

#[test]
fn the_names_are_those_of_the_table() {
    assert_eq!(PRESETS.iter().map(|p| p.name).collect::<Vec<_>>(), NAMES);
}

/// "Testing the webhook payload validation" in GitHub's documents.
#[test]
fn the_published_example_of_github() {
    let hook = request("POST http://h/hook", &[], "Hello, World!");
    let request = signed(&preset("github"), "It's a Secret to Everybody", 0, hook);
    assert_eq!(
        request.headers.text("x-hub-signature-256").unwrap(),
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    );
}

/// The walk-through of "Verifying requests from Slack".
#[test]
fn the_published_example_of_slack() {
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
                channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
                response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
                trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let command = request("POST http://h/command", &[], body);
    let request = signed(&preset("slack"), "8f742231b10e8888abcd99yyyzzz85a5", 1_531_420_618, command);
    assert_eq!(request.headers.text("x-slack-request-timestamp").unwrap(), "1531420618");
    assert_eq!(
        request.headers.text("x-slack-signature").unwrap(),
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    );
}

/// The example of the Standard Webhooks specification; its id is one that was given out before.
#[test]
fn the_published_example_of_standard_webhooks() {
    let hook = request("POST http://h/", &[("Webhook-Id", "msg_p5jXN8AQM9LWM0D4loKWxJek")], "{\"test\": 2432232314}");
    let request = signed(&preset("standard-webhooks"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1_614_265_330, hook);
    assert_eq!(request.headers.all("webhook-id").count(), 1);
    assert_eq!(request.headers.text("webhook-signature").unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

/// The example of Binance's "SIGNED endpoint security": the signature covers the query and travels behind it.
#[test]
fn what_travels_beside_the_signature_is_covered() {
    let key = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
    let query = [("signature", "{{ hex(signature) }}"), ("timestamp", "{{ timestamp }}559")];
    let scheme = scheme(Spelling::Text, "{{ request.query }}", &[], &query);
    let order = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000";
    let order = request(&format!("POST http://h/order?{order}"), &[], "");
    assert!(signed(&scheme, key, 1_499_827_319, order).address.target().ends_with(
        "&timestamp=1499827319559&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    ));
}

#[test]
fn the_string_sees_the_whole_request() {
    let string = "{{ request.method }} {{ request.url }} {{ request.target }} {{ request.path }} {{ request.host }} \
                  {{ request.headers['x-a'] }} {{ request.headers.X_A }} {{ nonce | length }}";
    let scheme = scheme(Spelling::Text, string, &[("X-Signature", "{{ hex(signature) }}")], &[]);
    let signed = signed(&scheme, "k", 0, request("PUT http://h:81/a%20b?c=d", &[("X-A", "1")], ""));
    let string = "PUT http://h:81/a%20b?c=d /a%20b?c=d /a%20b h:81 1 1 32";
    let mac = mac::sign(&mac::Key::new(mac::HMAC_SHA256, b"k"), string.as_bytes());
    let hex: String = mac.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(signed.headers.text("x-signature").unwrap(), hex);
}

#[test]
fn keys_and_moments_are_spelt_in_several_ways() {
    assert_eq!(Spelling::Hex.bytes("00fF"), Ok(vec![0, 255]));
    assert_eq!(Spelling::Base64.bytes("AP8="), Ok(vec![0, 255]));
    assert_eq!(Spelling::Whsec.bytes("whsec_AP8="), Ok(vec![0, 255]));
    for (spelling, key) in [(Spelling::Hex, "0"), (Spelling::Hex, "+1"), (Spelling::Hex, "€1"), (Spelling::Base64, "A")]
    {
        assert!(spelling.bytes(key).is_err(), "{key}");
    }
    let spell = |stamp: Stamp| stamp.spell(Timestamp::from_second(784_111_777).unwrap()).to_string();
    let all = [Stamp::Seconds, Stamp::Milliseconds, Stamp::Rfc3339, Stamp::HttpDate].map(spell);
    assert_eq!(all, ["784111777", "784111777000", "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37 GMT"]);
}

/// RFC 2202 and RFC 4231, test case 2 of each.
#[test]
fn each_name_is_its_hash() {
    for ((name, algorithm), starts) in
        ALGORITHMS.iter().zip(["effcdf6ae5eb2fa2", "5bdcc146bf60754e", "af45d2e376484031", "164b7a7bfcf819e2"])
    {
        let headers = [("X-Signature", "{{ hex(signature) }}")];
        let whole = Hmac { algorithm: **algorithm, ..scheme(Spelling::Hex, "{{ request.body }}", &headers, &[]) };
        let asked = request("POST http://h/", &[], "what do ya want for nothing?");
        let value = signed(&whole, "4a656665", 0, asked).headers.text("x-signature").unwrap();
        assert!(value.starts_with(starts), "{name}: {value}");
    }
}

/// What is other than it should be is all that is: the rest is signed as whoever means it would.
#[test]
fn a_defect_is_signed_rightly() {
    let scheme = scheme(
        Spelling::Text,
        "{{ timestamp }}.{{ nonce }}.{{ request.path }}",
        &[("X-Time", "{{ timestamp }}"), ("X-Nonce", "{{ nonce }}"), ("X-Signature", "{{ hex(signature) }}")],
        &[],
    );
    let identity = [(Arc::from("key"), "k".to_owned())];
    let (scope, memory) = (Scope::default(), Memory::default());
    let seal =
        Seal { scope: &scope, identity: &identity, memory: &memory, now: Timestamp::from_second(9_000).unwrap() };
    let bent = |bend: Bend| {
        let mut it = request("GET http://h/a", &[], "");
        scheme.bend(&seal, bend, "n", &mut it).map(|()| it)
    };
    let signature = |it: &Request| it.headers.text("x-signature").unwrap();
    let of = |key: &[u8], text: &str| hex::encode(mac::sign(&mac::Key::new(mac::HMAC_SHA256, key), text.as_bytes()));
    let good = bent(Bend::Nothing).unwrap();
    assert_eq!(signature(&good), of(b"k", "9000.n./a"));
    let stale = bent(Bend::Time(-3600)).unwrap();
    assert_eq!((stale.headers.text("x-time").unwrap(), signature(&stale)), ("5400".to_owned(), of(b"k", "5400.n./a")));
    assert_eq!(signature(&bent(Bend::Key).unwrap()), of(OTHER_KEY, "9000.n./a"));
    assert_eq!(signature(&bent(Bend::SignatureCut).unwrap()), signature(&good)[..32]);
    assert_eq!(signature(&bent(Bend::SignatureEmpty).unwrap()), "");
    assert!(bent(Bend::KeyId).is_err(), "nobody says whose key it is");
    assert!(bent(Bend::Region).is_err(), "there is no region");
}

/// All that is known of the sender stays as it is, but for the key id.
#[test]
fn another_key_id_is_all_that_is_other_about_the_sender() {
    let sent = &[("X-Who", "{{ identity.id }} {{ identity.role }}"), ("X-Signature", "{{ hex(signature) }}")];
    let scheme = scheme(Spelling::Text, "{{ identity.id }} {{ identity.role }}", sent, &[]);
    let identity = [(Arc::from("id"), "7".to_owned()), (Arc::from("key"), "k".to_owned())];
    let mut scope = Scope::default();
    scope.set_fields("identity", [("id", Value::from("7")), ("role", Value::from("admin"))]);
    let (memory, now) = (Memory::default(), Timestamp::from_second(9_000).unwrap());
    let seal = Seal { scope: &scope, identity: &identity, memory: &memory, now };
    let mut it = request("GET http://h/a", &[], "");
    scheme.bend(&seal, Bend::KeyId, "n", &mut it).unwrap();
    let who = format!("{NOBODY} admin");
    let mac = hex::encode(mac::sign(&mac::Key::new(mac::HMAC_SHA256, b"k"), who.as_bytes()));
    assert_eq!((it.headers.text("x-who"), it.headers.text("x-signature")), (Some(who), Some(mac)));
}

/// Whatever names an identity has: only what travels can be the id of the key.
#[test]
fn a_name_that_does_not_travel_is_no_key_id() {
    let key_id = |sent: &[(&str, &str)]| scheme(Spelling::Text, "{{ identity.name }}", sent, &[]).key_id();
    let signature = ("X-Signature", "{{ hex(signature) }}");
    assert_eq!(key_id(&[("X-Key", "fixed"), signature]), None);
    assert_eq!(key_id(&[("X-Key", "{{ identity.client }}"), signature]).as_deref(), Some("client"));
    assert_eq!(key_id(&[("X-Who", "{{ identity.name }}/{{ identity.key_id }}"), signature]).as_deref(), Some("key_id"));
    assert_eq!(key_id(&[("X-A", "{{ identity.one }}"), ("X-B", "{{ identity.two }}"), signature]), None);
}
