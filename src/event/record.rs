//! What a step did, as masked data: its requests and their answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::serial::millis;
use crate::evidence::Facts;
use crate::mutate::Grade;
use crate::source::Place;

/// Which part of a case a step belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The suite's setup.
    Setup,
    /// The case itself.
    Case,
    /// The suite's teardown.
    Teardown,
    /// An identity's login.
    Login,
    /// An identity's refresh.
    Refresh,
    /// The check after a login that it is the right person.
    Whoami,
}

/// What one step did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepRecord {
    /// The name the user gave, if any.
    pub name: Option<String>,
    /// The part of the case.
    pub phase: Phase,
    /// Its place among the steps of its part, from 1: `3`; `3.2` for the second request of the third, or the second step of its flow.
    #[serde(default)]
    pub number: String,
    /// Whether nothing was sent: its `if` was false, or there was nothing to send it with.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
    /// The flows it is a step of, from that which the case uses to the innermost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flows: Vec<FlowRecord>,
    /// The identity, `anonymous`, or nobody.
    pub caller: Option<String>,
    /// The role of that identity, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The id of the deliberate defect that it was sent with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// How near the answer to that defect came to what it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// Method and target as sent, masked.
    pub request: String,
    /// What left first, by name; nothing when nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<SentRecord>,
    /// What became of it, where it is no request but a program that was run: `ended with 0`. Then `request` is its
    /// command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<String>,
    /// Final status, when an answer came.
    pub status: Option<u16>,
    /// What its refusal proves, where it was refused as expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalProof>,
    /// Where the step is written.
    pub place: Place,
    /// The whole exchange with all hops.
    #[serde(rename = "ms", with = "millis")]
    pub elapsed: Duration,
    /// How many expectations held.
    pub held: usize,
    /// How many did not.
    pub broken: usize,
    /// Every request and answer; kept for what did not pass, for all with `-vv`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<HopRecord>,
    /// Protocol remarks in the order they happened: a cookie refused, a credential left out on a hop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What its exchange shows, for the rules of `diagnose`; no report reads it.
    #[serde(skip)]
    pub facts: Option<Box<Facts>>,
}

/// What a step's first request carried, without values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentRecord {
    /// Scheme, host and port.
    pub origin: String,
    /// Whose credential it carried.
    pub credential: Carried,
    /// What may hold a credential: `authorization Bearer`, `cookie session`, `x-api-key`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carries: Vec<String>,
    /// The statuses before the last one, where redirects were followed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followed: Vec<u16>,
    /// Whether the step waited before it, as its `pause` says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Whether the sender's credential is made anew for each request: a signature, a proof, an answer to a challenge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub per_request: bool,
}

/// The note of a step that was sent with the credential of an earlier one, or with other parts.
pub const OTHER_CREDENTIAL: &str =
    "sent with another credential than its sender's of now: a fresh one does not stand for it";

/// The note of a step whose sender is known by its connection.
pub const CERTIFICATE_SHOWN: &str = "the connection shows the client certificate of the sender";

/// The note on a request whose sender is known by a certificate that the server did not ask for.
pub const CERTIFICATE_UNASKED: &str = "the server asked for no client certificate, so none was shown: a proxy before it may end TLS, or clients are known at another address";

/// Whose credential a request carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carried {
    /// None at all.
    None,
    /// That of the session of its caller.
    Own,
    /// Anything else that may be one: written by hand, a cookie of this case, the talk of a login.
    Other,
}

/// What the refusal of a step proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalProof {
    /// Access was at stake: somebody was allowed the same request, and its sender was allowed something.
    Proven,
    /// Nobody was seen being allowed the same request.
    Unproven,
    /// Nothing: its sender was never allowed anything, or the session may have been dead.
    Nothing,
}

/// A flow that a step belongs to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FlowRecord {
    /// Its name.
    pub name: String,
    /// Where it was used.
    pub place: Place,
}

/// One request and what came back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HopRecord {
    /// Absolute URL, masked.
    pub url: String,
    /// The request as it left.
    pub request: MessageRecord,
    /// What of it was signed, as far as that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed: Vec<SignedRecord>,
    /// The answer, if one came.
    pub response: Option<MessageRecord>,
    /// What a token in the answer says that is not believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<SignedRecord>,
    /// Why no answer came.
    pub error: Option<String>,
    /// From sending to the last byte.
    #[serde(rename = "ms", with = "millis")]
    pub elapsed: Duration,
}

/// Something that was signed of a request, masked: never the signature.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignedRecord {
    /// `string to sign`, `canonical request`, `DPoP proof`, `client_assertion` or `assertion`; `ID token` of an answer.
    pub what: String,
    /// Its text; of a token the members of the header, an empty line, and the claims, a line each.
    pub text: String,
}

impl SignedRecord {
    /// Tells whether it is a token, which says itself what was signed.
    pub fn is_token(&self) -> bool {
        !matches!(&*self.what, "string to sign" | "canonical request")
    }
}

/// A request or a response, masked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MessageRecord {
    /// `GET /me HTTP/1.1` or `HTTP/1.1 401 Unauthorized`.
    pub line: String,
    /// Fields in order, duplicates kept.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: BodyRecord,
}

/// A body as reports may show it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BodyRecord {
    /// How to read the text.
    pub kind: BodyKind,
    /// The masked text, at most [`BODY_KEPT`] bytes; empty for binary data.
    pub text: String,
    /// How long the body was, decoded.
    pub bytes: u64,
}

/// How many bytes of a body's text an event keeps.
pub const BODY_KEPT: usize = 64 * 1024;

/// How to read a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyKind {
    /// Nothing was there.
    Empty,
    /// JSON text.
    Json,
    /// HTML text.
    Html,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// Any other text.
    Text,
    /// No text.
    Binary,
}
