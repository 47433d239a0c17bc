//! Requests that are signed or proven: tokens bound to a key, and signatures over the request itself.

use super::token::{moment, span};
use super::{Family, Found, Rule, rfc};
use crate::event::Certainty::{Certain, Likely};
use crate::evidence::{Answer, Facts, Purpose, Sender, Sent, Word, Word68};
use crate::http::challenge::Challenge;

const SIGV4: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html";

pub(super) const FAMILY: Family = Family {
    title: "Proofs and signatures",
    rules: &[
        Rule {
            code: "bound-token-as-bearer",
            about: "a token that is bound to a key was sent as if whoever has it may use it",
            explain: "A token with `cnf.jkt` is bound to a key: it travels as `Authorization: DPoP …`, with a proof by that key beside it, and a server must refuse it as `Bearer`. Give the scheme `oauth2` the key `dpop: true`; then every request is proven.",
            link: rfc("RFC 9449, section 7.2", "https://www.rfc-editor.org/rfc/rfc9449#section-7.2"),
            certainty: Certain,
            find: as_bearer,
        },
        Rule {
            code: "proof-nonce-unanswered",
            about: "the server wants its nonce in the proof and did not get one that it takes",
            explain: "A server may demand that a DPoP proof holds a nonce it gave (`DPoP-Nonce`). The run answers that question once for each request; so either the server gave no nonce, or it does not take the one it gave: several instances behind a balancer that do not share theirs, an answer from a cache, or a nonce that lives for less than a request takes. A step that writes the `DPoP` field itself, or says `handshake: off`, is not answered for.",
            link: rfc("RFC 9449, section 9", "https://www.rfc-editor.org/rfc/rfc9449#section-9"),
            certainty: Certain,
            find: nonce,
        },
        Rule {
            code: "proof-refused",
            about: "the server refuses the proof that the sender holds the key of the token",
            explain: "A DPoP proof names the method (`htm`) and the address (`htu`) of its request, says when it was made (`iat`), and holds the hash of the token (`ath`). Behind a proxy the server often knows itself by another scheme, host or port than the client asked: let it trust what the proxy says (`X-Forwarded-Proto`, `X-Forwarded-Host`), or set its public address. Where clocks differ, the proof is too old or from the future.",
            link: rfc("RFC 9449, section 4.3", "https://www.rfc-editor.org/rfc/rfc9449#section-4.3"),
            certainty: Likely,
            find: proof,
        },
        Rule {
            code: "signature-too-old",
            about: "the time that the signature was made at is too far from the server's clock",
            explain: "A signed request is good for a few minutes around the time that it names (`X-Amz-Date`, a timestamp in a webhook). The server says that it came outside of these: the clocks of both differ, the request waited too long, or a time was written down in the suite. Mend the clocks (NTP), and let the scheme write the time.",
            link: rfc("Signature Version 4, troubleshooting", SIGV4),
            certainty: Certain,
            find: too_old,
        },
        Rule {
            code: "signature-scope",
            about: "the request is signed for another region, service or day than the server's",
            explain: "The credential of AWS Signature Version 4 names the day, the region and the service that it is for, and the key is derived for just these; the secret is not looked at before they are right. The server often names those that it expects. API Gateway is `execute-api`, whatever stands behind it; some services are in one region alone.",
            link: rfc("Signature Version 4, troubleshooting", SIGV4),
            certainty: Certain,
            find: scope,
        },
        Rule {
            code: "digest-unanswered",
            about: "the server asked by Digest, and the question was not answered",
            explain: "The scheme answers the first challenge that it knows and that is as `algorithm` and `qop` of the scheme want it. Where none is, nothing is sent, and the password never counted. Leave both keys out, or let them name what the server offers; a server that offers nothing but what is not known here has to offer more. A step with `handshake: off` is not answered for.",
            link: rfc("RFC 7616, section 3.7", "https://www.rfc-editor.org/rfc/rfc7616#section-3.7"),
            certainty: Certain,
            find: unanswered,
        },
        Rule {
            code: "digest-stale",
            about: "the server calls the nonce of Digest stale, also the one that it just gave",
            explain: "`stale=true` says that name and password are right and the nonce is not taken any more; then the request is answered with the new nonce, once. A server that calls that one stale as well does not know it: several instances behind a balancer that do not share their nonces, an answer from a cache, or nonces that live for less than a request takes.",
            link: rfc("RFC 7616, section 3.3", "https://www.rfc-editor.org/rfc/rfc7616#section-3.3"),
            certainty: Certain,
            find: stale,
        },
        Rule {
            code: "digest-refused",
            about: "the server looked at the answer to its Digest challenge and does not take it",
            explain: "The question was answered, and the server asks again without `stale=true`: the hash is not the one that it computed. Name or password are wrong, or both sides hash something else: a proxy changed the path or the method, or the server keeps hashes of another realm, which every password is wrong for.",
            link: rfc("RFC 7616, section 3.4", "https://www.rfc-editor.org/rfc/rfc7616#section-3.4"),
            certainty: Likely,
            find: digest_refused,
        },
        Rule {
            code: "signature-mismatch",
            about: "the server computed another signature of the request",
            explain: "Both sides sign what they take for the request, with the same secret. Either the secret or its spelling differs (a line break at its end, `key_encoding`), or something that is signed does: the path as it is encoded, the order of the query, a field that a proxy changed, the body. For AWS see that `service` and `region` are those of the address; for webhooks, that the body is signed byte for byte.",
            link: rfc("Signature Version 4, troubleshooting", SIGV4),
            certainty: Likely,
            find: mismatch,
        },
    ],
};

