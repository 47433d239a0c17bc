//! The redirect loop: every hop recorded, cookies from every hop kept, credentials never carried
//! to another origin (RFC 9110, section 15.4; Fetch, "HTTP-redirect fetch").

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Barrier;
use url::Origin;

use super::address::{Address, AddressError};
use super::error::HttpError;
use super::jar::{Jar, SendContext};
use super::landing::{End, Ends, Stray, is_same_place};
use super::message::{Awaited, Exchange, Request, Trail};
use super::transport::Transport;

/// The most hops that are followed.
pub const MAX_HOPS: usize = 20;

/// What redirects do.
#[derive(Debug, Clone)]
pub enum Follow {
    /// The redirect is the answer.
    No,
    /// Go where it points, up to [`MAX_HOPS`] times.
    Yes,
    /// The same, but stop before asking for this address.
    Until(Address),
    /// The same, but stop before asking for where the way of a login ends.
    Login(Box<Ends>),
}

impl Follow {
    /// Tells whether a redirect to an address, written so, is where to stop, after the way was at these origins.
    fn end(&self, address: &Address, location: &str, been: &[Origin]) -> End {
        match self {
            Self::No | Self::Yes => End::On,
            Self::Until(end) if is_same_place(end, address) => End::Reached,
            Self::Until(_) => End::On,
            Self::Login(ends) => ends.of(address, location.split_once('#').map_or("", |(_, fragment)| fragment), been),
        }
    }

    /// The same, and stop where the way of a login ends.
    pub fn within(self, ends: &Ends) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes | Self::Login(_) => Self::Login(Box::new(ends.clone())),
            Self::Until(end) => Self::Login(Box::new(Ends { until: Some(end), ..ends.clone() })),
        }
    }

    /// Where it should lead.
    fn until(&self) -> Option<&Address> {
        match self {
            Self::No | Self::Yes => None,
            Self::Until(end) => Some(end),
            Self::Login(ends) => ends.until.as_ref(),
        }
    }
}

/// Puts a credential on a request, hop by hop: only it knows which origins may see it.
pub trait Dress: Send {
    /// Adds fields, cookies or parameters; a returned sentence is noted in the trail. The error is one sentence, and the
    /// request is not sent.
    fn dress(&mut self, request: &mut Request, hop: usize) -> Result<Option<String>, String>;

    /// Hears each answer. What it gives is noted; [`Heard::Again`] has the request dressed and sent
    /// once more.
    fn heard(&mut self, _: &Exchange) -> Heard {
        Heard::Done(None)
    }

    /// Tells whether a request goes where the sender's own connections lead; others take those of nobody.
    fn is_at_home(&self, _: &Request) -> bool {
        true
    }

    /// Tells whether cookies of the jar may travel with a request.
    fn may_carry_cookies(&self, _: &Request) -> bool {
        true
    }
}

/// What an answer means to whoever dressed the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It stands.
    Done(Option<String>),
    /// It asked for something that the request did not have yet.
    Again(String),
    /// It stands, and the server has not proven what it says it has.
    Unproven(String),
}

/// How often a request is sent again for what its answers ask, before the answer stands.
const MOST_ASKED: usize = 2;

/// Adds nothing.
#[derive(Debug, Clone, Copy)]
pub struct Undressed;

impl Dress for Undressed {
    fn dress(&mut self, _: &mut Request, _: usize) -> Result<Option<String>, String> {
        Ok(None)
    }
}

/// One step's way over the wire.
pub struct Journey<'a> {
    /// Where requests are sent from.
    pub transport: &'a Transport,
    /// Where those are sent from that may not carry what belongs to the sender's connections.
    pub elsewhere: Option<&'a Transport>,
    /// The caller's jar.
    pub jar: &'a mut Jar,
    /// Cookies for the first request only, in place of the jar's of the same name.
    pub cookies: Vec<(String, String)>,
    /// What redirects do.
    pub follow: Follow,
    /// The time for all hops together.
    pub timeout: Duration,
    /// Where the first request waits, on a connection of its own, for those that leave with it.
    pub gate: Option<&'a Barrier>,
}

/// Fields that say nothing of anybody and may travel to another origin.
const HARMLESS: &[&str] = &["accept", "accept-language", "user-agent"];

