//! Requests that are signed: with a signature that is none, or a good one for another request, time, place or key.

use super::forged::{Forged, Unfit};
use super::kit::{Bend, Resign};
use super::presented::{put_query, retarget};
use super::{Attacks, Challenge, Class, Expect, Family, Kit, Mutation};
use crate::http::{Headers, Request};

/// Requests that are signed.
pub(super) const FAMILY: Family = Family { name: "signing", title: "Signed requests", rows: ROWS };

const SIGNATURE: &str =
    "The signature is not verified, or not as a whole. Compute it anew and compare all of it, in constant time.";
const COVERED: &str = "The signature is taken for a request that it was not made for: whoever catches one can send another request with it. Verify over what came, not over what the sender says of it.";
const TIME: &str = "A signature is good at any time, so whoever catches one can use it for ever. Refuse those whose time is minutes away.";
const SCOPE: &str = "The signature was made for another place, and is taken here. Compare region, service and day of the credential with your own, and derive the key with those.";

/// An hour, in seconds: more than any window that is meant.
const HOUR: i64 = 3600;

const BASE: Mutation = Mutation {
    explain: SIGNATURE,
    refs: &["ASVS 4.1.5", "CWE-347"],
    attacks: Attacks::Yes,
    expect: Expect::Refused(&[401, 403, 400], Challenge::Any),
    ..super::BASE
};

const ROWS: &[Mutation] = &[
    Mutation {
        id: "hmac-bad",
        about: "one bit of the signature flipped",
        apply: |_, kit| bent(kit, ANY, Bend::SignatureFlipped, "one bit of the signature is flipped"),
        ..BASE
    },
    Mutation {
        id: "hmac-truncated",
        about: "the first half of the signature",
        apply: |_, kit| bent(kit, ANY, Bend::SignatureCut, "the second half of the signature is left out"),
        ..BASE
    },
    Mutation {
        id: "hmac-empty",
        about: "a signature of no bytes",
        apply: |_, kit| bent(kit, ANY, Bend::SignatureEmpty, "the signature is empty"),
        ..BASE
    },
    Mutation {
        id: "hmac-other-key",
        about: "a signature that is right, with a key that is not the sender's",
        apply: |_, kit| bent(kit, ANY, Bend::Key, "another key signs"),
        ..BASE
    },
    Mutation {
        id: "hmac-unknown-key",
        about: "the id of a key that nobody has, signed with the sender's own",
        explain: "An id that is not known leads to a key all the same. Refuse what you cannot look up.",
        apply: |_, kit| bent(kit, ANY, Bend::KeyId, "the key id is one that nobody has"),
        ..BASE
    },
    Mutation {
        id: "hmac-body",
        about: "the signature of the same request with another body",
        explain: COVERED,
        class: Class::Destructive,
        apply: |_, kit| {
            swapped(kit, "body", |request| {
                request.body = [&request.body[..], b" "].concat().into();
                Ok(())
            })
        },
        ..BASE
    },
    Mutation {
        id: "hmac-path",
        about: "the signature of a request for another path",
        explain: COVERED,
        class: Class::Destructive,
        apply: |_, kit| {
            swapped(kit, "path", |request| {
                let query = request.address.target().split_once('?').map(|(_, query)| format!("?{query}"));
                let target = format!("/authspec-other-path{}", query.unwrap_or_default());
                retarget(request, &target)
            })
        },
        ..BASE
    },
    Mutation {
        id: "hmac-query",
        about: "the signature of a request with another query",
        explain: COVERED,
        class: Class::Destructive,
        apply: |_, kit| swapped(kit, "query", |request| put_query(request, "authspec", Some("1"))),
        ..BASE
    },
    Mutation {
        id: "hmac-method",
        about: "the signature of a request with another method",
        explain: COVERED,
        class: Class::Destructive,
        apply: |_, kit| {
            swapped(kit, "method", |request| {
                let other = if request.method == "OPTIONS" { "GET" } else { "OPTIONS" };
                other.clone_into(&mut request.method);
                Ok(())
            })
        },
        ..BASE
    },
    Mutation {
        id: "hmac-header-swap",
        about: "the signature of a request with another value in a field that it covers",
        explain: COVERED,
        class: Class::Destructive,
        apply: |_, kit| field_swapped(kit),
        ..BASE
    },
    Mutation {
        id: "hmac-stale",
        about: "a request that was rightly signed an hour ago",
        explain: TIME,
        refs: &["CWE-294"],
        class: Class::Destructive,
        apply: |_, kit| bent(kit, HMAC, Bend::Time(-HOUR), "it was signed an hour ago"),
        ..BASE
    },
    Mutation {
        id: "hmac-future",
        about: "a request that is rightly signed for in an hour",
        explain: TIME,
        refs: &["CWE-294"],
        class: Class::Destructive,
        apply: |_, kit| bent(kit, HMAC, Bend::Time(HOUR), "it is signed for in an hour"),
        ..BASE
    },
    Mutation {
        id: "hmac-replay",
        about: "a good request, byte for byte a second time, where a nonce is signed",
        explain: "A request that was caught can be sent again. Remember the nonces of as long as their time is taken.",
        refs: &["CWE-294"],
        class: Class::Destructive,
        apply: |_, kit| replayed(kit),
        ..BASE
    },
    Mutation {
        id: "sigv4-skew",
        about: "a request that was rightly signed an hour ago",
        explain: TIME,
        refs: &["CWE-294"],
        apply: |_, kit| bent(kit, AWS, Bend::Time(-HOUR), "it was signed an hour ago"),
        ..BASE
    },
    Mutation {
        id: "sigv4-skew-ahead",
        about: "a request that is rightly signed for in an hour",
        explain: TIME,
        refs: &["CWE-294"],
        apply: |_, kit| bent(kit, AWS, Bend::Time(HOUR), "it is signed for in an hour"),
        ..BASE
    },
    Mutation {
        id: "sigv4-region",
        about: "a request that is rightly signed for another region",
        explain: SCOPE,
        apply: |_, kit| bent(kit, AWS, Bend::Region, "it is signed for another region"),
        ..BASE
    },
    Mutation {
        id: "sigv4-service",
        about: "a request that is rightly signed for another service",
        explain: SCOPE,
        apply: |_, kit| bent(kit, AWS, Bend::Service, "it is signed for another service"),
        ..BASE
    },
    Mutation {
        id: "sigv4-date-scope",
        about: "a key of another day than that of the request",
        explain: SCOPE,
        apply: |_, kit| bent(kit, AWS, Bend::Day, "the key is that of another day"),
        ..BASE
    },
    Mutation {
        id: "sigv4-unsigned-payload",
        about: "`UNSIGNED-PAYLOAD` in place of the hash of the body",
        explain: COVERED,
        apply: |_, kit| bent(kit, AWS, Bend::Payload, "the body is not signed"),
        ..BASE
    },
];