/// The credential in `Authorization`, with its word in lower case.
fn authorization(facts: &Facts) -> Option<(&Sent, String)> {
    let sent = facts.keys().find(|s| s.in_authorization())?;
    match &sent.word {
        Word68::Known(word) => Some((sent, word.to_ascii_lowercase())),
        Word68::Missing | Word68::Other => None,
    }
}

fn as_bearer(facts: &Facts) -> Option<Found> {
    let answer = facts.denied()?;
    let (sent, _) = authorization(facts).filter(|(_, word)| word == "bearer")?;
    let bound = sent.token.as_ref().is_some_and(|t| t.bound);
    let told = answer.said.sentence.as_ref().is_some_and(|s| s.to_ascii_lowercase().contains("dpop"));
    if !bound && !told {
        return None;
    }
    Some(
        Found::new("the token is bound to a key, and was sent as `Bearer`")
            .seen_if(bound.then(|| "the token holds `cnf.jkt`, the thumbprint of a key".to_owned()))
            .seen_if(answer.quoted())
            .next("give its `oauth2` scheme `dpop: true`: the token then travels as `DPoP`, with a proof"),
    )
}

fn nonce(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| a.has_code("use_dpop_nonce"))?;
    let again = facts.legs.len() > 1 && facts.legs.iter().rev().take(2).all(|l| l.status == Some(answer.status));
    let seen = if again {
        "it asked for its nonce again after it got one".to_owned()
    } else {
        format!("`use_dpop_nonce` in the answer, {}", answer.status)
    };
    let gives = facts.leg().is_some_and(|leg| leg.gives_nonce);
    let (what, next) = if gives {
        (
            "did not get one that it takes",
            "see whether the answer comes from a cache, and whether all instances of the server take each other's nonces",
        )
    } else {
        ("gives none", "let the server send its nonce in `DPoP-Nonce`, beside `use_dpop_nonce`")
    };
    let found = Found::new(format!("the server wants its nonce in the proof, and {what}"))
        .seen(seen)
        .seen_if((!gives).then(|| "no `DPoP-Nonce` in the answer".to_owned()))
        .seen_if(answer.quoted())
        .next(next);
    let is_written = facts.purpose == Purpose::Case && gives;
    Some(if is_written {
        found.next("a step with a `DPoP` field of its own or with `handshake: off` is not answered for")
    } else {
        found
    })
}

fn proof(facts: &Facts) -> Option<Found> {
    let answer = facts.surprise().filter(|a| a.has_code("invalid_dpop_proof"))?;
    let leg = facts.leg()?;
    let says = |word: &str| answer.said.sentence.as_ref().is_some_and(|s| s.to_ascii_lowercase().contains(word));
    let skew = facts.skew.filter(|s| s.abs() >= 5);
    let found = if !leg.fields.iter().any(|f| f == "dpop") {
        Found::new("no proof was sent with the request")
            .next("let the scheme make it: `dpop: true` of `oauth2`; a step with `DPoP: null` takes it away")
    } else if let Some(skew) = skew.filter(|_| !says("htu") && !says("htm") && !says("ath")) {
        let way = if skew > 0 { "ahead of" } else { "behind" };
        Found::new(format!("the server's clock is {} {way} this one, so the proof is of another time", span(skew)))
            .seen(format!(
                "`Date` of the answer says {}, this machine {}",
                moment(facts.server_time()),
                moment(facts.at)
            ))
            .next("set both clocks by NTP; a server should also allow some leeway")
    } else if says("htu") {
        Found::new(format!("the server knows itself by another address than {}", leg.base))
            .next("behind a proxy, let the server trust the forwarded scheme, host and port, or set its public address")
    } else {
        Found::new("the server refuses the proof that came with the request")
            .next("compare `htm`, `htu` and `ath` of the proof with the request, and the clocks of both sides")
    };
    Some(found.seen_if(answer.quoted().or_else(|| Some("the server says `invalid_dpop_proof`".to_owned()))))
}

/// The refusal of a request that was signed: by its scheme, or by what its credential says.
fn of_signed(facts: &Facts) -> Option<&Answer> {
    let scheme = match &facts.sender {
        Sender::Identity { scheme, .. } => matches!(*scheme, "hmac" | "aws-sigv4"),
        Sender::Nobody | Sender::Anonymous | Sender::Entering { .. } => false,
    };
    let signed = || authorization(facts).is_some_and(|(_, word)| word == "aws4-hmac-sha256" || word == "hmac");
    facts.surprise().filter(|a| matches!(a.status, 400 | 401 | 403)).filter(|_| scheme || signed())
}