impl Trail {
    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Done(note) => self.notes.extend(note),
            Heard::Unproven(why) => self.unproven = self.unproven.take().or(Some(why)),
            Heard::Again(_) => {}
        }
    }
}

impl Journey<'_> {
    /// Sends a request and, where asked, follows it.
    pub async fn go(mut self, mut request: Request, dress: &mut dyn Dress) -> Trail {
        let mut trail = Trail::default();
        if let Some(end) = self.follow.until() {
            trail.until = Some(Awaited { address: end.to_string(), reached: false });
        }
        let clock = Instant::now();
        let (mut hop, mut asked) = (0, 0);
        loop {
            let mut outgoing = request.clone();
            match dress.dress(&mut outgoing, hop) {
                Ok(note) => trail.notes.extend(note),
                // Without its credential it would be somebody else's.
                Err(why) => {
                    trail.error = Some(HttpError::BadRequest { why });
                    break;
                }
            }
            // A `Cookie` field written by hand is all that travels.
            if !request.headers.has("cookie") && dress.may_carry_cookies(&outgoing) {
                self.add_cookies(&mut outgoing, hop, &mut trail);
            }
            let left = self.timeout.saturating_sub(clock.elapsed());
            let at_home = dress.is_at_home(&outgoing);
            let exchange = self.send(outgoing, left, at_home).await;
            self.keep_cookies(&exchange, &mut trail);
            let heard = if exchange.response.is_ok() { dress.heard(&exchange) } else { Heard::Done(None) };
            if let (Heard::Again(why), true) = (&heard, asked < MOST_ASKED) {
                asked += 1;
                trail.notes.push(why.clone());
                trail.hops.push(exchange);
                continue;
            }
            trail.hear(heard);
            let next = self.next(&exchange, &request, &trail.hops, hop);
            trail.error = exchange.response.as_ref().err().cloned();
            trail.hops.push(exchange);
            match next {
                Next::Stop => break,
                Next::Reached => {
                    trail.until.as_mut().into_iter().for_each(|until| until.reached = true);
                    break;
                }
                Next::Strayed(stray) => {
                    trail.stray = Some(stray);
                    break;
                }
                Next::Fault(error) => {
                    trail.error = Some(error);
                    break;
                }
                Next::Go(following, notes) => {
                    trail.notes.extend(notes);
                    request = *following;
                    (hop, asked) = (hop + 1, 0);
                }
            }
        }
        trail
    }

    async fn send(&mut self, outgoing: Request, left: Duration, at_home: bool) -> Exchange {
        let transport = self.elsewhere.filter(|_| !at_home).unwrap_or(self.transport);
        let mut exchange = transport.send_at(outgoing, left, self.gate.take()).await;
        if let Err(HttpError::Timeout(_)) = exchange.response {
            // The user's own number, not what was left of it.
            exchange.response = Err(HttpError::Timeout(self.timeout));
        }
        exchange
    }

    /// Gives the first request as it would leave, without sending it. The error is one sentence.
    pub fn dressed(mut self, mut request: Request, dress: &mut dyn Dress) -> Result<Request, String> {
        let by_hand = request.headers.has("cookie");
        dress.dress(&mut request, 0)?;
        if !by_hand && dress.may_carry_cookies(&request) {
            self.add_cookies(&mut request, 0, &mut Trail::default());
        }
        Ok(request)
    }

    fn add_cookies(&mut self, request: &mut Request, hop: usize, trail: &mut Trail) {
        let mut selection = self.jar.cookies_for(request.address.url(), Timestamp::now(), SendContext::default());
        // The signer's cookies win over the jar's, and the step's own over both.
        let signed = request.headers.text("cookie").unwrap_or_default();
        let signed = signed.split("; ").filter_map(|pair| pair.split_once('='));
        signed.for_each(|(name, value)| selection.put(name, value.as_bytes()));
        if hop == 0 {
            for (name, value) in &self.cookies {
                selection.put(name, value.as_bytes());
            }
        }
        if let Some(header) = selection.header() {
            request.headers.set("cookie", header);
        }
        trail.jar.requested(request.address.url(), selection);
    }

    fn keep_cookies(&mut self, exchange: &Exchange, trail: &mut Trail) {
        let Ok(response) = &exchange.response else { return };
        let from = exchange.request.address.url();
        for field in response.headers.all("set-cookie") {
            let stored = self.jar.store(field, from, Timestamp::now());
            trail.jar.received(from, stored);
        }
    }

    fn next(&self, exchange: &Exchange, request: &Request, before: &[Exchange], hop: usize) -> Next {
        let Ok(response) = &exchange.response else { return Next::Stop };
        let location = response.headers.all("location").next();
        let (true, Some(location)) = (is_redirect(response.status) && !matches!(self.follow, Follow::No), location)
        else {
            return Next::Stop;
        };
        let fault = |why: String| Next::Fault(HttpError::Redirects { why });
        let location = travelling(location);
        if location.is_empty() {
            return Next::Stop;
        }
        let address = request.address.join(&location);
        let been: Vec<Origin> =
            before.iter().map(|hop| &hop.request).chain([request]).map(|r| r.address.origin()).collect();
        match address.as_ref().map(|address| self.follow.end(address, &location, &been)) {
            Ok(End::Reached) => return Next::Reached,
            Ok(End::Strayed(stray)) => return Next::Strayed(stray),
            Ok(End::On) | Err(_) => {}
        }
        if hop == MAX_HOPS {
            return fault(format!("the redirects do not end within {MAX_HOPS} hops"));
        }
        let address = match address {
            Ok(address) => address,
            Err(error) => return fault(format!("the redirect cannot be followed: {}", unfit(&error))),
        };
        follow(request, response.status, address)
            .map_or_else(fault, |(request, notes)| Next::Go(Box::new(request), notes))
    }
}

