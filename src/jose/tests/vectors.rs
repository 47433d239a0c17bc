//! The vectors of C2SP/wycheproof and of the JOSE cookbook (RFC 7520), read from `$AUTHSPEC_VECTORS`
//! when it is set. Each exception says why its label is not ours.

use std::path::PathBuf;

use super::*;

/// Signatures whose label is the opposite of what is said here.
const EXCEPTIONS: [(&str, &[u64], &str); 4] = [
    (
        "json_web_signature_test",
        &[372, 373],
        "refused: a character that is none of Base64url; the MAC does not hold over the text as received",
    ),
    (
        "json_web_signature_test",
        &[346, 350],
        "refused: the key says it is for PS256, and the token says PS384 (RFC 7517, section 4.4)",
    ),
    (
        "json_web_signature_test",
        &[347, 351],
        "refused: the key says it is for ES521, which is no algorithm; ES512 is meant",
    ),
    (
        "json_web_signature_test",
        &[367, 370],
        "taken: the padding that made them invalid is not in the file; both are 357 byte for byte, which is valid",
    ),
];

fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("AUTHSPEC_VECTORS");
    if root.is_none() {
        eprintln!("skipped: AUTHSPEC_VECTORS names no folder with {name}");
    }
    root.map(|root| PathBuf::from(root).join(name))
}

fn read(path: &PathBuf) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn wycheproof() {
    let Some(folder) = folder("wycheproof") else { return };
    let (mut judged, mut faults) = (0, Vec::new());
    for file in ["json_web_signature_test", "json_web_crypto_test", "json_web_key_test"] {
        let vectors = read(&folder.join(format!("{file}.json")));
        for group in vectors["testGroups"].as_array().unwrap() {
            let keys = if group["public"].is_object() { &group["public"] } else { &group["private"] };
            // Encrypted tokens are no business of a verifier of signatures.
            for test in group["tests"].as_array().unwrap().iter().filter(|t| !t["jws"].is_null()) {
                let id = test["tcId"].as_u64().unwrap();
                let excepted = EXCEPTIONS.iter().any(|(f, ids, _)| *f == file && ids.contains(&id));
                let wanted = (test["result"] == "valid") != excepted;
                let text = test["jws"].as_str().map_or_else(|| test["jws"].to_string(), ToOwned::to_owned);
                let verified = verify(&text, keys);
                judged += 1;
                if verified.is_ok() != wanted {
                    faults.push(format!("{file} {id} ({}): {verified:?}", test["comment"]));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(judged, 476, "the vectors are others than those the exceptions were written for");
}

#[test]
fn cookbook() {
    let Some(folder) = folder("jose-cookbook") else { return };
    let mut seen = Vec::new();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder.join("jws")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let example = read(&file);
        let title = file.file_stem().unwrap().to_string_lossy().into_owned();
        let payload = example["input"]["payload"].as_str().unwrap();
        let listed = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let keys = listed(&example["input"]["key"]);
        for (key, signing) in keys.iter().zip(listed(&example["signing"])) {
            let protected = signing["protected_b64u"].as_str().unwrap_or_default();
            let signature = signing["sig"].as_str().unwrap();
            let named = |value: &Value| value["alg"].as_str().and_then(Algorithm::named);
            let algorithm = named(&signing["protected"]).or_else(|| named(&signing["unprotected"])).unwrap();
            let signed = format!("{protected}.{}", encode(payload));
            assert_eq!(signing["sig-input"].as_str().unwrap(), signed, "{title}");
            let key = Key::from_jwk(key).unwrap();
            let bytes = decode(signature).unwrap();
            super::super::sign::verify_bytes(algorithm, signed.as_bytes(), &bytes, &key).unwrap();
            let own = sign_bytes(algorithm, signed.as_bytes(), &key).unwrap();
            super::super::sign::verify_bytes(algorithm, signed.as_bytes(), &own, &key).unwrap();
            // PSS and ECDSA are random; the others are the same, byte for byte.
            if matches!(algorithm, Algorithm::Rs256 | Algorithm::Hs256) {
                assert_eq!(encode(own), signature, "{title}");
            }
            seen.push(title.clone());
        }
        if let Some(compact) = example["output"]["compact"].as_str().filter(|text| !text.contains("..")) {
            assert_eq!(verify(compact, &keys[0]), Ok(()), "{title}");
        }
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
    for entry in std::fs::read_dir(folder.join("jwk")).unwrap() {
        let jwk = read(&entry.unwrap().path());
        let key = Key::from_jwk(&jwk).unwrap();
        assert_eq!(key.can_sign(), jwk.get("d").or(jwk.get("k")).is_some());
        thumbprint(&jwk).unwrap();
    }
}