const HMAC: &str = "hmac";
const AWS: &str = "aws-sigv4";

/// Both schemes.
const ANY: &str = "";

fn resign<'k>(kit: &'k Kit<'_>, kind: &str) -> Result<&'k Resign<'k>, Unfit> {
    let signs = kit.resign.filter(|r| [HMAC, AWS].contains(&r.kind) && [ANY, r.kind].contains(&kind));
    signs.ok_or_else(|| match kind {
        ANY => Unfit::not_here("the requests of this scheme are not signed"),
        kind => Unfit::not_here(format!("the scheme is not `{kind}`")),
    })
}

/// The request as it is rightly signed. What is new each time, beside the nonce, would look like a defect in all others.
fn good(signing: &Resign<'_>) -> Result<Request, Unfit> {
    let good = (signing.sign)(&signing.plain, Bend::Nothing)?;
    if good != (signing.sign)(&signing.plain, Bend::Nothing)? {
        return Err(Unfit::not_here("its templates give something new each time, so what is signed cannot be told"));
    }
    Ok(good)
}

/// The request signed once more, with one thing other than it should be.
fn bent(kit: &Kit<'_>, kind: &str, bend: Bend, change: &str) -> Result<Forged, Unfit> {
    let signing = resign(kit, kind)?;
    let request = (signing.sign)(&signing.plain, bend)?;
    if request == good(signing)? {
        return Err(Unfit::not_here("it makes no difference to this signature"));
    }
    Ok(Forged::new(request, change))
}

