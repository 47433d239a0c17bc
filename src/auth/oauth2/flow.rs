//! A login or a refresh as a state machine: what was heard decides what is done next.

use std::sync::Arc;

use super::Config;
use super::bind;
use super::code::Authorization;
use super::device::Device;
use super::exchange;
use super::leave::Leave;
use super::metadata::{Endpoint, Metadata};
use super::post::{Post, render};
use super::read::Grant;
use super::refused::{Asked, by_endpoint};
use super::spent::{End, Spent};
use super::token::{self, Parts};
use crate::auth::{Bound, Credential, Ctx, Exchange, Flow, Heard, Move, Refused};
use crate::http::{Address, Headers, Request, Response};

/// A login or a refresh on its way.
pub(super) struct Run {
    pub(super) config: Arc<Config>,
    pub(super) aim: Aim,
    pub(super) stage: Stage,
    pub(super) metadata: Metadata,
    /// The authorization that was asked for.
    pub(super) authorization: Option<Authorization>,
    /// The device that waits for somebody to agree.
    device: Option<Device>,
    /// What was sent and may be used once.
    spent: Spent,
    /// The key that the tokens are bound to, if they are.
    pub(super) bound: Option<Arc<Bound>>,
    /// The refresh token that was sent.
    redeemed: Option<String>,
}

pub(super) enum Aim {
    Login,
    /// The refresh token, and the parts that stay unless they are renewed.
    Refresh(String, Parts),
    /// What is left to do.
    Leave(Leave),
}

/// What an answer is awaited for.
pub(super) enum Stage {
    Start,
    /// The metadata, and where else they may be.
    Metadata(Address, Vec<Address>),
    /// The answer to a request.
    Sent(Post),
    /// The time for sending a request again.
    Resting(Post),
    /// The browser's way back.
    Pages(Authorization),
    /// The end of the pages on which somebody agrees to a device.
    Approval,
    /// The end of the pages on which somebody logs out.
    Leaving,
    /// The server's keys, for the ID token among these parts.
    Keys(Parts),
    /// The same, asked for anew: the token names a key that was not among those that were known.
    NewKeys(Parts),
    Over,
}

impl Run {
    pub(super) fn login(config: Arc<Config>) -> Self {
        Self::start(config, Aim::Login)
    }

    pub(super) fn refresh(config: Arc<Config>, token: String, before: &Credential) -> Self {
        // The tokens of a session stay bound to its key.
        Self { bound: before.bound.clone(), ..Self::start(config, Aim::Refresh(token, before.parts.clone())) }
    }

    pub(super) fn leave(config: Arc<Config>, leave: Leave) -> Self {
        Self::start(config, Aim::Leave(leave))
    }

    fn start(config: Arc<Config>, aim: Aim) -> Self {
        Self {
            config,
            aim,
            stage: Stage::Start,
            metadata: Metadata::default(),
            authorization: None,
            device: None,
            spent: Spent::default(),
            bound: None,
            redeemed: None,
        }
    }

    fn advance(&mut self, heard: Heard, cx: &Ctx<'_>) -> Result<Move, Refused> {
        match (std::mem::replace(&mut self.stage, Stage::Over), heard) {
            (Stage::Start, Heard::Start) => {
                self.config.client.check(cx)?;
                self.metadata = Metadata::configured(&self.config, cx)?;
                self.bind(cx)?;
                self.look_up(cx)
            }
            (Stage::Metadata(from, others), Heard::Answer(answer)) => self.looked_up(&answer, &from, others, cx),
            (Stage::Sent(post), Heard::Answer(answer)) => self.answered(post, &answer, cx),
            (Stage::Resting(post), Heard::Waited) => self.send(post, cx),
            (Stage::Pages(authorization), Heard::Landed(address)) => self.landed(authorization, &address, cx),
            (Stage::Approval, Heard::Steps(_)) => self.poll(cx),
            (Stage::Keys(parts), Heard::Answer(answer)) => self.known_keys(parts, &answer, cx),
            (Stage::NewKeys(parts), Heard::Answer(answer)) => self.new_keys(parts, &answer, cx),
            (Stage::Leaving, Heard::Steps(_)) => self.leave_pages(cx),
            (Stage::Leaving, Heard::Landed(address)) => {
                if let Aim::Leave(leave) = &self.aim {
                    leave.landed(&address)?;
                }
                self.leave_pages(cx)
            }
            _ => Err(Refused::unasked()),
        }
    }

