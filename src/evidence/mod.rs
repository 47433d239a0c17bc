//! What one exchange shows, as plain facts, taken before anything is masked.
//!
//! Facts are numbers, names and enums: how a credential looked, not what it was. The few sentences
//! among them, such as what the server said, went through the masks. The rules of `diagnose` read
//! facts and nothing else, so that every rule can be tested with an exchange made by hand.
//!
//! To add a fact: a field here or in [`Answer`], [`Sent`] or [`Token`], taken where its source is
//! read. To know one more sentence that servers say: a text in [`WORDS`] with a body in its test.

use jiff::Timestamp;

use crate::check::StatusSet;
use crate::http::{HttpError, Request, Response, Trail};
use crate::jose;
use crate::page::leads_in;
use crate::secret::{Odd, SecretSet, TextKind};
use crate::step::IdentityId;

mod answer;
mod cookies;
mod sent;
mod session;
#[cfg(test)]
pub(crate) mod testing;
mod token;
mod words;

pub use answer::{Answer, Page, Said};
pub use cookies::{Cookies, Kept, Withheld};
pub use sent::{Fault, Place, Sent, Word68};
pub use session::{Renewal, Session, Span};
pub use token::{Basic, Token};
pub(crate) use words::find as find_words;
pub use words::{WORDS, Word};

/// All that one step's exchange shows.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Why the step was sent.
    pub purpose: Purpose,
    /// Who sent it.
    pub sender: Sender,
    /// Which identity that is, if any.
    pub identity: Option<IdentityId>,
    /// Names method and address in the run's memory.
    pub request: u64,
    /// What status the step asked for.
    pub wanted: Wanted,
    /// Every request of the step, redirects included.
    pub legs: Vec<Leg>,
    /// The body of the last request holds a known secret, as that of a login does.
    pub secret_in_body: bool,
    /// The secrets of the sender and of the last request that are written oddly, by the names that stand for them.
    pub odd: Vec<(String, Odd)>,
    /// The credentials of the last request, cookies last.
    pub sent: Vec<Sent>,
    /// The scopes that the sender's login asked for and was not given.
    pub ungiven: Vec<String>,
    /// What the jar did.
    pub cookies: Cookies,
    /// The last answer.
    pub answer: Option<Answer>,
    /// How far the server's clock is ahead of this one, in seconds, if the answer tells.
    pub skew: Option<i64>,
    /// When the last request left, in seconds since 1970.
    pub at: i64,
    /// What `vary` changed in the talk that it belongs to, as `exchange.parameter`.
    pub changed: Vec<String>,
    /// The authorization request of that talk was pushed before (RFC 9126).
    pub pushed: bool,
    /// The connection showed a client certificate.
    pub certified: bool,
    /// Its scheme made the request, and says itself where the address stands.
    pub made: bool,
    /// What the run knew about the request when the case was decided.
    pub memory: Memory,
    /// The session that it was sent with.
    pub session: Session,
}

/// Why a step was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The step of a case, a setup or a teardown.
    Case,
    /// A login.
    Login,
    /// A refresh.
    Refresh,
    /// The check after a login that it is the right person.
    Whoami,
}

/// Who sent a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// Nobody was named.
    Nobody,
    /// Nobody, by name.
    Anonymous,
    /// An identity on its way in.
    Entering {
        /// Its name.
        name: String,
    },
    /// An identity with its session.
    Identity {
        /// Its name.
        name: String,
        /// The kind of its scheme.
        scheme: &'static str,
        /// Whether its session can be refreshed.
        refreshes: bool,
        /// The header fields that its scheme adds.
        fields: Vec<String>,
        /// Cookies that its login set and that were not taken, each with the reason.
        refused: Vec<Kept>,
    },
}

/// What status a step asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// In words: `below 400`, `401 or 403`.
    pub words: String,
    /// Only a refusal would do.
    pub refusal: bool,
    /// The status that came is among those asked for.
    pub met: bool,
    /// It is, and yet the run holds it for no proof.
    pub doubted: bool,
    /// The same was refused before somebody else was allowed it.
    pub refused_before: bool,
}