/// A `Location` as browsers send it on: bytes that cannot travel are percent-encoded.
fn travelling(location: &[u8]) -> String {
    let mut out = String::with_capacity(location.len());
    for byte in location.trim_ascii() {
        if byte.is_ascii_graphic() {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What is wrong with a `Location`, without its text.
const fn unfit(error: &AddressError) -> &'static str {
    match error {
        AddressError::Scheme => "`Location` is not an `http` or `https` address",
        AddressError::Authority => "the host or port in `Location` cannot be read",
        AddressError::UserInfo => "`Location` holds a user or password",
        AddressError::Character => "`Location` holds a character that cannot be sent",
    }
}

enum Next {
    Stop,
    /// It points to where the way should end.
    Reached,
    /// It points to where it must not lead.
    Strayed(Stray),
    Fault(HttpError),
    Go(Box<Request>, Vec<String>),
}

/// Tells whether a status is a redirect that can be followed.
pub const fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// The next request, and remarks on what a reader would not expect.
fn follow(request: &Request, status: u16, address: Address) -> Result<(Request, Vec<String>), String> {
    let mut next = Request { address, ..request.clone() };
    let to_get = match status {
        303 => request.method != "HEAD",
        // Browsers turn only POST into GET here, and servers rely on it.
        301 | 302 => request.method == "POST",
        _ => false,
    };
    if to_get {
        "GET".clone_into(&mut next.method);
        next.body = bytes::Bytes::new();
        next.headers.retain(|n| !n.to_ascii_lowercase().starts_with("content-"));
    }
    if next.address.origin() == request.address.origin() {
        return Ok((next, Vec::new()));
    }
    let to = next.address.base();
    if !next.body.is_empty() {
        return Err(format!(
            "the server redirects to {to} and asks for the body again; it is not sent to another origin"
        ));
    }
    let mut notes = Vec::new();
    if request.address.url().scheme() == "https" && next.address.url().scheme() == "http" {
        notes.push(format!("the redirect to {to} leaves TLS"));
    }
    let before = next.headers.clone();
    next.headers.retain(|n| HARMLESS.iter().any(|h| n.eq_ignore_ascii_case(h)));
    let left: Vec<&str> = before.iter().map(|(n, _)| n).filter(|n| !next.headers.has(n)).collect();
    if !left.is_empty() {
        notes.push(format!("on the way to {to} these fields stayed behind: {}", left.join(", ")));
    }
    Ok((next, notes))
}
