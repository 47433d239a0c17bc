//! Requests that carry the HMAC (RFC 2104) of a string made of themselves, as many APIs and all webhooks have it.
//!
//! No two of them agree on the string, so it is declared. What travels beside the signature (a time, a nonce) is
//! put on the request first, so that the string can cover it.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::hmac::{self as mac, Algorithm};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::fields::{FieldFault, is_broken};
use super::{
    Credential, Ctx, Flow, Heard, Memory, Move, ReadScheme, Refused, Scheme, SchemeKind, Seal, Signed, asks_for, diags,
    header_pairs, pairs, troubles, unsigned,
};
use crate::answer::headers_value;
use crate::http::Request;
use crate::mutate::{Bend, Unfit};
use crate::source::Span;
use crate::spec::{Data, Fields, Key, Node, Shape, key};
use crate::template::{Members, Origin, Scope, Template, TemplateError, Value, print};

mod presets;
#[cfg(test)]
mod tests;

use presets::{NAMES, PRESETS, Preset};

pub(super) const KIND: SchemeKind = SchemeKind {
    name: "hmac",
    about: "every request carries an HMAC of itself: of a string that is declared, or that a preset knows",
    keys: &[
        key(
            "string",
            "what is signed: a template over `request.method`, `path`, `query`, `target`, `host`, `url`, `body` and `headers`, `timestamp` and `nonce`",
        )
        .is(Shape::Text),
        key("send", "how it travels: `{ header | query: { name: value } }`, where `signature` is the HMAC as bytes")
            .is(Shape::Keys(PLACES)),
        key("algorithm", "`sha1`, `sha256`, `sha384` or `sha512`; `sha256` by default")
            .is(Shape::Words(&["sha1", "sha256", "sha384", "sha512"])).usually("`sha256`"),
        key("key_encoding", "how the field `key` is spelt: `text` (the default), `hex` or `base64`")
            .is(Shape::Words(&["text", "hex", "base64"])).usually("`text`"),
        key("timestamp", "how `timestamp` is spelt: `seconds` since 1970 (the default), `milliseconds`, `rfc3339` or `http-date`")
            .is(Shape::Words(&["seconds", "milliseconds", "rfc3339", "http-date"])).usually("`seconds`"),
        key("preset", "a known way of signing in place of all other keys: `github`, `slack` or `standard-webhooks`")
            .is(Shape::Words(NAMES)),
    ],
    needs: &["key"],
    logs_in: false,
    look,
    example: include_str!("../examples/hmac.yaml"),
    troubles: troubles::HMAC,
    read,
};

/// The keys of `send`.
const PLACES: &[Key] = &[
    key("header", "a map of a field to its value").is(Shape::FIELDS),
    key("query", "a map of a parameter to its value").is(Shape::FIELDS),
];

/// What of a request the string may cover.
const PARTS: &[&str] = &["method", "path", "query", "target", "host", "url", "body", "headers"];

/// The hashes by name.
const ALGORITHMS: &[(&str, &Algorithm)] = &[
    ("sha1", &mac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
    ("sha256", &mac::HMAC_SHA256),
    ("sha384", &mac::HMAC_SHA384),
    ("sha512", &mac::HMAC_SHA512),
];

#[derive(Debug)]
struct Hmac {
    algorithm: Algorithm,
    key: Spelling,
    stamp: Stamp,
    /// Where it is said how the key is spelt, or else the scheme.
    key_at: Span,
    string: Template,
    headers: Vec<(Arc<str>, Template)>,
    query: Vec<(Arc<str>, Template)>,
}

/// How a key is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// Its bytes are the key.
    Text,
    Hex,
    Base64,
    /// Base64 behind `whsec_`.
    Whsec,
}

/// How a moment is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stamp {
    Seconds,
    Milliseconds,
    Rfc3339,
    HttpDate,
}

