//! What a refusal has to say, so that a client knows what to do.

use super::due::{Basis, Due, Heard, Said};
use super::{Expect, Family, Mutation, Severity};
use crate::http::challenge::parse_challenges;

/// What refusals say.
pub(super) const FAMILY: Family = Family { name: "response", title: "What a refusal says", rows: ROWS };

const CHALLENGE: Due = Due {
    words: "a 401 with a challenge in `WWW-Authenticate`",
    fault: "the 401 does not say how to log in",
    basis: Basis::Nothing,
    judge: challenge,
};

const ROWS: &[Mutation] = &[Mutation {
    id: "resp-401-challenge",
    about: "the request without its credential: the 401 has to say how to log in",
    explain: "A 401 without `WWW-Authenticate` is none: clients, libraries and proxies find out by that field what to send. Answer with a challenge, such as `WWW-Authenticate: Bearer realm=\"api\"`.",
    refs: &["RFC 9110 section 15.5.2", "RFC 9110 section 11.6.1", "RFC 6750 section 3"],
    severity: Severity::Low,
    expect: Expect::Says(&CHALLENGE),
    ..super::BASE
}];

fn challenge(heard: &Heard<'_>) -> Said {
    let status = heard.response.status;
    if status != 401 {
        return Said::Nothing(format!("the answer to the request without a credential is no 401 ({status})"));
    }
    let fields: Vec<Vec<u8>> = heard.response.headers.all("www-authenticate").map(|v| v.to_vec()).collect();
    match &parse_challenges(fields.iter().map(Vec::as_slice))[..] {
        [] if fields.is_empty() => Said::Amiss("401 without `WWW-Authenticate`".to_owned()),
        [] => Said::Amiss("401 with a `WWW-Authenticate` in which no challenge can be read".to_owned()),
        [first, ..] => Said::Due(format!("401 with the challenge `{}`", first.scheme)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{answer, get, kit};
    use super::super::{Presented, mutation};
    use super::{Heard, Said, challenge};

    #[test]
    fn a_401_has_to_say_how_to_log_in() {
        let sent = get("/me", &[]);
        let said = |status: u16, fields: &[(&str, &str)]| {
            challenge(&Heard { sent: &sent, response: &answer(status, fields), good: None })
        };
        assert!(matches!(said(401, &[("www-authenticate", "Bearer realm=\"x\"")]), Said::Due(_)));
        assert!(matches!(said(401, &[]), Said::Amiss(_)));
        assert!(matches!(said(401, &[("www-authenticate", "")]), Said::Amiss(_)), "an empty field says nothing");
        for status in [200, 302, 403, 404] {
            assert!(matches!(said(status, &[]), Said::Nothing(_)), "{status}");
        }
    }

    #[test]
    fn it_is_asked_without_any_credential() {
        let row = mutation("resp-401-challenge").unwrap();
        let known = [("access_token".into(), json!("secret-1"))];
        let request = get("/me", &[("authorization", "Bearer secret-1"), ("accept", "*/*")]);
        let forged = (row.apply)(&Presented::new(&request, &known, &[], &[]), &kit()).unwrap().request;
        assert!(!forged.headers.has("authorization") && forged.headers.has("accept"));
        let request = get("/me", &[("cookie", "sid=77; csrf=5")]);
        let cookies = ["sid".to_owned(), "csrf".to_owned()];
        let forged = (row.apply)(&Presented::new(&request, &[], &[], &cookies), &kit()).unwrap().request;
        assert!(!forged.headers.has("cookie"));
        assert!((row.apply)(&Presented::new(&get("/me", &[]), &[], &[], &[]), &kit()).is_err());
    }
}
