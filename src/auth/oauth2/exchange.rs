//! Token exchange (RFC 8693): a token that somebody has for one that is meant for another use, or for whoever acts for
//! them.

use serde_json::Value;

use super::diags;
use super::post::{Post, render};
use super::token::Parts;
use crate::auth::{Ctx, ReadScheme, Refused};
use crate::spec::{Fields, Node};
use crate::template::Template;

/// The keys of the grant `token_exchange`.
pub(super) const EXCHANGE_KEYS: &[&str] =
    &["subject_token", "subject_token_type", "actor_token", "actor_token_type", "requested_token_type"];

/// The types of tokens by a short word (RFC 8693, section 3).
const TYPES: &[(&str, &str)] = &[
    ("access_token", ACCESS_TOKEN),
    ("id_token", "urn:ietf:params:oauth:token-type:id_token"),
    ("jwt", JWT),
    ("refresh_token", "urn:ietf:params:oauth:token-type:refresh_token"),
    ("saml1", "urn:ietf:params:oauth:token-type:saml1"),
    ("saml2", "urn:ietf:params:oauth:token-type:saml2"),
];

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What is exchanged for what.
#[derive(Debug)]
pub(super) struct Trade {
    subject: Token,
    actor: Option<Token>,
    requested: Option<Template>,
}

#[derive(Debug)]
struct Token {
    value: Template,
    /// Without one it is an access token.
    kind: Option<Template>,
}

impl Trade {
    /// Reads the keys of the grant.
    pub(super) fn read(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Self> {
        // A scheme by itself may leave it to those who use it.
        if fields.get("subject_token").is_some() || cx.identity.is_some() {
            cx.compile.reader.need(fields, node, "subject_token", "the grant `token_exchange`")?;
        }
        let kind = |name: &str, cx: &mut ReadScheme<'_, '_, '_>| match fields.get(name) {
            None => Some(None),
            Some(node) => kind(node, cx).map(Some),
        };
        let token = |name: &str, cx: &mut ReadScheme<'_, '_, '_>| {
            let type_key = format!("{name}_type");
            let value = match (fields.get(name), fields.entry(&type_key)) {
                (Some(node), _) => cx.compile.reader.template(node)?,
                (None, Some(entry)) => {
                    cx.compile.reader.fault(diags::type_of_nothing(entry.key_span, &type_key, name));
                    return None;
                }
                (None, None) => return Some(None),
            };
            Some(Some(Token { value, kind: kind(&type_key, cx)? }))
        };
        let (subject, actor) = (token("subject_token", cx), token("actor_token", cx));
        let requested = kind("requested_token_type", cx);
        Some(Self { subject: subject??, actor: actor?, requested: requested? })
    }

    /// Puts the parameters into the request (section 2.1).
    pub(super) fn ask(&self, mut post: Post, cx: &Ctx<'_>) -> Result<Post, Refused> {
        for (name, token) in [("subject_token", Some(&self.subject)), ("actor_token", self.actor.as_ref())] {
            let Some(token) = token else { continue };
            let kind = token.kind.as_ref().map_or_else(|| Ok(ACCESS_TOKEN.to_owned()), |kind| named(kind, cx))?;
            let value = render(&token.value, cx)?;
            if value.is_empty() {
                let help = "which session or field does it come from?".to_owned();
                return Err(Refused { message: format!("`{name}` is empty"), help: vec![help] });
            }
            post = post.with(name, value).with(&format!("{name}_type"), kind);
        }
        match &self.requested {
            Some(kind) => Ok(post.with("requested_token_type", named(kind, cx)?)),
            None => Ok(post),
        }
    }
}

/// Looks whether the answer is an exchange, and gives what was asked for (section 2.2.1).
pub(super) fn check(parts: &Parts, post: &Post) -> Result<(), Refused> {
    let part = |name: &str| parts.iter().find(|(n, _)| &**n == name).map(|(_, v)| v);
    let refuse = |message: String, help: &str| Err(Refused { message, help: vec![help.to_owned()] });
    let Some(issued) = part("issued_token_type").and_then(Value::as_str) else {
        return refuse(
            "the answer of the token endpoint has no `issued_token_type`".to_owned(),
            "an exchange says what kind of token came of it (RFC 8693, section 2.2.1); a server that does not know the grant may have answered another one",
        );
    };
    if post.value("subject_token") == part("access_token").and_then(Value::as_str) {
        return refuse(
            "the token that came out is the one that went in, so nothing was exchanged".to_owned(),
            "the server has to issue one of its own, for the `audience` or `resource` that it is meant for",
        );
    }
    let is_access = |kind: &str| [ACCESS_TOKEN, JWT].contains(&kind);
    let wanted = post.value("requested_token_type");
    match wanted {
        Some(wanted) if wanted == issued || is_access(wanted) && is_access(issued) => Ok(()),
        None if is_access(issued) => Ok(()),
        Some(wanted) => refuse(
            format!("the server issued a token of the type `{issued}`, and `{wanted}` was requested"),
            "it may do that only if it says so in its documents; leave `requested_token_type` out to take what it gives",
        ),
        None => refuse(
            format!("the server issued a token of the type `{issued}`, which opens no API"),
            "ask for `requested_token_type: access_token`",
        ),
    }
}

/// Reads the type of a token: one of the short words, or a URN.
fn kind(node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Template> {
    let template = cx.compile.reader.template(node)?;
    let known: Vec<&str> = TYPES.iter().map(|(word, _)| *word).collect();
    match template.as_literal() {
        Some(text) if !text.contains(':') && !known.contains(&&**text) => {
            cx.compile.reader.fault(diags::unknown_type(node.span, text, &known));
            None
        }
        _ => Some(template),
    }
}

/// The registered name of a type.
fn named(kind: &Template, cx: &Ctx<'_>) -> Result<String, Refused> {
    let text = render(kind, cx)?;
    Ok(TYPES.iter().find(|(word, _)| *word == text).map_or(text, |(_, urn)| (*urn).to_owned()))
}

#[cfg(test)]
impl Trade {
    /// A trade of given texts, each with its type.
    pub(super) fn of(
        subject: (&str, Option<&str>),
        actor: Option<(&str, Option<&str>)>,
        requested: Option<&str>,
    ) -> Self {
        let text = |text: &str| Template::literal(text, crate::source::Span::NONE);
        let token = |(value, kind): (&str, Option<&str>)| Token { value: text(value), kind: kind.map(text) };
        Self { subject: token(subject), actor: actor.map(token), requested: requested.map(text) }
    }
}
