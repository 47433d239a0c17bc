//! The assertions: pure functions from what was seen to a judgement.
//!
//! To add a check: 1. `src/check/<name>.rs` with a struct, its `read` and its `judge`, and two unit
//! tests beside them (one held, one broken). 2. One row in [`CHECKS`]. 3. `tests/golden/check/<name>.yaml`.
//! The reader refuses unknown names from the table, the docs are generated from it, and tests over
//! the whole table hold names, examples and goldens together. A check never sends anything.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use jiff::Timestamp;

use crate::answer;
use crate::http::{Response, Trail};
use crate::jsonpath::Path;
use crate::source::Span;
use crate::spec::{Def, Node, Reader, Shape};
use crate::template::{Scope, Template};

mod body;
mod challenge;
mod cookies;
mod cors;
pub mod diags;
mod duration;
mod error;
mod expect;
mod fields;
mod headers;
mod hidden;
mod html;
mod ignored;
mod json;
mod jwt;
mod leads;
mod operand;
mod operator;
mod outcome;
mod rank;
mod redirect;
mod same;
mod same_time;
mod schema;
mod sent;
mod spelling;
mod status;
mod steady;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod that;
mod until;
mod value;
mod winners;
mod words;

pub use error::{ExpectedError, NoAnswer};
pub use expect::{Expectations, read_expect};
pub use hidden::{MISSING, alike, read_ignored};
pub use jwt::UNVERIFIED;
pub use operator::{OPERATORS, OperatorKind};
pub use outcome::{Outcomes, Stance, Word};
pub use same::remember;
pub use same_time::{Rounds, Times};
pub use status::{Side, StatusSet, side};
pub use until::until;
pub use words::has_word;