fn read(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>> {
    if let Some(preset) = fields.get("preset") {
        return of_preset(fields, preset, cx);
    }
    let Some(string) = fields.get("string") else {
        cx.compile.reader.fault(diags::nothing_to_sign(node.span, NAMES));
        return None;
    };
    let place = string.span;
    let string = with_request(&[], cx, |cx| cx.compile.reader.template(string));
    if string.as_ref().is_some_and(|string| string.as_literal().is_some()) {
        cx.compile.reader.fault(diags::signs_the_same(place));
    }
    let send = cx.compile.reader.need(fields, node, "send", "the scheme `hmac`")?;
    let faults = cx.compile.reader.diags.len();
    let places = cx.compile.reader.fields(send, PLACES, "`send`")?;
    let (headers, query) = with_request(&["signature"], cx, |cx| {
        let headers = places.get("header").map_or_else(Vec::new, |n| header_pairs(n, cx));
        (headers, places.get("query").map_or_else(Vec::new, |n| pairs(n, cx)))
    });
    if cx.compile.reader.diags.len() > faults {
        return None;
    }
    if !headers.iter().chain(&query).any(|(_, value)| value.uses("signature")) {
        cx.compile.reader.fault(diags::nothing_signed(send.span));
        return None;
    }
    for (name, value) in headers.iter().chain(&query).filter(|(_, value)| is_raw(value)) {
        cx.compile.reader.fault(diags::raw_signature(value.span(), name));
    }
    let reader = &mut *cx.compile.reader;
    let stamps = [
        ("seconds", Stamp::Seconds),
        ("milliseconds", Stamp::Milliseconds),
        ("rfc3339", Stamp::Rfc3339),
        ("http-date", Stamp::HttpDate),
    ];
    let mut whole = Hmac {
        algorithm: mac::HMAC_SHA256,
        key: Spelling::Text,
        key_at: fields.get("key_encoding").unwrap_or(node).span,
        stamp: Stamp::Seconds,
        string: string?,
        headers,
        query,
    };
    if let Some(node) = fields.get("algorithm") {
        whole.algorithm = *reader.one_of(node, "a hash of an HMAC", ALGORITHMS)?;
    }
    if let Some(node) = fields.get("key_encoding") {
        whole.key = reader.one_of(node, "a spelling of a key", SPELLINGS)?;
    }
    if let Some(node) = fields.get("timestamp") {
        whole.stamp = reader.one_of(node, "a spelling of a moment", &stamps)?;
    }
    Some(Box::new(whole))
}

/// Tells whether a value has the signature in it as the bytes that it is.
fn is_raw(value: &Template) -> bool {
    let source = value.source();
    source == "signature" || source.contains("{{ signature }}")
}

fn of_preset(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>> {
    let rows: Vec<(&'static str, &Preset)> = PRESETS.iter().map(|p| (p.name, p)).collect();
    let preset = cx.compile.reader.one_of(node, "a preset", &rows)?;
    for key in KIND.keys.iter().filter(|k| k.name != "preset") {
        if let Some(entry) = fields.entry(key.name) {
            cx.compile.reader.fault(diags::preset_and(entry.key_span, key.name, node.span));
            return None;
        }
    }
    let compile = |text: &str, cx: &mut ReadScheme<'_, '_, '_>| {
        let reader = &mut *cx.compile.reader;
        Template::compile(&Arc::from(text), Origin { span: node.span, raw: "" }, &reader.names, reader.diags)
    };
    let string = with_request(&[], cx, |cx| compile(preset.string, cx))?;
    let headers: Option<Vec<_>> = with_request(&["signature"], cx, |cx| {
        preset.headers.iter().map(|(name, value)| Some((Arc::from(*name), compile(value, cx)?))).collect()
    });
    let (algorithm, stamp, query) = (mac::HMAC_SHA256, Stamp::Seconds, Vec::new());
    Some(Box::new(Hmac { algorithm, key: preset.key, key_at: node.span, stamp, string, headers: headers?, query }))
}

/// Puts what a signer knows into scope.
fn with_request<T>(
    more: &[&str],
    cx: &mut ReadScheme<'_, '_, '_>,
    run: impl FnOnce(&mut ReadScheme<'_, '_, '_>) -> T,
) -> T {
    let before = Arc::clone(&cx.compile.reader.names);
    let mut names = (*before).clone();
    names.object("request", Members::These(PARTS.iter().map(|p| (*p).to_owned()).collect()));
    ["timestamp", "nonce"].iter().chain(more).for_each(|name| names.add(name));
    cx.compile.reader.names = Arc::new(names);
    let out = run(cx);
    cx.compile.reader.names = before;
    out
}

/// The spellings of a key by name.
const SPELLINGS: &[(&str, Spelling)] =
    &[("text", Spelling::Text), ("hex", Spelling::Hex), ("base64", Spelling::Base64)];

/// Tells what is wrong with a key that is written out beside such a scheme, as far as its spelling goes, and with what
/// travels beside the signature.
fn look(scheme: Option<&Node>, name: &str, value: &str) -> Option<FieldFault> {
    if name == "key" && value.is_empty() {
        return Some(FieldFault::Empty);
    }
    let Data::Map(entries) = &scheme?.data else { return None };
    if name != "key" {
        let mut sent = entries.iter().filter(|e| &*e.key == "send");
        return sent.any(|e| is_broken(value) && asks_for(&e.value, name)).then_some(FieldFault::LineBreak);
    }
    let word = |name: &str| {
        let entry = entries.iter().find(|e| &*e.key == name)?;
        if let Data::Text(text) = &entry.value.data { Some(&**text) } else { None }
    };
    let spelling = match (word("preset"), word("key_encoding")) {
        (Some(preset), _) => PRESETS.iter().find(|p| p.name == preset)?.key,
        (None, Some(named)) => SPELLINGS.iter().find(|(name, _)| *name == named)?.1,
        (None, None) => Spelling::Text,
    };
    spelling.bytes(value).err().map(FieldFault::Misspelt)
}

/// A flow that looks at the key: one that cannot be read would spoil every request.
struct Check(Spelling, Span);

impl Flow for Check {
    fn next(&mut self, _: Heard, cx: &Ctx<'_>) -> Move {
        let key = cx.scope.get("identity").and_then(|i| i.get_attr("key").ok()).and_then(|k| print(&k).ok());
        match self.0.bytes(&key.unwrap_or_default()) {
            Ok(_) => Move::Ready(Credential::default()),
            Err(message) => {
                let help = "`key_encoding` says how the key is spelt: `text`, `hex` or `base64`".to_owned();
                Move::Refused(Refused { message: message.to_owned(), help: vec![help] })
            }
        }
    }

    fn at(&self) -> Option<Span> {
        Some(self.1)
    }
}

impl Spelling {
    fn bytes(self, key: &str) -> Result<Vec<u8>, &'static str> {
        match self {
            Self::Text => Ok(key.as_bytes().to_vec()),
            Self::Hex => hex::decode(key).map_err(|_| "the field `key` is no hexadecimal"),
            Self::Base64 => STANDARD.decode(key).map_err(|_| "the field `key` is no Base64"),
            Self::Whsec => {
                let key = key.strip_prefix("whsec_").unwrap_or(key);
                STANDARD.decode(key).map_err(|_| "the field `key` is no Base64 behind `whsec_`")
            }
        }
    }
}

impl Stamp {
    fn spell(self, now: Timestamp) -> Value {
        match self {
            Self::Seconds => Value::from(now.as_second()),
            Self::Milliseconds => Value::from(now.as_millisecond()),
            Self::Rfc3339 => Value::from(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            Self::HttpDate => Value::from(now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()),
        }
    }
}

impl Hmac {
    /// Signs a request, with one thing other than it should be.
    fn signed(&self, seal: &Seal<'_>, bend: Bend, nonce: &str, request: &mut Request) -> Result<(), TemplateError> {
        let mut scope = Scope::above(&Arc::new(seal.scope.clone()));
        if let Some(own) = self.key_id().filter(|_| bend == Bend::KeyId) {
            scope.set("identity", nobody(seal.scope.get("identity"), &own));
        }
        scope.set("timestamp", self.stamp.spell(bend.time(seal.now)));
        scope.set("nonce", Value::from(nonce));
        scope.set("request", request_value(request));
        self.put(request, &scope, false)?;
        scope.set("request", request_value(request));
        let string = self.string.render(&scope)?;
        let key = if bend == Bend::Key { Ok(OTHER_KEY.to_vec()) } else { self.key.bytes(seal.field("key")) };
        let key = key.map_err(|why| TemplateError::new(why, self.key_at))?;
        let text = Signed::new(STRING, string.as_str());
        let signature = mac::sign(&mac::Key::new(self.algorithm, &key), string.as_bytes());
        scope.set("signature", Value::from_bytes(bend.signature(signature.as_ref().to_vec())));
        self.put(request, &scope, true)?;
        seal.memory.strings.keep(self.told_by(request), text);
        Ok(())
    }

    /// What tells one signed request from the others: where the signature stands.
    fn told_by(&self, request: &Request) -> String {
        let carriers = self.headers.iter().filter(|(_, value)| value.uses("signature"));
        let values = carriers.filter_map(|(name, _)| request.headers.text(name));
        let whole = std::iter::once(format!("{} {}", request.method, request.address.target())).chain(values);
        whole.collect::<Vec<_>>().join("\n")
    }

    /// Puts the fields and parameters on the request that have the signature in them, or those that have not. A
    /// field that the step wrote itself stays.
    fn put(&self, request: &mut Request, scope: &Scope, signed: bool) -> Result<(), TemplateError> {
        for (name, value) in self.headers.iter().filter(|(_, v)| v.uses("signature") == signed) {
            if !request.headers.has(name) {
                request.headers.set(&**name, value.render(scope)?);
            }
        }
        for (name, value) in self.query.iter().filter(|(_, v)| v.uses("signature") == signed) {
            request.address.add_query(name, &value.render(scope)?);
        }
        Ok(())
    }
}

/// A key that no server knows.
const OTHER_KEY: &[u8] = b"a key that no server knows, of 40 bytes.";

/// A key id that nobody has.
const NOBODY: &str = "authspec-nobody";

/// What is signed is called so.
const STRING: &str = "string to sign";

/// The names that the id of a key most often has, where several fields of an identity travel.
const IDS: &[&str] = &["key_id", "id", "account", "username", "name"];

impl Hmac {
    /// The field of the identity that says whose key it is: one that travels, as nothing else tells the server.
    fn key_id(&self) -> Option<Arc<str>> {
        let values: Vec<String> = self.headers.iter().chain(&self.query).map(|(_, value)| value.source()).collect();
        let sent: BTreeSet<&str> =
            values.iter().flat_map(|text| fields_of(text)).filter(|name| *name != "key").collect();
        let usual = IDS.iter().copied().find(|id| sent.contains(id));
        let only = sent.first().copied().filter(|_| sent.len() == 1);
        only.or(usual).map(Arc::from)
    }
}

/// The fields of the identity that a template names.
fn fields_of(template: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    template.split("identity.").skip(1).map(move |rest| rest.split(|c| !is_part(c)).next().unwrap_or_default())
}

/// The sender as they are, under a key id that nobody has.
fn nobody(sender: Option<&Value>, own: &str) -> Value {
    let names = sender.and_then(|sender| Some((sender, sender.try_iter().ok()?))).into_iter();
    Value::from_pairs(names.flat_map(|(sender, names)| {
        names.map(|name| {
            let value = if name.as_str() == Some(own) { Ok(NOBODY.into()) } else { sender.get_item(&name) };
            (name, value.unwrap_or_default())
        })
    }))
}

/// The request as the string sees it.
fn request_value(request: &Request) -> Value {
    let address = &request.address;
    let body = match std::str::from_utf8(&request.body) {
        Ok(text) => Value::from(text),
        Err(_) => Value::from_bytes(request.body.to_vec()),
    };
    let text = |text: &str| Value::from(text);
    Value::from_pairs([
        ("method", text(&request.method)),
        ("path", text(address.path())),
        ("query", text(address.query())),
        ("target", text(address.target())),
        ("host", text(&request.headers.text("host").unwrap_or_else(|| address.host()))),
        ("url", text(&address.to_string())),
        ("body", body),
        ("headers", headers_value(&request.headers)),
    ])
}

impl Scheme for Hmac {
    fn begin(&self) -> Box<dyn Flow> {
        Box::new(Check(self.key, self.key_at))
    }

    fn field_at(&self, name: &str) -> Option<Span> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.span())
    }

    fn sign(&self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError> {
        self.signed(seal, Bend::Nothing, &uuid::Uuid::new_v4().simple().to_string(), request)
    }

    fn signed(&self, memory: &Memory, request: &Request) -> Vec<Signed> {
        memory.strings.of(&self.told_by(request)).into_iter().collect()
    }

    fn bend(&self, seal: &Seal<'_>, bend: Bend, nonce: &str, request: &mut Request) -> Result<(), Unfit> {
        if !self.query.is_empty() {
            return Err(Unfit::not_here("the signature stands in the query"));
        }
        let fits = match bend {
            Bend::KeyId => self.key_id().is_some(),
            Bend::Nothing | Bend::Key | Bend::Time(_) | Bend::Nonce => true,
            Bend::SignatureFlipped | Bend::SignatureCut | Bend::SignatureEmpty => true,
            // What credential scopes and Digest answers have.
            Bend::Region | Bend::Service | Bend::Day | Bend::Payload => false,
            Bend::Unasked | Bend::Uri | Bend::Qop | Bend::Algorithm | Bend::Realm => false,
        };
        if !fits {
            return Err(Unfit::not_here("nothing of the kind is signed"));
        }
        let nonce = if bend == Bend::Nonce { "00000000000000000000000000000000" } else { nonce };
        self.signed(seal, bend, nonce, request).map_err(unsigned)
    }

    fn is_per_request(&self) -> bool {
        true
    }

    fn proofs(&self, request: &Request) -> Vec<String> {
        let signed = |(_, value): &&(Arc<str>, Template)| value.uses("signature");
        let fields = self.headers.iter().filter(signed).filter_map(|(name, _)| request.headers.text(name));
        let of_query = |name: &str| {
            let pairs = request.address.url().query_pairs().filter(|(own, _)| own == name);
            pairs.last().map(|(_, value)| value.into_owned())
        };
        let parameters = self.query.iter().filter(signed).filter_map(|(name, _)| of_query(name));
        fields.chain(parameters).collect()
    }

    fn fields(&self) -> Vec<String> {
        self.headers.iter().map(|(name, _)| name.to_string()).collect()
    }
}
