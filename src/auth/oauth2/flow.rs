//! A login or a refresh as a state machine: what was heard decides what is done next.

use std::sync::Arc;

use super::Config;
use super::metadata::{Endpoint, Metadata};
use super::post::{Post, render};
use super::read::Grant;
use super::refused::{Asked, by_endpoint};
use super::token::{self, Parts};
use crate::auth::{Credential, Ctx, Exchange, Flow, Heard, Move, Refused};
use crate::http::{Address, Headers, Request, Response};

/// A login or a refresh on its way.
pub(super) struct Run {
    config: Arc<Config>,
    aim: Aim,
    stage: Stage,
    metadata: Metadata,
    /// What was sent and may be used once, as parts of the session.
    spent: Parts,
}

enum Aim {
    Login,
    /// The refresh token, and the parts that stay unless they are renewed.
    Refresh(String, Parts),
}

/// What an answer is awaited for.
enum Stage {
    Start,
    /// The metadata, and where else they may be.
    Metadata(Address, Vec<Address>),
    /// The answer to a request.
    Sent(Post),
    /// The time for sending a request again.
    Resting(Post),
    Over,
}

impl Run {
    pub(super) fn login(config: Arc<Config>) -> Self {
        Self::start(config, Aim::Login)
    }

    pub(super) fn refresh(config: Arc<Config>, token: String, before: Parts) -> Self {
        Self::start(config, Aim::Refresh(token, before))
    }

    fn start(config: Arc<Config>, aim: Aim) -> Self {
        Self { config, aim, stage: Stage::Start, metadata: Metadata::default(), spent: Vec::new() }
    }

    fn advance(&mut self, heard: Heard, cx: &Ctx<'_>) -> Result<Move, Refused> {
        match (std::mem::replace(&mut self.stage, Stage::Over), heard) {
            (Stage::Start, Heard::Start) => {
                self.metadata = Metadata::configured(&self.config, cx)?;
                self.look_up(cx)
            }
            (Stage::Metadata(from, others), Heard::Answer(answer)) => self.looked_up(&answer, &from, others, cx),
            (Stage::Sent(post), Heard::Answer(answer)) => self.answered(post, &answer, cx),
            (Stage::Resting(post), Heard::Waited) => self.send(post, cx),
            _ => Err(Refused::unasked()),
        }
    }

    /// Asks for the metadata, unless the scheme itself names all that is needed.
    fn look_up(&mut self, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let known = self.config.grant.endpoints().iter().all(|e| self.metadata.names(*e));
        let mut places = if known { Vec::new() } else { self.metadata.places(cx)? };
        if places.is_empty() {
            return self.begin(cx);
        }
        let first = places.remove(0);
        Ok(self.ask(first, places))
    }

    fn ask(&mut self, place: Address, others: Vec<Address>) -> Move {
        let mut headers = Headers::default();
        headers.add("accept", "application/json");
        let address = place.clone();
        self.stage = Stage::Metadata(place, others);
        let request = Request { method: "GET".to_owned(), address, headers, body: bytes::Bytes::new() };
        Move::Send(Box::new(Exchange { label: "discovery", request, common: true }))
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
            return self.begin(cx);
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
        if let Aim::Refresh(token, _) = &self.aim {
            let post = Post::new("refresh", Endpoint::Token).with("grant_type", "refresh_token");
            let post = post.with("refresh_token", token.as_str());
            return self.send(post, cx);
        }
        let post = Post::new("token", Endpoint::Token).with("grant_type", self.config.grant.registered());
        let post = match self.config.grant {
            Grant::ClientCredentials => post,
            Grant::Password => {
                let field = |name: &str| {
                    let identity = cx.scope.get("identity");
                    let value = identity.and_then(|i| i.get_attr(name).ok());
                    value.as_ref().and_then(|v| v.as_str()).unwrap_or_default().to_owned()
                };
                post.with("username", field("username")).with("password", field("password"))
            }
            Grant::RefreshToken => {
                let token = self.config.refresh_token.as_ref().map(|t| render(t, cx)).transpose()?;
                post.with("refresh_token", token.unwrap_or_default())
            }
        };
        self.send(post.asking(&self.config, cx)?, cx)
    }

    fn send(&mut self, post: Post, cx: &Ctx<'_>) -> Result<Move, Refused> {
        let (exchange, assertion) = post.exchange(&self.config, &self.metadata, cx)?;
        if let Some(assertion) = assertion {
            self.spend("client_assertion", &assertion);
        }
        self.stage = Stage::Sent(post);
        Ok(Move::Send(Box::new(exchange)))
    }

    fn spend(&mut self, name: &str, value: &str) {
        self.spent.retain(|(n, _)| &**n != name);
        self.spent.push((name.into(), value.into()));
    }

    fn answered(&mut self, mut post: Post, answer: &Response, cx: &Ctx<'_>) -> Result<Move, Refused> {
        if let Some(wait) = post.patience(answer) {
            self.stage = Stage::Resting(post);
            return Ok(Move::Wait(wait, "the authorization server, which was asked too often"));
        }
        if answer.status != 200 {
            let asked = Asked { post: &post, config: &self.config, metadata: &self.metadata };
            return Err(by_endpoint(&asked, answer));
        }
        let parts = token::read(answer)?;
        Ok(self.ready(parts, cx))
    }

    fn ready(&mut self, parts: Parts, cx: &Ctx<'_>) -> Move {
        let spent = std::mem::take(&mut self.spent);
        let parts = match std::mem::replace(&mut self.aim, Aim::Login) {
            Aim::Login => token::renewed(parts, spent),
            Aim::Refresh(_, before) => token::renewed(token::renewed(parts, spent), before),
        };
        let mut credential = Credential { parts, ..Credential::default() };
        credential.set_expiry(cx.now);
        Move::Ready(credential)
    }
}

impl Flow for Run {
    fn next(&mut self, heard: Heard, cx: &Ctx<'_>) -> Move {
        self.advance(heard, cx).unwrap_or_else(Move::Refused)
    }
}
