//! What the server should answer to a defect, and how near its answer comes.

use serde::{Deserialize, Serialize};

use super::due::{Basis, Due, Heard, Said};
use crate::http::challenge::parse_challenges;
use crate::http::{Headers, Request, Response};

/// What the server should answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// A refusal: one of these statuses, a 401 with the right challenge.
    Refused(&'static [u16], Challenge),
    /// The same as without the change: the RFC says that it makes no difference.
    Taken,
    /// The RFC leaves it open; only a crash is wrong.
    Either,
    /// Neither a refusal nor a way in: what the answer has to say.
    Says(&'static Due),
}

/// What a 401 has to say in `WWW-Authenticate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// A challenge; for Bearer with `error="invalid_token"` (RFC 6750, section 3.1).
    InvalidToken,
    /// A challenge without an error code: no credential was there to be wrong (RFC 6750, section 3.1).
    Bare,
    /// A challenge, whatever it says.
    Some,
    /// Nothing in particular.
    Any,
}

/// How near an answer comes to what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Refused as it should be.
    DeniedExact,
    /// Refused, in another way.
    DeniedOther,
    /// Let in.
    Accepted,
    /// The server broke: 5xx.
    Crashed,
    /// It says what it has to, where a row is about that.
    AsDue,
    /// It does not.
    Amiss,
}

impl Grade {
    /// All.
    pub const ALL: &[Self] =
        &[Self::DeniedExact, Self::DeniedOther, Self::Accepted, Self::Crashed, Self::AsDue, Self::Amiss];

    /// The word of reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DeniedExact => "denied-exact",
            Self::DeniedOther => "denied-other",
            Self::Accepted => "accepted",
            Self::Crashed => "crashed",
            Self::AsDue => "as-due",
            Self::Amiss => "amiss",
        }
    }
}

/// A judged answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graded {
    /// How near it came.
    pub grade: Grade,
    /// Whether the grade is what the row asks for.
    pub held: bool,
    /// What was asked for, in words.
    pub expected: String,
    /// What came, in words.
    pub actual: String,
}

/// An answer, with what only the runner knows of it.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The request as it was sent.
    pub sent: &'a Request,
    /// The answer.
    pub response: &'a Response,
    /// What the good origin was answered, where that was asked.
    pub good: Option<&'a Headers>,
    /// Whether it sends the caller to a login page.
    pub sent_away: bool,
    /// Whether the credential travels as `Authorization: Bearer`.
    pub bearer: bool,
    /// Whether the credential travels in `Authorization` at all: only then a challenge is due.
    pub challenged: bool,
}

impl Expect {
    /// Tells whether a refusal is what is asked for.
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::Refused(..))
    }

    /// What is asked for, in words.
    pub fn describe(self) -> String {
        match self {
            Self::Refused(statuses, challenge) => {
                let (away, codes): (Vec<&u16>, Vec<&u16>) = statuses.iter().partition(|code| **code / 100 == 3);
                let mut codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
                if !away.is_empty() {
                    codes.push("the way to the login page".to_owned());
                }
                let told = match challenge {
                    Challenge::InvalidToken => " with a challenge that says `invalid_token`",
                    Challenge::Bare => " with a challenge that names no error",
                    Challenge::Some => " with a challenge",
                    Challenge::Any => "",
                };
                format!("{}{told}", crate::term::list(&codes, "or"))
            }
            Self::Taken => "the answer that the unchanged request gets".to_owned(),
            Self::Either => "any answer below 500".to_owned(),
            Self::Says(due) => due.words.to_owned(),
        }
    }

    /// What has to be seen before the answer says something.
    pub const fn stands_on(self) -> Basis {
        match self {
            Self::Says(due) => due.basis,
            Self::Refused(..) | Self::Taken | Self::Either => Basis::Nothing,
        }
    }

    /// What is wrong with an answer that does not say what it has to.
    pub fn fault(self, id: &str) -> String {
        match self {
            Self::Says(due) => format!("`{id}`: {}", due.fault),
            Self::Refused(..) | Self::Taken | Self::Either => format!("`{id}` was not answered as is due"),
        }
    }

    /// Judges an answer. Where it says nothing of what is asked, why is given back.
    pub fn grade(self, answered: Answered<'_>) -> Result<Graded, String> {
        let status = answered.response.status;
        let graded = |grade, held, actual: String| Graded { grade, held, expected: self.describe(), actual };
        if status >= 500 && status != 501 {
            return Ok(graded(Grade::Crashed, false, format!("{status}: the server broke on it")));
        }
        let granted = status / 100 == 2 || (status / 100 == 3 && !answered.sent_away);
        Ok(match self {
            Self::Refused(..) if granted => graded(Grade::Accepted, false, format!("{status}: it was let in")),
            Self::Refused(statuses, challenge) => match inexact(statuses, challenge, answered) {
                None => graded(Grade::DeniedExact, true, format!("{status}")),
                Some(how) => graded(Grade::DeniedOther, true, how),
            },
            Self::Taken if granted => graded(Grade::Accepted, true, format!("{status}")),
            Self::Taken => graded(Grade::DeniedOther, false, format!("{status}: refused, though the RFC allows it")),
            Self::Either if granted => graded(Grade::Accepted, true, format!("{status}")),
            Self::Either => graded(Grade::DeniedExact, true, format!("{status}")),
            Self::Says(due) => match (due.judge)(&answered.heard()) {
                Said::Due(told) => graded(Grade::AsDue, true, told),
                Said::Amiss(told) => graded(Grade::Amiss, false, told),
                Said::Lax(told) => graded(Grade::Amiss, true, told),
                Said::Nothing(why) => return Err(why),
            },
        })
    }
}

