//! Answers to a Digest challenge with one thing wrong, each hashed rightly over what it says (RFC 7616). The server is
//! asked anew for every one of them, so that no nonce is old.

use super::kit::{Bend, Resign};
use super::{Attacks, Challenge, Expect, Family, Forged, Kit, Mutation, Needs, Severity, Unfit};
use crate::http::is_safe;

/// Answers to a Digest challenge.
pub(super) const FAMILY: Family = Family { name: "digest", title: "Answers to a Digest challenge", rows: ROWS };

const BASE: Mutation = Mutation {
    attacks: Attacks::Yes,
    needs: Needs::Question,
    expect: Expect::Refused(&[401, 400, 403], Challenge::Any),
    ..super::BASE
};

const ROWS: &[Mutation] = &[
    Mutation {
        id: "digest-nc-replay",
        about: "a good answer, byte for byte a second time",
        explain: "An answer that was caught can be sent again. Keep the counter of each nonce, and take none that was seen.",
        refs: &["RFC 7616 section 5.5", "CWE-294"],
        severity: Severity::Medium,
        apply: |_, kit| replayed(kit),
        ..BASE
    },
    Mutation {
        id: "digest-stale",
        about: "an answer to a nonce that the server never gave",
        explain: "Whoever chooses the nonce can prepare answers, and use one for ever. Take only nonces of your own, and those for minutes.",
        refs: &["RFC 7616 section 3.3", "CWE-294"],
        apply: |_, kit| bent(kit, Bend::Unasked, "it answers a nonce that was never given"),
        ..BASE
    },
    Mutation {
        id: "digest-uri",
        about: "an answer that was made for another target",
        explain: "An answer for one page opens another. Compare `uri` with the target that was really asked for.",
        refs: &["RFC 7616 section 3.4.6", "CWE-347"],
        apply: |_, kit| bent(kit, Bend::Uri, "its `uri` is another target"),
        ..BASE
    },
    Mutation {
        id: "digest-qop-strip",
        about: "an answer without `qop`, counter and own nonce, as RFC 2069 had it, where the server asks for them",
        explain: "Without `qop` there is no counter, so an answer can be sent again, and none of the client's own nonce. Refuse what is weaker than what you asked for.",
        refs: &["RFC 7616 section 5.8", "CWE-757"],
        severity: Severity::Medium,
        apply: |_, kit| bent(kit, Bend::Qop, "`qop`, `nc` and `cnonce` are left out"),
        ..BASE
    },
    Mutation {
        id: "digest-alg-downgrade",
        about: "an answer by MD5, where the server offers better alone",
        explain: "Who can change what passes makes clients use MD5. Take only the algorithms that you offer.",
        refs: &["RFC 7616 section 5.8", "CWE-757"],
        severity: Severity::Medium,
        apply: |_, kit| bent(kit, Bend::Algorithm, "it is hashed by MD5"),
        ..BASE
    },
    Mutation {
        id: "digest-other-realm",
        about: "an answer for another realm",
        explain: "The realm that the client names is believed: an answer that another server asked for is taken here. Hash with your own.",
        refs: &["RFC 7616 section 3.3", "CWE-287"],
        apply: |_, kit| bent(kit, Bend::Realm, "it is hashed for another realm"),
        ..BASE
    },
];

fn resign<'k>(kit: &'k Kit<'_>) -> Result<&'k Resign<'k>, Unfit> {
    kit.resign.filter(|r| r.kind == "digest").ok_or_else(|| Unfit::not_here("the scheme is not `digest`"))
}

/// The question answered with one thing other than it should be.
fn bent(kit: &Kit<'_>, bend: Bend, change: &str) -> Result<Forged, Unfit> {
    let signing = resign(kit)?;
    Ok(Forged::new((signing.sign)(&signing.plain, bend)?, change))
}

fn replayed(kit: &Kit<'_>) -> Result<Forged, Unfit> {
    let signing = resign(kit)?;
    if !is_safe(&signing.plain.method) {
        return Err(Unfit::not_here("what changes something is not sent twice"));
    }
    // Where no `qop` can be left out, there is no counter.
    (signing.sign)(&signing.plain, Bend::Qop)?;
    let good = (signing.sign)(&signing.plain, Bend::Nothing)?;
    Ok(Forged { first: Some(good.clone()), ..Forged::new(good, "it was sent before, and is sent again") })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, kit};
    use super::super::{Presented, mutation};
    use super::*;
    use crate::http::Request;

    fn forge(id: &str, kind: &'static str, has_qop: bool, method: &str) -> Result<Forged, Unfit> {
        let plain = Request { method: method.to_owned(), ..get("/report", &[]) };
        let sign = |request: &Request, bend: Bend| {
            let mut signed = request.clone();
            signed.headers.set("authorization", format!("Digest {bend:?}"));
            if bend == Bend::Qop && !has_qop { Err(Unfit::not_here("there is none")) } else { Ok(signed) }
        };
        let resign = Resign { kind, plain: plain.clone(), sign: &sign };
        (mutation(id).unwrap().apply)(&Presented::new(&plain, &[], &[], &[]), &Kit { resign: Some(&resign), ..kit() })
    }

    #[test]
    fn each_answers_the_question_of_its_own_request() {
        for (id, bend) in [
            ("digest-stale", "Unasked"),
            ("digest-uri", "Uri"),
            ("digest-qop-strip", "Qop"),
            ("digest-alg-downgrade", "Algorithm"),
            ("digest-other-realm", "Realm"),
        ] {
            let forged = forge(id, "digest", true, "POST").unwrap();
            let sent = get("/report", &[("authorization", &*format!("Digest {bend}"))]);
            assert_eq!(forged.request, Request { method: "POST".to_owned(), ..sent }, "{id}");
            assert_eq!(forged.first, None);
        }
    }

    #[test]
    fn a_replay_is_the_same_answer_and_needs_a_counter() {
        let forged = forge("digest-nc-replay", "digest", true, "GET").unwrap();
        assert_eq!(forged.request.headers.text("authorization").as_deref(), Some("Digest Nothing"));
        assert_eq!(forged.first.as_ref(), Some(&forged.request));
        assert!(forge("digest-nc-replay", "digest", false, "GET").is_err(), "nothing counts");
        assert!(forge("digest-nc-replay", "digest", true, "POST").is_err(), "it changes something");
    }

    #[test]
    fn rows_are_for_digest() {
        for row in FAMILY.rows {
            assert!(forge(row.id, "hmac", true, "GET").is_err(), "{}", row.id);
            assert!(forge(row.id, "digest", true, "GET").is_ok(), "{}", row.id);
        }
    }
}