/// The request with the signature of another one. What is sent is what the step asks for, so that it is served where
/// nobody looks.
fn swapped(kit: &Kit<'_>, part: &str, other: impl FnOnce(&mut Request) -> Result<(), Unfit>) -> Result<Forged, Unfit> {
    let signing = resign(kit, ANY)?;
    let good = good(signing)?;
    let mut asked = signing.plain.clone();
    other(&mut asked)?;
    let signed = (signing.sign)(&asked, Bend::Nothing)?;
    let request = Request { headers: signed.headers, ..good.clone() };
    if request == good {
        return Err(Unfit::not_here(format!("the signature does not cover the {part}")));
    }
    Ok(Forged::new(request, format!("the signature is that of another {part}")))
}

/// The request with the signature of one that had another value in a field: the step's own first, then those that the
/// scheme writes.
fn field_swapped(kit: &Kit<'_>) -> Result<Forged, Unfit> {
    let signing = resign(kit, ANY)?;
    let good = good(signing)?;
    let own = signing.plain.headers.iter().chain(good.headers.iter());
    for (name, value) in own.filter(|(name, _)| good.headers.all(name).count() == 1) {
        let mut asked = signing.plain.clone();
        asked.headers.set(name, [&value[..], b"0"].concat());
        let Ok(signed) = (signing.sign)(&asked, Bend::Nothing) else { continue };
        let mut request = Request { headers: Headers::default(), ..good.clone() };
        for (field, own) in good.headers.iter() {
            // Of a field that stands there more than once, the signature knows no other value.
            let is_own = field.eq_ignore_ascii_case(name) || good.headers.all(field).count() > 1;
            let other = signed.headers.all(field).next().filter(|_| !is_own);
            request.headers.add(field, other.unwrap_or(own).clone());
        }
        if request != good {
            return Ok(Forged::new(request, format!("the signature is that of another `{name}`")));
        }
    }
    Err(Unfit::not_here("the signature covers no field"))
}