/// One request of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// The method.
    pub method: String,
    /// Scheme, host and port.
    pub base: String,
    /// Whether it went over TLS.
    pub tls: bool,
    /// The host alone.
    pub host: String,
    /// The path, masked, without its query.
    pub path: String,
    /// The credential fields that it carried, in lower case.
    pub carried: Vec<String>,
    /// The names of its header fields, in lower case.
    pub fields: Vec<String>,
    /// The media type of its body, if it has one.
    pub media: Option<String>,
    /// Its path looks like that of a login or a token endpoint.
    pub enters: bool,
    /// How its form says who the client is.
    pub client: InForm,
    /// Its form asks for a token: programs do, no pages are shown.
    pub grants: bool,
    /// Its form asks what a token is worth, or to end it.
    pub asks: bool,
    /// When that token ends, if it says so itself.
    pub asked_end: Option<i64>,
    /// The answer gives a nonce for a proof.
    pub gives_nonce: bool,
    /// The bytes of its header fields.
    pub head: usize,
    /// The answer's status.
    pub status: Option<u16>,
    /// Why no answer came.
    pub error: Option<HttpError>,
}

/// What the run knew about a request and its sender.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Other identities that were allowed the same request.
    pub others: Vec<String>,
    /// The request was allowed to somebody without a credential.
    pub public: bool,
    /// The request was refused to somebody without a credential.
    pub guarded: bool,
    /// How many other requests this identity was allowed that nobody else gets.
    pub elsewhere: usize,
    /// This identity was allowed the same request at another time.
    pub itself: bool,
    /// How often the same request was refused in this run.
    pub refusals: usize,
    /// The request of an earlier step of the same case by which the same caller logged out, or had a token revoked.
    pub left: Option<String>,
    /// The case and the step that ended the identity's session.
    pub ender: Option<(String, String)>,
}

/// What [`observe`] needs beside the exchange.
#[derive(Debug)]
pub struct Observer<'a> {
    /// Masks whatever may be kept as text.
    pub secrets: &'a SecretSet,
    /// Why the step was sent.
    pub purpose: Purpose,
    /// Who sent it.
    pub sender: Sender,
    /// Which identity that is.
    pub identity: Option<IdentityId>,
    /// What status it asked for; below 400 when it did not say.
    pub wanted: Option<&'a StatusSet>,
    /// Names the request in the run's memory.
    pub request: u64,
}

/// What a refusal says in words.
pub fn words_of(request: &Request, response: &Response, secrets: &SecretSet) -> Vec<Word> {
    answer::read(request, response, secrets).words
}

/// Takes down what an exchange shows. Cheap enough for every step that did not hold.
pub fn observe(observer: Observer<'_>, trail: &Trail) -> Facts {
    let Observer { secrets, purpose, sender, identity, wanted, request } = observer;
    let promised = match &sender {
        Sender::Identity { fields, .. } => fields.clone(),
        Sender::Nobody | Sender::Anonymous | Sender::Entering { .. } => Vec::new(),
    };
    let last = trail.hops.last();
    let response = last.and_then(|hop| hop.response.as_ref().ok());
    let status = response.map(|r| r.status);
    let below_400 = StatusSet::below_400();
    let set = wanted.unwrap_or(&below_400);
    Facts {
        purpose,
        sender,
        identity,
        request,
        wanted: Wanted {
            words: set.describe(),
            refusal: set.means_refusal(),
            met: status.is_some_and(|s| set.matches(s)),
            doubted: false,
            refused_before: false,
        },
        legs: trail.hops.iter().map(|hop| leg(hop, &promised, secrets)).collect(),
        sent: last.map(|hop| sent::all(&hop.request, &promised, secrets)).unwrap_or_default(),
        secret_in_body: last.is_some_and(|hop| *secrets.mask_bytes(&hop.request.body) != hop.request.body[..]),
        odd: last.map(|hop| oddities(&hop.request, secrets)).unwrap_or_default(),
        ungiven: Vec::new(),
        cookies: cookies::read(&trail.jar),
        answer: last.zip(response).map(|(hop, r)| answer::read(&hop.request, r, secrets)),
        skew: last.zip(response).and_then(|(hop, r)| {
            let middle = hop.started.as_millisecond() + i64::try_from(hop.elapsed.as_millis()).unwrap_or(0) / 2;
            r.date().map(|date| date.as_second() - middle.div_euclid(1000))
        }),
        at: last.map_or_else(Timestamp::now, |hop| hop.started).as_second(),
        changed: Vec::new(),
        pushed: false,
        certified: false,
        made: false,
        memory: Memory::default(),
        session: Session::default(),
    }
}

/// The secrets that a request carries and that are written oddly.
fn oddities(request: &Request, secrets: &SecretSet) -> Vec<(String, Odd)> {
    let mut text = request.address.target().as_bytes().to_vec();
    for (_, value) in request.headers.iter() {
        text.push(b'\n');
        text.extend_from_slice(value);
    }
    text.push(b'\n');
    text.extend_from_slice(&request.body);
    secrets.oddities(&text).into_iter().map(|(name, odd)| (name.as_str().to_owned(), odd)).collect()
}