impl<'a> Answered<'a> {
    fn heard(&self) -> Heard<'a> {
        Heard { sent: self.sent, response: self.response, good: self.good }
    }
}

/// How a refusal differs from the one that is asked for; nothing when it does not.
fn inexact(statuses: &[u16], challenge: Challenge, answered: Answered<'_>) -> Option<String> {
    let status = answered.response.status;
    if answered.sent_away && !statuses.contains(&status) {
        return Some(format!("{status}: it was sent to a login page"));
    }
    if !statuses.contains(&status) {
        return Some(format!("{status}"));
    }
    if status != 401 || !answered.challenged {
        return None;
    }
    let fields: Vec<Vec<u8>> = answered.response.headers.all("www-authenticate").map(|v| v.to_vec()).collect();
    let challenges = parse_challenges(fields.iter().map(Vec::as_slice));
    if challenges.is_empty() {
        return (challenge != Challenge::Any).then(|| "401 without `WWW-Authenticate`".to_owned());
    }
    if !answered.bearer {
        return None;
    }
    let errors: Vec<String> = challenges
        .iter()
        .filter(|c| c.scheme.eq_ignore_ascii_case("bearer"))
        .filter_map(|c| c.param("error").map(ToOwned::to_owned))
        .collect();
    match challenge {
        Challenge::InvalidToken if errors.iter().all(|e| e != "invalid_token") => Some(match errors.first() {
            Some(other) => format!("401 with a challenge that says `{other}`"),
            None => "401 with a challenge that names no error".to_owned(),
        }),
        Challenge::Bare if !errors.is_empty() => Some(format!("401 with a challenge that says `{}`", errors[0])),
        Challenge::InvalidToken | Challenge::Bare | Challenge::Some | Challenge::Any => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answer, get};
    use super::*;

    const R401: Expect = Expect::Refused(&[401], Challenge::InvalidToken);
    const R401N: Expect = Expect::Refused(&[401, 400], Challenge::Bare);

    fn grade(expect: Expect, status: u16, challenge: Option<&str>) -> (Grade, bool) {
        let fields: Vec<(&str, &str)> = challenge.into_iter().map(|c| ("www-authenticate", c)).collect();
        let response = answer(status, &fields);
        let sent = get("/me", &[]);
        let (bearer, challenged) = (true, true);
        let answered = Answered { sent: &sent, response: &response, good: None, sent_away: false, bearer, challenged };
        let graded = expect.grade(answered).unwrap();
        (graded.grade, graded.held)
    }

    #[test]
    fn a_refusal_has_to_be_the_right_one() {
        let invalid = Some("Bearer realm=\"x\", error=\"invalid_token\"");
        assert_eq!(grade(R401, 401, invalid), (Grade::DeniedExact, true));
        assert_eq!(grade(R401, 401, Some("Bearer")), (Grade::DeniedOther, true));
        assert_eq!(grade(R401, 401, None), (Grade::DeniedOther, true));
        assert_eq!(grade(R401, 403, None), (Grade::DeniedOther, true));
        assert_eq!(grade(R401, 200, None), (Grade::Accepted, false));
        assert_eq!(grade(R401, 500, None), (Grade::Crashed, false));
        assert_eq!(grade(R401N, 401, Some("Bearer realm=\"x\"")), (Grade::DeniedExact, true));
        assert_eq!(grade(R401N, 401, invalid), (Grade::DeniedOther, true));
        assert_eq!(grade(R401N, 400, None), (Grade::DeniedExact, true));
    }

    #[test]
    fn what_makes_no_difference_has_to_be_taken() {
        assert_eq!(grade(Expect::Taken, 200, None), (Grade::Accepted, true));
        assert_eq!(grade(Expect::Taken, 401, None), (Grade::DeniedOther, false));
        assert_eq!(grade(Expect::Either, 401, None), (Grade::DeniedExact, true));
        assert_eq!(grade(Expect::Either, 503, None), (Grade::Crashed, false));
    }

    #[test]
    fn a_redirect_is_let_in_unless_it_leads_to_the_login() {
        const BROWSER: Expect = Expect::Refused(&[401, 302], Challenge::Any);
        let (sent, response) = (get("/me", &[]), answer(302, &[("location", "/login")]));
        let (bearer, challenged) = (false, false);
        let answered = Answered { sent: &sent, response: &response, good: None, sent_away: true, bearer, challenged };
        let grade = |expect: Expect, answered| expect.grade(answered).unwrap().grade;
        assert_eq!(grade(R401, answered), Grade::DeniedOther);
        assert_eq!(grade(BROWSER, answered), Grade::DeniedExact);
        for expect in [R401, BROWSER] {
            assert_eq!(grade(expect, Answered { sent_away: false, ..answered }), Grade::Accepted);
        }
        assert_eq!(BROWSER.describe(), "401 or the way to the login page");
    }
}
