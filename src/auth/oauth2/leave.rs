//! Ending a session: revocation (RFC 7009), and the logout at the server's own page (OpenID Connect RP-Initiated Logout
//! 1.0).

use std::sync::Arc;

use super::metadata::{Endpoint, Metadata};
use super::post::{Post, address, extend, render};
use super::read::Grant;
use super::{Config, diags, random};
use crate::auth::{Agree, Browser, Ctx, Exchange, Opening, PageScript, ReadScheme, Refused};
use crate::http::Address;
use crate::page;
use crate::spec::Fields;
use crate::step::Submit;
use crate::template::Template;

/// The words of `logout`.
pub(super) const ENDINGS: &[&str] = &["revoke", "end_session"];

/// What `request: logout` does.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    /// Revokes the tokens, where the server has an endpoint for it.
    pub(super) revoke: bool,
    /// Goes to the server's page.
    pub(super) end: bool,
    /// Where that page is to send the browser in the end.
    pub(super) redirect: Option<Template>,
}

impl Leaving {
    /// Reads `logout` and `post_logout_redirect_uri`.
    pub(super) fn read(fields: Fields<'_>, grant: Grant, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Self> {
        let issuer = fields.get("issuer").is_some();
        let mut out = Self { revoke: issuer || fields.get(Endpoint::Revoke.key()).is_some(), ..Self::default() };
        if let Some(node) = fields.get("logout") {
            let words: Vec<(&str, &str)> = ENDINGS.iter().map(|word| (*word, *word)).collect();
            out.revoke = false;
            for item in cx.compile.reader.one_or_more(node) {
                let word = cx.compile.reader.one_of(item, "a way to end a session", &words)?;
                let endpoint = if word == "revoke" { Endpoint::Revoke } else { Endpoint::EndSession };
                if !issuer && fields.get(endpoint.key()).is_none() {
                    cx.compile.reader.fault(diags::no_ending(item.span, word, endpoint.key(), endpoint.title()));
                }
                if word == "end_session" && grant != Grant::AuthorizationCode {
                    cx.compile.reader.fault(diags::no_browser(item.span, grant.word()));
                }
                out.revoke |= endpoint == Endpoint::Revoke;
                out.end |= endpoint == Endpoint::EndSession;
            }
        }
        for name in ["post_logout_redirect_uri", "end_session_url"] {
            if let Some(entry) = fields.entry(name).filter(|_| !out.end) {
                cx.compile.reader.fault(diags::no_end_session(entry.key_span, name));
            }
        }
        out.redirect = crate::auth::address(fields, "post_logout_redirect_uri", cx);
        Some(out)
    }

    /// The names of the exchanges.
    pub(super) fn labels(&self) -> Vec<&'static str> {
        let revoke = self.revoke.then_some("revoke");
        revoke.into_iter().chain(self.end.then_some(["end_session", "confirm"]).into_iter().flatten()).collect()
    }
}

/// What is left to do when a session ends.
#[derive(Debug, Default)]
pub(super) struct Leave {
    /// The kind of token that is to be revoked, and the token.
    pub(super) revoke: Option<(&'static str, String)>,
    /// Whether the browser goes to the server's page.
    pub(super) end: bool,
    /// The ID token of the session, which tells the server whose it is.
    pub(super) hint: Option<String>,
    /// What has to come back with the browser.
    pub(super) state: Option<String>,
}

impl Leave {
    /// The endpoints that are needed.
    pub(super) fn endpoints(&self) -> &'static [Endpoint] {
        match (&self.revoke, self.end) {
            (Some(_), true) => &[Endpoint::Revoke, Endpoint::EndSession],
            (Some(_), false) => &[Endpoint::Revoke],
            (None, true) => &[Endpoint::EndSession],
            (None, false) => &[],
        }
    }

    /// The request that revokes, if there is one to make.
    pub(super) fn revocation(&mut self) -> Option<Post> {
        let (kind, token) = self.revoke.take()?;
        Some(Post::new("revoke", Endpoint::Revoke).with("token", token).with("token_type_hint", kind))
    }

    /// The pages of the logout (section 2): whoever is asked whether they want to log out says yes.
    pub(super) fn pages(
        &mut self,
        config: &Config,
        metadata: &Metadata,
        cx: &Ctx<'_>,
    ) -> Result<Arc<PageScript>, Refused> {
        self.end = false;
        let mut to = metadata.endpoint(Endpoint::EndSession, cx)?;
        let mut parameters: Vec<(String, String)> = Vec::new();
        let mut say = |name: &str, value: String| parameters.push((name.to_owned(), value));
        self.hint.iter().for_each(|hint| say("id_token_hint", hint.clone()));
        say("client_id", config.client.id(cx)?);
        let mut until = None;
        if let Some(redirect) = &config.leaving.redirect {
            let back = address(&render(redirect, cx)?, "post_logout_redirect_uri", cx)?;
            say("post_logout_redirect_uri", back.to_string());
            say("state", random());
            until = Some(back);
        }
        extend(&mut parameters, "end_session", config, cx)?;
        self.state = parameters.iter().find(|(name, _)| name == "state").map(|(_, state)| state.clone());
        parameters.iter().for_each(|(name, value)| to.add_query(name, value));
        let request = page::open(to);
        let open = Opening::Request(Box::new(Exchange::plain("end_session", request)));
        let fill = Submit::untold(crate::source::Span::NONE);
        let (agree, browser) = (Agree::ToLeave, Browser::Own);
        Ok(Arc::new(PageScript { open, until, pages: None, fill, named: false, agree, browser, user_code: None }))
    }

    /// Looks whether the browser came back with what it was sent with (section 2).
    pub(super) fn landed(&self, at: &Address) -> Result<(), Refused> {
        let query = at.target().split_once('?').map_or("", |(_, query)| query);
        let said = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state");
        match (said, &self.state) {
            (_, None) => Ok(()),
            (Some((_, said)), Some(state)) if *said == **state => Ok(()),
            (_, Some(_)) => {
                let message = "the server sent the browser back without the `state` that it was given".to_owned();
                let help =
                    "it has to come back unchanged (OpenID Connect RP-Initiated Logout 1.0, section 2)".to_owned();
                Err(Refused { message, help: vec![help] })
            }
        }
    }
}