/// What of a client its form has (RFC 6749, section 2.3.1; RFC 7521, section 4).
fn in_form(request: &crate::http::Request) -> InForm {
    let names: Vec<_> = url::form_urlencoded::parse(&request.body).take(64).map(|(name, _)| name).collect();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    if has("client_assertion") {
        InForm::Assertion
    } else if has("client_secret") {
        InForm::Secret
    } else if has("assertion") {
        InForm::Grant
    } else {
        InForm::NoProof
    }
}

fn leg(hop: &crate::http::Exchange, promised: &[String], secrets: &SecretSet) -> Leg {
    let request = &hop.request;
    let url = request.address.url();
    let fields: Vec<String> = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let path = secrets.mask_text(TextKind::Url, request.address.path());
    let media = request.headers.text("content-type").filter(|_| !request.body.is_empty());
    let asked = asked_about(request);
    Leg {
        method: request.method.clone(),
        base: request.address.base().to_owned(),
        tls: url.scheme() == "https",
        host: url.host_str().unwrap_or_default().to_owned(),
        path,
        carried: sent::fields(request, promised),
        fields,
        enters: leads_in(request.address.path()) || request.address.path().to_ascii_lowercase().contains("token"),
        client: in_form(request),
        grants: url::form_urlencoded::parse(&request.body).take(64).any(|(name, _)| name == "grant_type"),
        asks: asked.is_some(),
        asked_end: asked.as_deref().and_then(jose::expiry),
        media: media.map(|m| m.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()),
        gives_nonce: hop.response.as_ref().is_ok_and(|response| response.headers.has("dpop-nonce")),
        head: request.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum(),
        status: hop.response.as_ref().ok().map(|r| r.status),
        error: hop.response.as_ref().err().cloned(),
    }
}

/// The token that a form asks about (RFC 7662, section 2.1; RFC 7009, section 2.1).
fn asked_about(request: &Request) -> Option<String> {
    let form: Vec<_> = url::form_urlencoded::parse(&request.body).take(64).collect();
    let is_other = !request.is_form() || form.iter().any(|(name, _)| name == "grant_type");
    form.into_iter().find(|(name, _)| name == "token").filter(|_| !is_other).map(|(_, token)| token.into_owned())
}

/// How a form says who a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InForm {
    /// By what it signed.
    Assertion,
    /// By its secret.
    Secret,
    /// By what it signed as its grant (RFC 7523, section 2.1).
    Grant,
    /// At most by its name.
    NoProof,
}

impl Facts {
    /// Gives the last request.
    pub fn leg(&self) -> Option<&Leg> {
        self.legs.last()
    }

    /// Gives the answer when it is not what the step asked for, or proves nothing.
    pub fn surprise(&self) -> Option<&Answer> {
        self.answer.as_ref().filter(|_| !self.wanted.met || self.wanted.doubted)
    }

    /// Gives an answer of 401 or 403 that should not have come like this.
    pub fn denied(&self) -> Option<&Answer> {
        self.surprise().filter(|a| matches!(a.status, 401 | 403))
    }

    /// Gives the identity's name, if one sent the step with its credential.
    pub fn name(&self) -> Option<&str> {
        match &self.sender {
            Sender::Identity { name, .. } => Some(name),
            Sender::Nobody | Sender::Anonymous | Sender::Entering { .. } => None,
        }
    }

    /// Gives the credentials that are no cookies.
    pub fn keys(&self) -> impl Iterator<Item = &Sent> {
        self.sent.iter().filter(|s| !matches!(s.place, Place::Cookie(_)))
    }

    /// Gives the token that was sent, if one can be read; a proof beside it (RFC 9449) is none.
    pub fn token(&self) -> Option<(&Sent, &Token)> {
        let is_proof = |place: &Place| matches!(place, Place::Header(name) if name == "dpop");
        self.sent.iter().filter(|s| !is_proof(&s.place)).find_map(|s| Some((s, s.token.as_ref()?)))
    }

    /// The time by the server's clock, or by this one when the server does not tell.
    pub fn server_time(&self) -> i64 {
        self.at + self.skew.unwrap_or(0)
    }

    /// Tells whether the answers led over another origin.
    pub fn crossed(&self) -> bool {
        self.legs.windows(2).any(|pair| pair[0].base != pair[1].base)
    }
}