/// All checks: the keys of `expect`.
pub const CHECKS: &[CheckKind] = &[
    CheckKind {
        name: "status",
        about: "the status code: a number, a class such as `2xx`, `allow` (2xx), `deny` (401 or 403), or a list of these; in an access row `hidden` too (404, as for what is missing)",
        example: "[200, 204]",
        takes: Shape::STATUS,
        read: status::read,
    },
    CheckKind {
        name: "headers",
        about: "header fields by name, in any case; of a field that is repeated, one line has to satisfy the operators of a map, and a negation holds for all lines",
        example: "{ Cache-Control: { contains: no-store }, Server: { exists: false } }",
        takes: Shape::VALUES,
        read: headers::read,
    },
    CheckKind {
        name: "json",
        about: "values of the body by JSONPath; a singular path gives the value, any other the list of its nodes",
        example: "{ $.username: alice, $.password: { exists: false } }",
        takes: Shape::Filled(&Shape::Named(r"^\$", &Shape::The(Def::Value))),
        read: json::read,
    },
    CheckKind {
        name: "body",
        about: "the body as text",
        example: "{ contains: Welcome }",
        takes: Shape::The(Def::Value),
        read: body::read,
    },
    CheckKind {
        name: "html",
        about: "what a page shows, by CSS selector: the texts of the elements, with blanks joined; under `attr`, attributes by name",
        example: "{ h1: Log in, 'input[name=csrf]': { exists: true, attr: { type: hidden } } }",
        takes: Shape::Filled(&Shape::Map(&Shape::Any)),
        read: html::read,
    },
    CheckKind {
        name: "schema",
        about: "a JSON Schema that the body has to match, inline or the path of a file",
        example: "{ type: object, required: [id], properties: { id: { type: integer } } }",
        takes: Shape::Either(&[Shape::Text, Shape::Filled(&Shape::Map(&Shape::Any))]),
        read: schema::read,
    },
    CheckKind {
        name: "jwt",
        about: "a token: `from` a JSONPath or template, its `header` and `claims` by name, and `verify` by `jwks`, `key` or `secret`",
        example: "{ from: $.access_token, header: { alg: RS256 }, claims: { sub: alice, exp: { within: 15m } }, verify: { jwks: /jwks.json } }",
        takes: Shape::Filled(&Shape::Keys(jwt::KEYS)),
        read: jwt::read,
    },
    CheckKind {
        name: "challenge",
        about: "`WWW-Authenticate`, parsed: `scheme`, parameters by name, or `exists`; one of several challenges has to match as a whole",
        example: "{ scheme: Bearer, error: invalid_token }",
        takes: Shape::VALUES,
        read: challenge::read,
    },
    CheckKind {
        name: "cookies",
        about: "what the step's answers set, on any hop: a value, or a map of attributes, `exists` and `deleted`; of several with one name the last counts",
        example: "{ session: { http_only: true, same_site: Lax }, csrf: { exists: false } }",
        takes: Shape::Filled(&Shape::Map(&COOKIE)),
        read: cookies::read,
    },
    CheckKind {
        name: "cors",
        about: "whether a browser lets pages of the `Origin` that the request named call: `origin` `allowed` or `denied`, `methods`, `headers`, `credentials`, `exposes`, `max_age`",
        example: "{ origin: allowed, methods: [PUT], headers: [authorization], credentials: true }",
        takes: Shape::Filled(&Shape::Keys(cors::KEYS)),
        read: cors::read,
    },
    CheckKind {
        name: "redirect",
        about: "where the answer points to: a path means the same origin, a URL is compared whole, both with their query; in `outcomes`, `deny` and `hidden` take one without a query for that page with any",
        example: "{ to: /login, status: 303 }",
        takes: Shape::Filled(&Shape::Keys(redirect::KEYS)),
        read: redirect::read,
    },
    CheckKind {
        name: "duration",
        about: "the time for all hops: `below`, `above`, `at_most`, `at_least` a duration",
        example: "{ below: 500ms }",
        takes: Shape::Filled(&Shape::Keys(duration::KEYS)),
        read: duration::read,
    },
    CheckKind {
        name: "sent",
        about: "what really left: `method`, `url`, `body` of the first request, `headers` and `cookies` of any hop",
        example: "{ headers: { Authorization: { exists: false } }, method: GET }",
        takes: Shape::Filled(&Shape::Keys(sent::KEYS)),
        read: sent::read,
    },
    CheckKind {
        name: "same_as",
        about: "an earlier step of the case whose answer must not differ: its name, or `step`, what to compare `in` and what to `ignore`",
        example: "{ step: unknown user, in: [status, body], ignore: [$.request_id] }",
        takes: Shape::Either(&[Shape::Text, Shape::Keys(same::KEYS)]),
        read: same::same_as,
    },
    CheckKind {
        name: "differs_from",
        about: "an earlier step of the case whose answer must differ, written as for `same_as`",
        example: "{ step: unknown user, in: [body] }",
        takes: Shape::Either(&[Shape::Text, Shape::Keys(same::KEYS)]),
        read: same::differs_from,
    },
    CheckKind {
        name: "same_time_as",
        about: "an earlier step that takes as long to answer: its name, or `step`, the number of `pairs` that are sent, and `above` which times differ",
        example: "{ step: unknown user, pairs: 20, above: 30ms }",
        takes: Shape::Either(&[Shape::Text, Shape::Keys(same_time::KEYS)]),
        read: same_time::read,
    },
    CheckKind {
        name: "error",
        about: "that no answer comes: `tls` (the server ends the handshake, as where it wants another certificate; a refusal like others), `untrusted` (its own certificate is not taken), `refused`, `closed` or `timeout`; it stands alone",
        example: "tls",
        takes: Shape::Words(&["tls", "untrusted", "refused", "closed", "timeout"]),
        read: error::read,
    },
    CheckKind {
        name: "winners",
        about: "of the answers to a step sent `together`, how many met all other expectations; without it all have to",
        example: "1",
        takes: Shape::Either(&[Shape::NUMBER, Shape::The(Def::Operators)]),
        read: winners::read,
    },
    CheckKind {
        name: "that",
        about: "expressions over `response` and all names in scope, each of which must be true",
        example: "[ \"response.json.items | length > 0\" ]",
        takes: Shape::Filled(&Shape::List(&Shape::Text)),
        read: that::read,
    },
];

/// What is asked of a cookie: its value, or a map of attributes.
const COOKIE: Shape = Shape::Either(&[Shape::Text, Shape::Filled(&Shape::Keys(cookies::KEYS))]);

