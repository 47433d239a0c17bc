//! What a file writes out as a credential is in no fault that is shown of it, however its key is misspelt and whatever
//! else is wrong.

use crate::read_at;

const JWK: &str = r#"{"kty":"EC","crv":"P-256","d":"DOsquk0c09vZSeqQ_FWpcrPXeo-sXJAGmm6tWPtcXGI","x":"4YCWzo1ND-3O-KVm_mMwJYfAwELgriXDE3HRPCGWjUI","y":"CRda_3lcRdCrkppo1mwv9lYam-avu9t8nhTWgz_WGuk"}"#;

const PEM: &str = "-----BEGIN PRIVATE KEY-----\\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDOsquk0c09vZSeqQ\\n/FWpcrPXeo+sXJAGmm6tWPtcXGKhRANCAAThgJbOjU0P7c74pWb+YzAlh8DAQuCu\\n-----END PRIVATE KEY-----";

/// Where credentials stand: the key, and the file with `KEY` and `VALUE` in their places.
const PLACES: &[(&str, &str)] = &[
    (
        "secret",
        "auth: { a: { scheme: oauth2, issuer: /o, grant: client_credentials, client: { id: x, KEY: VALUE }FAULT } }\nidentities: { x: { auth: a } }\n",
    ),
    (
        "key",
        "auth: { a: { scheme: oauth2, issuer: /o, grant: client_credentials, client: { id: x, KEY: VALUE }FAULT } }\nidentities: { x: { auth: a } }\n",
    ),
    (
        "key",
        "auth: { a: { scheme: oauth2, issuer: /o, grant: client_credentials, client: { id: x, secret: y }, dpop: { KEY: VALUE }FAULT } }\nidentities: { x: { auth: a } }\n",
    ),
    ("signing_key", "auth: { a: { scheme: bearer, KEY: VALUE } }\nidentities: { x: { auth: aFAULT } }\n"),
    ("password", "auth: { a: { scheme: basic } }\nidentities: { x: { auth: a, username: x, KEY: VALUEFAULT } }\n"),
    (
        "password",
        "auth: { a: { scheme: digest } }\nidentities:\n  x:\n    auth: a\n    username: x\n    KEY: VALUE\n    statsu: 1\n",
    ),
    ("password", "auth: { a: { scheme: mtls, pkcs12: x.p12, KEY: VALUEFAULT } }\nidentities: { x: { auth: a } }\n"),
    ("token", "auth: { a: { scheme: bearer } }\nidentities: { x: { auth: a, KEY: VALUEFAULT } }\n"),
    ("key", "auth: { a: { scheme: hmac, preset: github } }\nidentities: { x: { auth: a, KEY: VALUEFAULT } }\n"),
    (
        "secret_key",
        "auth: { a: { scheme: aws-sigv4, service: s, region: r } }\nidentities: { x: { auth: a, key_id: k, KEY: VALUEFAULT } }\n",
    ),
    ("key", "auth: { a: { scheme: api-key, header: X-Key } }\nidentities: { x: { auth: a, KEY: VALUEFAULT } }\n"),
    (
        "password",
        "auth: { a: { scheme: form, page: /login, fields: { KEY: VALUE }FAULT } }\nidentities: { x: { auth: a } }\n",
    ),
    ("password", "identities: { x: { auth: a: b, KEY: VALUE } }\n"),
    (
        "password",
        "auth: { a: { scheme: basic } }\nidentities: { x: { auth: a, username: x, KEY: VALUE } }\n  bad indentation: [\n",
    ),
];

/// The ways a key is written by mistake.
fn slips(key: &str) -> Vec<String> {
    let letters: Vec<char> = key.chars().collect();
    let mut all =
        vec![key.to_owned(), key.to_uppercase(), key.replace('_', ""), key.replace('_', "-"), format!("{key}s")];
    for at in 0..letters.len() {
        let mut dropped = letters.clone();
        dropped.remove(at);
        let mut doubled = letters.clone();
        doubled.insert(at, letters[at]);
        all.extend([dropped, doubled].map(|l| l.into_iter().collect::<String>()));
        if at > 0 {
            let mut swapped = letters.clone();
            swapped.swap(at - 1, at);
            all.push(swapped.into_iter().collect());
        }
    }
    // A key of three letters that lost one is no slip that could be known.
    all.retain(|slip| slip.len() > 2);
    all
}

#[test]
fn no_fault_shows_a_credential_of_the_file() {
    let values = [
        ("Very-Long-Secret-4711".to_owned(), "Very-Long-Secret-4711"),
        ("\"Very-Long-Secret-4711, and more\"".to_owned(), "Very-Long-Secret-4711"),
        ("'x9Q!'".to_owned(), "x9Q!"),
        (format!("'{JWK}'"), "DOsquk0c09vZSeqQ"),
        (format!("\"{PEM}\""), "MIGHAgEAMBMG"),
    ];
    let (mut shown, mut turn) = (0, 0);
    for (key, place) in PLACES {
        for slip in slips(key) {
            // Each slip with some of the values in turn, the key itself with all.
            let each = if slip == *key { values.len() } else { 2 };
            for _ in 0..each {
                turn += 1;
                let (written, hidden) = &values[turn % values.len()];
                let fault = ["", ", scop: a"][turn / values.len() % 2];
                let file = place.replace("KEY", &slip).replace("VALUE", written).replace("FAULT", fault);
                let case = "cases: [ { name: c, as: x, request: GET /c, expect: 200 } ]\n";
                let file = format!("target: http://127.0.0.1:1\n{file}{case}");
                for width in [60, 1000] {
                    let told = read_at(width, vec!["-".into()], Some(file.clone()));
                    shown += usize::from(told.contains(&slip));
                    let part = &hidden[..hidden.len().min(8)];
                    assert!(!told.contains(part), "{slip}: {written} at {width} columns\n{told}");
                }
            }
        }
    }
    assert!(shown > 400, "most of these are faults whose lines are shown: {shown}");
}
