//! Reads what a scheme says of its client: who it is, and how it proves that.

use super::client::{CLIENT_KEYS, Client, KeySource, PROOFS, Proof, signing};
use super::diags;
use super::read::{Grant, line};
use crate::auth::{ReadScheme, diags as common, mtls};
use crate::jose::{ALGORITHMS, Algorithm, Family, Key, sign_bytes};
use crate::source::Span;
use crate::spec::{self, Data, Fields, Node, Reader, Shape};
use crate::step::read_file_or_absolute;
use crate::template::Template;

/// The keys of `key`.
const FILE_KEYS: &[spec::Key] = &[spec::key("file", "a file with the key, PEM or a JWK").is(Shape::Text).needed()];

/// Reads `client`, with the certificate that may stand beside it in the scheme.
pub(super) fn client(
    (fields, scheme): (Fields<'_>, &Node),
    node: &Node,
    grant: Option<Grant>,
    cx: &mut ReadScheme<'_, '_, '_>,
) -> Option<Client> {
    let client = alone(node, grant, cx)?;
    certified(client, fields, (scheme, node), cx)
}

fn alone(node: &Node, grant: Option<Grant>, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Client> {
    let reader = &mut *cx.compile.reader;
    let fields = reader.fields(node, CLIENT_KEYS, "`client`")?;
    let id = reader.need(fields, node, "id", "`client`").and_then(|n| Some((n, reader.template(n)?)));
    let secret = fields.get("secret").and_then(|n| Some((n, reader.template(n)?)));
    for (what, given) in [("id", &id), ("secret", &secret)] {
        if let Some((node, template)) = given {
            one_line(what, node, template, reader);
        }
    }
    let proof = match fields.get("auth") {
        Some(node) => reader.one_of(node, "a way for a client to prove itself", PROOFS)?,
        // What the grant sends says who signed it, so there is nothing more to prove (RFC 7521, section 4.1).
        None if grant == Some(Grant::JwtBearer) && fields.get("key").is_some() => Proof::Nothing,
        None if ["cert", "pkcs12"].iter().any(|name| fields.get(name).is_some()) => Proof::Tls,
        None if fields.get("key").is_some() => Proof::PrivateKey,
        None if fields.get("secret").is_some() => Proof::Basic,
        None => Proof::Nothing,
    };
    if let (Proof::BasicRaw, Some((node, id))) = (proof, &id)
        && id.as_literal().is_some_and(|id| id.contains(':'))
    {
        reader.fault(diags::raw_colon(node.span));
    }
    let used: &[&str] = match proof {
        Proof::Basic | Proof::BasicRaw | Proof::Post => &["secret"],
        Proof::SecretKey => &["secret", "alg", "kid", "audience"],
        Proof::PrivateKey => &["key", "alg", "kid", "audience"],
        Proof::Nothing if grant == Some(Grant::JwtBearer) => &["key", "alg", "kid", "audience"],
        Proof::Tls => &["cert", "key", "pkcs12", "password"],
        Proof::Nothing => &[],
    };
    let needed = used.first().filter(|need| proof != Proof::Tls && fields.get(need).is_none());
    match needed {
        // The client itself needs to prove nothing: what the grant sends does.
        Some(_) if proof == Proof::Nothing => reader.fault(diags::nothing_signs(node.span)),
        Some(need) => reader.fault(diags::no_proof(node.span, proof.word(), need)),
        None => {}
    }
    for entry in fields.iter().filter(|e| !matches!(&*e.key, "id" | "auth") && !used.contains(&&*e.key)) {
        if CLIENT_KEYS.iter().any(|k| k.name == &*entry.key) {
            reader.fault(diags::idle_proof(entry.key_span, &entry.key, proof.word()));
        }
    }
    let mut text = |name: &str| fields.get(name).and_then(|n| line(n, name, cx));
    let (key_id, audience) = (text("kid"), text("audience"));
    let is_tls = proof == Proof::Tls;
    let shown = is_tls && used.iter().any(|name| fields.get(name).is_some());
    let certificate = if shown { Some(mtls::source(fields, node, cx)?) } else { None };
    let key = fields.get("key").filter(|_| !is_tls).and_then(|n| key(n, "the client's key", cx));
    let algorithm = fields.get("alg").and_then(|n| cx.compile.reader.one_of(n, "an algorithm", ALGORITHMS));
    let place = fields.get("alg").or_else(|| fields.get("key")).map_or(node.span, |n| n.span);
    fitting(proof, key.as_ref(), algorithm, place, cx);
    if let (Proof::SecretKey, Some((node, secret))) = (proof, &secret) {
        long_enough(secret, algorithm.unwrap_or(Algorithm::Hs256), node.span, cx);
    }
    let proof_at = fields.get("auth").map_or(node.span, |n| n.span);
    let (id, secret) = (id?.1, secret.map(|(_, t)| t));
    Some(Client { id, secret, proof, proof_at, key, algorithm, key_id, audience, certificate })
}

/// An id and a secret are one line that is not empty; of a secret in a file that shows when there is one.
fn one_line(what: &str, node: &Node, template: &Template, reader: &mut Reader<'_>) {
    match template.as_literal() {
        Some(text) if text.trim().is_empty() => reader.fault(diags::empty_part(node.span, what)),
        Some(text) if text.contains(['\n', '\r']) => reader.fault(diags::broken_part(node.span, what)),
        _ => {}
    }
    if let Some((from, place)) = crate::auth::lined(node, &reader.names) {
        reader.fault(common::lined(node.span, &format!("`client.{what}`"), (&from, place)));
    }
}

/// Takes in the certificate that stands beside `client`, as that of an identity does.
fn certified(
    client: Client,
    fields: Fields<'_>,
    (scheme, node): (&Node, &Node),
    cx: &mut ReadScheme<'_, '_, '_>,
) -> Option<Client> {
    let Some(entry) = fields.entry("cert") else {
        if let Some(entry) = fields.entry("key") {
            cx.compile.reader.fault(diags::key_of_nothing(entry.key_span));
        }
        return Some(client);
    };
    if client.certificate.is_some() {
        cx.compile.reader.fault(diags::two_certificates(entry.key_span, node.span));
    }
    Some(Client { certificate: Some(mtls::source(fields, scheme, cx)?), ..client })
}

/// Reads a private key: a file is read now, text is rendered when it is needed.
pub(super) fn key(node: &Node, whose: &str, cx: &mut ReadScheme<'_, '_, '_>) -> Option<KeySource> {
    let (text, span, path) = if matches!(node.data, Data::Map(_)) {
        let fields = cx.compile.reader.fields(node, FILE_KEYS, "`key`")?;
        let path = cx.compile.reader.need(fields, node, "file", "`key`")?;
        let path = cx.compile.reader.word(path)?;
        if path.value.contains("{{") {
            cx.compile.reader.fault(common::no_template(path.span));
            return None;
        }
        match read_file_or_absolute(cx.compile.folder, cx.compile.root, &path.value) {
            Ok(bytes) => (String::from_utf8_lossy(&bytes).into_owned(), path.span, None),
            Err(why) => {
                cx.compile.reader.fault(crate::step::diags::file(path.span, &path.value, &why));
                return None;
            }
        }
    } else {
        let template = cx.compile.reader.template(node)?;
        match template.as_literal() {
            None => return Some(KeySource::Text(template)),
            Some(text) => (text.to_string(), node.span, path_of(text, cx)),
        }
    };
    if let Some(path) = path {
        cx.compile.reader.fault(diags::key_is_path(span, whose, &path));
        return None;
    }
    signing(&text)
        .map_err(|fault| cx.compile.reader.fault(common::no_key(span, whose, &fault.0)))
        .ok()
        .map(KeySource::Read)
}

/// A text that is no key but the path of a file.
fn path_of(text: &str, cx: &ReadScheme<'_, '_, '_>) -> Option<String> {
    let is_one = !Key::is_written(text) && !text.contains(char::is_whitespace);
    let is_there = || read_file_or_absolute(cx.compile.folder, cx.compile.root, text).is_ok();
    let is_named = [".pem", ".key", ".jwk", ".json"].iter().any(|end| text.ends_with(end));
    (is_one && !text.is_empty() && (is_named || is_there())).then(|| text.to_owned())
}

/// A secret that signs is at least as long as the hash (RFC 7518, section 3.2); many servers refuse a shorter one.
fn long_enough(secret: &Template, algorithm: Algorithm, place: Span, cx: &mut ReadScheme<'_, '_, '_>) {
    let bytes = algorithm.least_secret();
    if secret.as_literal().is_some_and(|text| text.len() < bytes) {
        cx.compile.reader.fault(diags::short_secret(place, algorithm.name(), bytes));
    }
}

/// A key that was read and an algorithm have to go together.
fn fitting(
    proof: Proof,
    key: Option<&KeySource>,
    algorithm: Option<Algorithm>,
    place: Span,
    cx: &mut ReadScheme<'_, '_, '_>,
) {
    let secret = |family: Family| family == Family::Secret;
    let misfit = match (proof, key, algorithm) {
        (Proof::PrivateKey, _, Some(algorithm)) if secret(algorithm.family()) => {
            Some(format!("`{}` signs with a secret, and `private_key_jwt` with a key", algorithm.name()))
        }
        (Proof::SecretKey, _, Some(algorithm)) if !secret(algorithm.family()) => {
            Some(format!("`{}` signs with a key, and `client_secret_jwt` with the secret", algorithm.name()))
        }
        (Proof::PrivateKey, Some(KeySource::Read(key)), _) if secret(key.family()) => {
            Some("the key is a secret, and `private_key_jwt` needs a key pair".to_owned())
        }
        // A client that proves nothing signs an assertion all the same, of whom it speaks for.
        (Proof::PrivateKey | Proof::Nothing, Some(KeySource::Read(key)), Some(algorithm)) => {
            sign_bytes(algorithm, b"", key).err().map(|fault| fault.0)
        }
        _ => None,
    };
    if let Some(why) = misfit {
        cx.compile.reader.fault(diags::misfit(place, &why));
    }
}