/// A kind of assertion: one key of `expect`.
#[derive(Debug)]
pub struct CheckKind {
    /// Its key.
    pub name: &'static str,
    /// What it compares, one sentence.
    pub about: &'static str,
    /// The value of its key in an example that a test reads.
    pub example: &'static str,
    /// The form of the value of its key, for editors.
    pub takes: Shape,
    /// Reads the value of its key into checks; faults go to the reader.
    pub read: fn(&Node, &mut Reader<'_>, &mut Vec<Placed>),
}

/// A check with the user's own place and words.
#[derive(Debug)]
pub struct Placed {
    /// What judges.
    pub check: Box<dyn Check>,
    /// The user's line: the narrowest node that says what is expected.
    pub span: Span,
    /// What is compared, for messages: `status`, `json $.username`, `header Cache-Control`.
    pub subject: String,
}

/// Judges what was seen. Pure and total: it never fails, sends or waits.
pub trait Check: Debug + Send + Sync {
    /// Says whether the expectation holds.
    fn judge(&self, seen: &Seen<'_>) -> Checked;

    /// Gives the statuses that are expected of the answer, when that is what is checked.
    fn status(&self) -> Option<&StatusSet> {
        None
    }

    /// Takes in what the words for outcomes mean in this suite.
    fn set_outcomes(&mut self, _: &Arc<Outcomes>) {}

    /// Gives the word for an outcome that is expected, where it means something of its own for somebody.
    fn own_word(&self, _: Stance) -> Option<Word> {
        None
    }

    /// Takes an address without a query for one with any.
    fn leave_query_open(&mut self) {}

    /// Leaves parts of a body out of what is compared.
    fn ignore(&mut self, _: &[Path]) {}

    /// Gives the error that is expected in place of an answer, when that is what is checked.
    fn error(&self) -> Option<ExpectedError> {
        None
    }

    /// Gives the address of keys that have to be fetched before it can judge; a path starts at the target.
    fn needs(&self) -> Option<&Template> {
        None
    }

    /// Tells whether it looks at the answer of an earlier step of that name.
    fn looks_at(&self, _step: &str) -> bool {
        false
    }

    /// What to do where it does not hold, as far as it can tell.
    fn help(&self, _: &Seen<'_>) -> Option<String> {
        None
    }

    /// Says what a reader of a report has to know although it held.
    fn note(&self) -> Option<&'static str> {
        None
    }

    /// Tells whether it judges several answers that were sent together, not one of them.
    fn counts_winners(&self) -> bool {
        false
    }

    /// Tells whether it says where a redirect is to lead.
    fn says_where(&self) -> bool {
        false
    }

    /// Says how the times of two steps are to be compared, when that is what is checked.
    fn times(&self) -> Option<&Times> {
        None
    }

    /// The step that was answered to the same as the one that its answer has to be like.
    fn again(&self) -> Option<&str> {
        None
    }

    /// Tells whether it judges many answers, not one of them.
    fn takes_many(&self) -> bool {
        self.counts_winners() || self.times().is_some()
    }

    /// Tells of a check of winners whether so many would do; nothing when that depends on the run.
    fn holds_for(&self, _winners: u32) -> Option<bool> {
        None
    }
}

/// What was fetched for checks: the text behind an address, or why there is none.
pub type Fetched = HashMap<String, Result<String, String>>;

/// What a check can see.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Everything the step did.
    pub trail: &'a Trail,
    /// The answer that is judged: the last hop's.
    pub response: &'a Response,
    /// The names in scope, this step's captures included.
    pub scope: &'a Scope,
    /// What was fetched for checks that asked for it.
    pub fetched: &'a Fetched,
    /// When the answer is judged.
    pub now: Timestamp,
    /// How many answers of several sent together met all else.
    pub winners: Option<u32>,
    /// Who asked.
    pub stance: Stance,
    /// Whether the answer refuses, as far as that is known.
    pub denied: bool,
    json: OnceCell<Result<serde_json::Value, String>>,
}

impl<'a> Seen<'a> {
    /// Joins what a step left behind.
    pub const fn new(
        trail: &'a Trail,
        response: &'a Response,
        scope: &'a Scope,
        fetched: &'a Fetched,
        now: Timestamp,
    ) -> Self {
        let (stance, denied) = (Stance::Identity, answer::denies(response));
        Self { trail, response, scope, fetched, now, winners: None, stance, denied, json: OnceCell::new() }
    }

    /// The body as JSON, parsed once; the error is one sentence without any of its text.
    pub fn json(&self) -> Result<&serde_json::Value, &str> {
        self.json
            .get_or_init(|| {
                if self.response.body.is_empty() {
                    return Err("the body is empty, not JSON".to_owned());
                }
                serde_json::from_slice(&self.response.body)
                    .map_err(|e| format!("the body is not JSON (line {}, column {})", e.line(), e.column()))
            })
            .as_ref()
            .map_err(String::as_str)
    }
}

/// What became of an expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It holds.
    Held,
    /// It does not.
    Broken {
        /// What was asked for, with its type.
        expected: String,
        /// What was there, with its type.
        actual: String,
    },
    /// It cannot be judged on this answer; never passes, also under `not`.
    Unjudgeable {
        /// Why, one sentence.
        why: String,
    },
}