fn too_old(facts: &Facts) -> Option<Found> {
    let answer = of_signed(facts).filter(|a| a.says(Word::Skewed))?;
    let skew = facts.skew.filter(|s| s.abs() >= 60);
    let found = Found::new("the request was signed for another time than the server's clock shows");
    let found = match skew {
        Some(skew) => found
            .seen(format!(
                "the server's clock is {} {} this one",
                span(skew),
                if skew > 0 { "ahead of" } else { "behind" }
            ))
            .next("set both clocks by NTP"),
        None => found.next("see whether the step writes the time itself, and whether the clocks agree"),
    };
    Some(found.seen_if(answer.quoted()))
}

fn scope(facts: &Facts) -> Option<Found> {
    let answer = of_signed(facts).filter(|a| a.says(Word::Scope) && !a.says(Word::Skewed))?;
    Some(
        Found::new("the request is signed for another region, service or day than the server's")
            .seen_if(answer.quoted().or_else(|| Some("the answer's text is about the credential's scope".to_owned())))
            .next("set `region` and `service` of the scheme to what the server names, or to those of its address")
            .next("a step that writes `X-Amz-Date` itself signs for that day"),
    )
}

/// The questions of Digest in an answer to somebody of that scheme, and whether one was answered before.
fn digest(facts: &Facts) -> Option<(&Answer, Vec<&Challenge>, bool)> {
    let answer = facts.surprise().filter(|a| a.status == 401)?;
    let of_digest = matches!(&facts.sender, Sender::Identity { scheme, .. } if *scheme == "digest");
    let asked: Vec<&Challenge> = answer.challenges.iter().filter(|challenge| challenge.is("digest")).collect();
    let sent = facts.leg()?.fields.iter().any(|field| field == "authorization");
    (of_digest && !asked.is_empty()).then_some((answer, asked, sent))
}

/// A question of Digest stands in the answer, and nothing that answers one was sent.
pub(super) fn unanswered(facts: &Facts) -> Option<Found> {
    let (_, asked, _) = digest(facts).filter(|(.., sent)| !sent)?;
    let offered: Vec<String> = asked.iter().map(|challenge| challenge.offer()).collect();
    let found = Found::new("the server asked by Digest, and its question was not answered")
        .seen(format!("it offers {}", crate::term::list(&offered, "and")))
        .seen("no `Authorization` was sent, so the password was not looked at");
    if asked.iter().all(|challenge| challenge.is_short()) {
        return Some(
            found.next("let the server send `realm` and `nonce` in its challenge: no answer can be made without"),
        );
    }
    Some(
        found
            .next(
                "`algorithm` and `qop` of the scheme have to be among what is offered: leave them out, or change them",
            )
            .next("a step with `handshake: off` is not answered for"),
    )
}

fn is_stale(challenge: &Challenge) -> bool {
    challenge.param("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"))
}

fn stale(facts: &Facts) -> Option<Found> {
    let (answer, ..) = digest(facts).filter(|(_, asked, sent)| *sent && asked.iter().any(|c| is_stale(c)))?;
    Some(
        Found::new("the server calls the nonce of Digest stale, also the one that it just gave")
            .seen("`stale=true` in the answer: name and password are not what is wrong")
            .seen_if(answer.quoted())
            .next("let all instances of the server know each other's nonces, or the balancer keep to one of them")
            .next("see whether the challenge comes from a cache"),
    )
}

fn digest_refused(facts: &Facts) -> Option<Found> {
    let (answer, asked, _) = digest(facts).filter(|(_, asked, sent)| *sent && !asked.iter().any(|c| is_stale(c)))?;
    let realm = asked.iter().find_map(|challenge| challenge.param("realm"));
    Some(
        Found::new("the server looked at the answer to its Digest challenge and does not take it")
            .seen("the question was answered, and it asks again without `stale=true`")
            .seen_if(realm.map(|realm| format!("its realm is \"{realm}\"")))
            .seen_if(answer.quoted())
            .next("check `username` and `password` of the identity against the account in that realm")
            .next("then what is hashed: the path and the method as they reach the server, which a proxy may change"),
    )
}

fn mismatch(facts: &Facts) -> Option<Found> {
    let answer = of_signed(facts)?;
    let else_said = answer.says(Word::Skewed) || answer.says(Word::Scope);
    if !(answer.says(Word::Unmatched) || answer.says(Word::Signature)) || else_said {
        return None;
    }
    Some(
        Found::new("the server computed another signature of the request")
            .seen_if(answer.quoted().or_else(|| Some("the answer's text is about the signature".to_owned())))
            .next("compare the secret of the identity with the server's, to the last character")
            .next("then what is signed: path and query as they are encoded, fields that a proxy changes, the body byte for byte"),
    )
}