    /// Asks for the metadata, unless the scheme itself names all that is needed.
    fn look_up(&mut self, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let known = self.needed().iter().all(|e| self.metadata.names(*e));
        let mut places = if known { Vec::new() } else { self.metadata.places(cx)? };
        if places.is_empty() {
            return self.begin(cx);
        }
        let first = places.remove(0);
        Ok(self.ask(first, places))
    }

    /// The endpoints that there have to be.
    fn needed(&self) -> &'static [Endpoint] {
        match &self.aim {
            Aim::Login => self.config.grant.endpoints(),
            Aim::Refresh(..) => &[Endpoint::Token],
            Aim::Leave(leave) => leave.endpoints(),
        }
    }

    fn ask(&mut self, place: Address, others: Vec<Address>) -> Move {
        self.stage = Stage::Metadata(place.clone(), others);
        Move::Send(common("discovery", place))
    }

    fn looked_up(
        &mut self,
        answer: &Response,
        from: &Address,
        mut others: Vec<Address>,
        cx: &Ctx<'_>,
    ) -> Result<Move, Refused> {
        if answer.status == 200 {
            self.metadata.learn(answer, from)?;
            // One that is missing is told before somebody logs in for nothing.
            for endpoint in self.needed() {
                self.metadata.endpoint(*endpoint, cx)?;
            }
            return self.begin(cx);
        }
        if answer.status == 429 {
            let message = format!("its metadata at {from} are asked for too often");
            return Err(Refused {
                message,
                help: vec!["a 429 says nothing about `issuer`: run again later".to_owned()],
            });
        }
        if !others.is_empty() && answer.status < 500 {
            let next = others.remove(0);
            return Ok(self.ask(next, others));
        }
        let message = format!("the server has no metadata: {from} answered {}", answer.status);
        let help =
            "check `issuer`; a server without metadata needs `token_url` and what else the grant uses".to_owned();
        Err(Refused { message, help: vec![help] })
    }

    /// Does what the grant begins with.
    fn begin(&mut self, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let post = match &mut self.aim {
            Aim::Login => return self.log_in(cx),
            Aim::Refresh(token, _) => {
                let token = cx.newest_of(token);
                self.redeemed = Some(token.clone());
                let post = Post::new("refresh", Endpoint::Token).with("grant_type", "refresh_token");
                post.with("refresh_token", token).aimed(&self.config, cx)?
            }
            Aim::Leave(leave) => match leave.revocation() {
                Some(post) => post,
                None => return self.leave_pages(cx),
            },
        };
        self.send(post, cx)
    }

    /// Goes to the server's page where somebody logs out, unless that is done or not wanted.
    fn leave_pages(&mut self, cx: &Ctx<'_>) -> Result<Move, Refused> {
        match &mut self.aim {
            Aim::Leave(leave) if leave.end => {
                let script = leave.pages(&self.config, &self.metadata, cx)?;
                self.stage = Stage::Leaving;
                Ok(Move::Pages(script))
            }
            Aim::Login | Aim::Refresh(..) | Aim::Leave(_) => Ok(Move::Ready(Credential::default())),
        }
    }

    fn log_in(&mut self, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let post = Post::new("token", Endpoint::Token).with("grant_type", self.config.grant.registered());
        let post = match self.config.grant {
            Grant::AuthorizationCode => return self.authorize(cx),
            Grant::ClientCredentials => post,
            Grant::DeviceCode => {
                let post = Post::new("device", Endpoint::Device).asking(&self.config, cx)?;
                return self.send(post, cx);
            }
            Grant::Password => {
                let field = |name: &str| {
                    let identity = cx.scope.get("identity");
                    let value = identity.and_then(|i| i.get_attr(name).ok());
                    value.as_ref().and_then(|v| v.as_str()).unwrap_or_default().to_owned()
                };
                post.with("username", field("username")).with("password", field("password"))
            }
            Grant::JwtBearer => {
                let client = &self.config.client;
                let subject = self.config.subject.as_ref().map_or_else(|| client.id(cx), |s| render(s, cx))?;
                let assertion = client.assertion(&subject, &self.metadata, cx)?;
                self.spent.keep("assertion", &assertion, End::Own, cx.now);
                post.with("assertion", assertion)
            }
            Grant::RefreshToken => {
                let token = self.config.refresh_token.as_ref().map(|t| render(t, cx)).transpose()?;
                let token = cx.newest_of(&token.unwrap_or_default());
                self.redeemed = Some(token.clone());
                post.with("refresh_token", token)
            }
            Grant::TokenExchange => match &self.config.trade {
                Some(trade) => trade.ask(post, cx)?,
                None => return Err(Refused::unasked()),
            },
        };
        self.send(post.asking(&self.config, cx)?, cx)
    }

    /// Sends the browser to the authorization endpoint, or first the request itself (RFC 9126).
    fn authorize(&mut self, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let jkt = self.bound.as_ref().map(|bound| bound.thumbprint().to_owned());
        let authorization = Authorization::new(&self.config, jkt, cx)?;
        let parameters = authorization.parameters(&self.config, cx)?;
        if self.config.par || self.metadata.says("require_pushed_authorization_requests") {
            self.authorization = Some(authorization);
            let mut post = Post::new("par", Endpoint::Par);
            post.parameters = parameters;
            return self.send(post, cx);
        }
        self.browse(authorization, &parameters, cx)
    }

    fn pushed(&mut self, answer: &Response, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let reference = said.get("request_uri").and_then(serde_json::Value::as_str);
        let (Some(reference), Some(authorization)) = (reference, self.authorization.take()) else {
            let message = "the answer to the pushed authorization request has no `request_uri`".to_owned();
            return Err(Refused { message, help: vec!["it has to have one (RFC 9126, section 2.2)".to_owned()] });
        };
        let lifetime = said.get("expires_in").and_then(serde_json::Value::as_i64);
        self.spent.keep("request_uri", reference, End::In(lifetime), cx.now);
        let parameters =
            [("client_id".to_owned(), self.config.client.id(cx)?), ("request_uri".to_owned(), reference.to_owned())];
        self.browse(Authorization { pushed: true, ..authorization }, &parameters, cx)
    }

    fn browse(
        &mut self,
        authorization: Authorization,
        parameters: &[(String, String)],
        cx: &Ctx<'_>,
    ) -> Result<Move, Refused> {
        let script = authorization.pages(parameters, &self.config, &self.metadata, cx)?;
        self.stage = Stage::Pages(authorization);
        Ok(Move::Pages(script))
    }

    fn landed(&mut self, authorization: Authorization, at: &Address, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let code = authorization.code(at, &self.metadata)?;
        self.spent.keep("code", &code, End::In(None), cx.now);
        let Authorization { verifier, state, nonce, .. } = &authorization;
        let with_it = [("code_verifier", Some(verifier)), ("state", Some(state)), ("nonce", nonce.as_ref())];
        for (name, value) in with_it.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            self.spent.keep(name, value, End::None, cx.now);
        }
        let post = authorization.exchange(&code).aimed(&self.config, cx)?;
        self.authorization = Some(authorization);
        self.send(post, cx)
    }

    /// Lets somebody agree to the device, as a browser of their own.
    fn approve(&mut self, answer: &Response, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let device = Device::read(answer, cx)?;
        let script = device.pages(&self.config, cx)?;
        self.spent.keep("device_code", &device.code, End::At(device.end), cx.now);
        self.spent.keep("user_code", &device.user_code, End::At(device.end), cx.now);
        self.device = Some(device);
        self.stage = Stage::Approval;
        Ok(Move::Pages(script))
    }

    /// Asks whether somebody agreed (RFC 8628, section 3.4).
    fn poll(&mut self, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let Some(device) = &self.device else { return Err(Refused::unasked()) };
        let post = Post::new("token", Endpoint::Token).with("grant_type", self.config.grant.registered());
        let post = post.with("device_code", device.code.as_str()).aimed(&self.config, cx)?;
        self.send(post, cx)
    }

    fn send(&mut self, post: Post, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let (mut exchange, assertion) = post.exchange(&self.config, &self.metadata, cx)?;
        if let Some(assertion) = assertion {
            self.spent.keep("client_assertion", &assertion, End::Own, cx.now);
        }
        if let Some(bound) = self.bound.clone().filter(|_| bind::is_proven(post.to)) {
            let proof = bind::prove(&bound, &mut exchange, cx)?;
            self.spent.keep("dpop_proof", &proof, End::In(None), cx.now);
            self.spent.keep("dpop_jkt", bound.thumbprint(), End::None, cx.now);
        }
        self.stage = Stage::Sent(post);
        Ok(Move::Send(Box::new(exchange)))
    }

    fn answered(&mut self, mut post: Post, answer: &Response, cx: &Ctx<'_>) -> Result<Move, Refused> {
        if self.asked_back(&post, answer, cx)? {
            // Made anew, for what proves the client may be used once, too.
            post.again = true;
            return self.send(post, cx);
        }
        post.again = false;
        if let Some(wait) = post.patience(answer, cx) {
            self.stage = Stage::Resting(post);
            return Ok(Move::Wait(wait, "the authorization server, which was asked too often"));
        }
        if let Some(wait) = self.device.as_mut().and_then(|device| device.patience(answer, cx)) {
            self.stage = Stage::Resting(post);
            return Ok(Move::Wait(wait, "the next question whether somebody agreed to the device"));
        }
        if !matches!(answer.status, 200 | 201) {
            let assertion = get(&self.spent.parts, "client_assertion");
            let asked = Asked { post: &post, assertion, config: &self.config, metadata: &self.metadata, now: cx.now };
            return Err(by_endpoint(&asked, answer));
        }
        match post.to {
            Endpoint::Par => self.pushed(answer, cx),
            Endpoint::Device => self.approve(answer, cx),
            Endpoint::Revoke => self.leave_pages(cx),
            Endpoint::Token => {
                let parts = token::read(answer, self.bound.is_some())?;
                if self.config.trade.is_some() && post.label == "token" {
                    exchange::check(&parts, &post)?;
                }
                self.identify(parts, cx)
            }
            Endpoint::Authorize | Endpoint::EndSession | Endpoint::Jwks => Err(Refused::unasked()),
        }
    }

    pub(super) fn ready(&mut self, parts: Parts, cx: &Ctx<'_>) -> Move {
        let Spent { parts: spent, ends } = std::mem::take(&mut self.spent);
        let parts = match std::mem::replace(&mut self.aim, Aim::Login) {
            Aim::Login | Aim::Leave(_) => token::renewed(parts, spent),
            Aim::Refresh(_, before) => token::renewed(token::renewed(parts, spent), before),
        };
        let ungiven = token::ungiven(&self.config, &parts, cx);
        let (bound, redeemed) = (self.bound.take(), self.redeemed.take());
        let mut credential = Credential { parts, ends, ungiven, redeemed, bound, ..Credential::default() };
        credential.set_expiry(cx.now);
        Move::Ready(credential)
    }
}

impl Flow for Run {
    fn next(&mut self, heard: Heard, cx: &Ctx<'_>) -> Move {
        self.advance(heard, cx).unwrap_or_else(Move::Refused)
    }
}

pub(super) fn get<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.iter().find(|(n, _)| &**n == name).and_then(|(_, v)| v.as_str())
}

/// Asks for what is the same for everybody.
pub(super) fn common(label: &'static str, address: Address) -> Box<Exchange> {
    let mut headers = Headers::default();
    headers.add("accept", "application/json");
    let request = Request { method: "GET".to_owned(), address, headers, body: bytes::Bytes::new() };
    Box::new(Exchange { common: true, ..Exchange::plain(label, request) })
}