/// What changes something may be done twice: the row is destructive, so that whoever sends it allowed that.
fn replayed(kit: &Kit<'_>) -> Result<Forged, Unfit> {
    let signing = resign(kit, HMAC)?;
    let good = good(signing)?;
    if good == (signing.sign)(&signing.plain, Bend::Nonce)? {
        return Err(Unfit::not_here("no nonce is signed"));
    }
    Ok(Forged { first: Some(good.clone()), ..Forged::new(good, "it was sent before, and is sent again") })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, kit};
    use super::super::{Forged, Kit, Presented, Unfit, mutation};
    use super::*;

    /// A signer that writes down what it signs.
    fn forge(id: &str, kind: &'static str, method: &str) -> Result<Forged, Unfit> {
        let plain = Request { method: method.to_owned(), ..get("/report?a=1", &[("x-own", "")]) };
        let sign = |request: &Request, bend: Bend| {
            let mut signed = request.clone();
            let body = request.body.len();
            let own = request.headers.text("x-own").unwrap_or_default();
            let text = format!("{} {} {body} {bend:?}{own}", request.method, request.address.target());
            signed.headers.set("x-signature", text);
            Ok(signed)
        };
        let resign = Resign { kind, plain: plain.clone(), sign: &sign };
        (mutation(id).unwrap().apply)(&Presented::new(&plain, &[], &[], &[]), &Kit { resign: Some(&resign), ..kit() })
    }

    #[test]
    fn what_is_sent_is_asked_for_and_the_signature_is_another_one() {
        for (id, signed) in [
            ("hmac-body", "GET /report?a=1 1 Nothing"),
            ("hmac-path", "GET /authspec-other-path?a=1 0 Nothing"),
            ("hmac-query", "GET /report?a=1&authspec=1 0 Nothing"),
            ("hmac-method", "OPTIONS /report?a=1 0 Nothing"),
            ("hmac-header-swap", "GET /report?a=1 0 Nothing0"),
            ("hmac-stale", "GET /report?a=1 0 Time(-3600)"),
            ("hmac-other-key", "GET /report?a=1 0 Key"),
        ] {
            let request = forge(id, "hmac", "GET").unwrap().request;
            assert_eq!(request.headers.text("x-signature").as_deref(), Some(signed), "{id}");
            let same = get("/report?a=1", &[("x-own", ""), ("x-signature", signed)]);
            assert_eq!(request, same, "{id}");
        }
    }

    #[test]
    fn a_replay_is_the_same_request() {
        for method in ["GET", "POST"] {
            let forged = forge("hmac-replay", "hmac", method).unwrap();
            assert_eq!(forged.first.as_ref(), Some(&forged.request));
        }
    }

    #[test]
    fn rows_are_for_their_own_schemes() {
        for row in FAMILY.rows {
            assert!(forge(row.id, "login", "GET").is_err(), "{}", row.id);
            let (hmac, aws) = (forge(row.id, "hmac", "GET").is_ok(), forge(row.id, "aws-sigv4", "GET").is_ok());
            assert_eq!(aws, !["hmac-stale", "hmac-future", "hmac-replay"].contains(&row.id), "{}", row.id);
            assert_eq!(hmac, row.id.starts_with("hmac-"), "{}", row.id);
        }
    }

    /// A signer that covers the fields `x-time`, which it writes itself as it does `x-number`, and `x-own`.
    fn over_fields(request: &Request, _: Bend) -> Result<Request, Unfit> {
        let mut signed = request.clone();
        let of = |signed: &Request, name: &str| signed.headers.text(name);
        for (name, value) in [("x-number", "7"), ("x-time", "1700")] {
            if !signed.headers.has(name) {
                signed.headers.set(name, value);
            }
        }
        let text = format!("{:?} {:?}", of(&signed, "x-time"), of(&signed, "x-own"));
        signed.headers.set("x-signature", text);
        Ok(signed)
    }

    #[test]
    fn a_field_keeps_its_value_under_the_signature_of_another() {
        let forge = |plain: Request| {
            let resign = Resign { kind: "aws-sigv4", plain: plain.clone(), sign: &over_fields };
            let kit = Kit { resign: Some(&resign), ..kit() };
            (mutation("hmac-header-swap").unwrap().apply)(&Presented::new(&plain, &[], &[], &[]), &kit).unwrap()
        };
        let own = forge(get("/", &[("accept", "a"), ("x-own", "b")]));
        let signature = ("x-signature", "Some(\"1700\") Some(\"b0\")");
        let fields = [("accept", "a"), ("x-own", "b"), ("x-number", "7"), ("x-time", "1700"), signature];
        assert_eq!(own.request, get("/", &fields));
        assert_eq!(own.change, "the signature is that of another `x-own`");
        // The number is written by the scheme too, and not covered: wherever it stands, that is no defect.
        let written = forge(get("/", &[("accept", "a")])).request;
        assert_eq!(written.headers.text("x-time").as_deref(), Some("1700"));
        assert_eq!(written.headers.text("x-signature").as_deref(), Some("Some(\"17000\") None"));
    }

    /// With a number of their own in each request, a good signature looks like any other.
    #[test]
    fn what_is_new_each_time_is_no_defect() {
        let plain = get("/report", &[]);
        let seen = std::cell::Cell::new(0);
        let sign = |request: &Request, _: Bend| {
            let mut signed = request.clone();
            signed.headers.set("x-number", seen.replace(seen.get() + 1).to_string());
            Ok(signed)
        };
        let resign = Resign { kind: "hmac", plain: plain.clone(), sign: &sign };
        for row in FAMILY.rows {
            let kit = Kit { resign: Some(&resign), ..kit() };
            let forged = (row.apply)(&Presented::new(&plain, &[], &[], &[]), &kit);
            assert!(matches!(forged, Err(Unfit::NotApplicable(_))), "{}", row.id);
        }
    }

    #[test]
    fn what_the_signature_does_not_cover_cannot_be_swapped() {
        let plain = get("/report", &[]);
        let sign = |request: &Request, _: Bend| Ok(request.clone());
        let resign = Resign { kind: "hmac", plain: plain.clone(), sign: &sign };
        for row in FAMILY.rows {
            let kit = Kit { resign: Some(&resign), ..kit() };
            let forged = (row.apply)(&Presented::new(&plain, &[], &[], &[]), &kit);
            assert!(matches!(forged, Err(Unfit::NotApplicable(_))), "{}", row.id);
        }
    }
}
