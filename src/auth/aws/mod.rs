//! AWS Signature Version 4: every request is signed, and the secret itself never travels.
//!
//! The signature covers method, path, query, body and the fields that nobody changes on the way, and is good for
//! the minutes around its date, in one region and for one service. What a step writes itself is signed as it
//! stands: with an old `X-Amz-Date` the signature is right, and old.

use jiff::Timestamp;

use super::fields::{FieldFault, is_broken};
use super::{AtOnce, Flow, Memory, ReadScheme, Scheme, SchemeKind, Seal, Signed, diags, troubles, unsigned};
use crate::http::Request;
use crate::mutate::{Bend, Unfit};
use crate::spec::{Fields, Node, Shape, key};
use crate::template::{Template, TemplateError};

mod sign;
#[cfg(test)]
mod tests;

use sign::{Asked, PathStyle, Terms};

pub(super) const KIND: SchemeKind = SchemeKind {
    name: "aws-sigv4",
    about: "every request is signed with AWS Signature Version 4; `session_token` of the identity travels, too",
    keys: &[
        key("service", "the service as its credential scope spells it: `execute-api`, `s3`, `sts`")
            .is(Shape::Text)
            .needed(),
        key("region", "the region: `eu-central-1`").is(Shape::Text).needed(),
        key("unsigned_payload", "`true` leaves the body out of the signature, as S3 takes it over https")
            .is(Shape::Flag)
            .usually("`false`"),
    ],
    needs: &["key_id", "secret_key"],
    logs_in: false,
    look,
    example: include_str!("../examples/aws-sigv4.yaml"),
    troubles: troubles::AWS,
    read,
};

/// Nothing is signed without id and secret, and what travels beside the signature is one line.
fn look(_: Option<&Node>, name: &str, value: &str) -> Option<FieldFault> {
    match name {
        "key_id" | "secret_key" if value.is_empty() => Some(FieldFault::Empty),
        "session_token" if is_broken(value) => Some(FieldFault::LineBreak),
        _ => None,
    }
}

const AUTHORIZATION: &str = "authorization";
const DATE: &str = "x-amz-date";
const PAYLOAD: &str = "x-amz-content-sha256";
const TOKEN: &str = "x-amz-security-token";

/// What stands for the hash of a body that is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Fields that are not signed: intermediaries change them, or they are written after the signature.
const LEFT_OUT: &[&str] = &[
    "accept",
    "accept-encoding",
    AUTHORIZATION,
    "connection",
    "cookie",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-proto",
];

#[derive(Debug)]
struct Aws {
    service: Template,
    region: Template,
    payload: Payload,
}

/// Whether the signature covers the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    Signed,
    Unsigned,
}

fn read(fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Box<dyn Scheme>> {
    let service = word("service", fields, node, cx);
    let region = word("region", fields, node, cx);
    let payload = match fields.get("unsigned_payload").map(|n| cx.compile.reader.flag(n)) {
        Some(None) => return None,
        Some(Some(true)) => Payload::Unsigned,
        Some(Some(false)) | None => Payload::Signed,
    };
    Some(Box::new(Aws { service: service?, region: region?, payload }))
}

/// A part of the credential scope; where it can be seen, it is looked at.
fn word(name: &str, fields: Fields<'_>, node: &Node, cx: &mut ReadScheme<'_, '_, '_>) -> Option<Template> {
    let node = cx.compile.reader.need(fields, node, name, "the scheme `aws-sigv4`")?;
    let template = cx.compile.reader.template(node)?;
    let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    match template.as_literal() {
        Some(text) if text.is_empty() || !text.chars().all(is_good) => {
            let lower = text.to_lowercase();
            let near = (!text.is_empty() && lower.chars().all(is_good)).then_some(lower);
            cx.compile.reader.fault(diags::bad_scope(node.span, name, near));
            None
        }
        _ => Some(template),
    }
}

impl Scheme for Aws {
    fn begin(&self) -> Box<dyn Flow> {
        Box::new(AtOnce)
    }

    fn sign(&self, seal: &Seal<'_>, request: &mut Request) -> Result<(), TemplateError> {
        self.signed(seal, Bend::Nothing, request)
    }

    fn signed(&self, _: &Memory, request: &Request) -> Vec<Signed> {
        read_back(request).unwrap_or_default()
    }

    fn bend(&self, seal: &Seal<'_>, bend: Bend, _: &str, request: &mut Request) -> Result<(), Unfit> {
        if request.headers.has(AUTHORIZATION) {
            return Err(Unfit::not_here("the step signs itself"));
        }
        self.signed(seal, bend, request).map_err(unsigned)
    }

    fn is_per_request(&self) -> bool {
        true
    }

    fn fields(&self) -> Vec<String> {
        [AUTHORIZATION, DATE, PAYLOAD, TOKEN].map(ToOwned::to_owned).to_vec()
    }
}

impl Aws {
    /// Signs a request, with one thing other than it should be.
    fn signed(&self, seal: &Seal<'_>, bend: Bend, request: &mut Request) -> Result<(), TemplateError> {
        let (service, region) = (self.service.render(seal.scope)?, self.region.render(seal.scope)?);
        let date = written(request, DATE).unwrap_or_else(|| stamp(bend.time(seal.now)));
        let payload = written(request, PAYLOAD).unwrap_or_else(|| match self.payload {
            // S3 takes it, and that is no fault.
            Payload::Signed if bend == Bend::Payload && !service.starts_with("s3") => UNSIGNED.to_owned(),
            Payload::Signed => sign::sha256(&request.body),
            Payload::Unsigned => UNSIGNED.to_owned(),
        });
        request.headers.set(DATE, date.clone());
        request.headers.set(PAYLOAD, payload.clone());
        let token = seal.field("session_token");
        if !token.is_empty() && !request.headers.has(TOKEN) {
            request.headers.set(TOKEN, token.to_owned());
        }
        let fields = signed_fields(request);
        let asked = asked(request, &fields, &payload);
        let terms = Terms { date: &date, day: date.get(..8).unwrap_or(&date), region: &region, service: &service };
        let value = authorization(seal, asked, terms, bend);
        request.headers.set(AUTHORIZATION, value);
        Ok(())
    }
}

fn authorization(seal: &Seal<'_>, asked: Asked<'_>, right: Terms<'_>, bend: Bend) -> String {
    let other = |own: &str, names: [&'static str; 2]| if own == names[0] { names[1] } else { names[0] };
    let terms = match bend {
        Bend::Region => Terms { region: other(right.region, ["us-east-1", "eu-west-1"]), ..right },
        Bend::Service => Terms { service: other(right.service, ["sts", "iam"]), ..right },
        Bend::Day => Terms { day: other(right.day, ["20150830", "20130524"]), ..right },
        _ => right,
    };
    let (canonical, names) = sign::canonical(asked, style(right.service));
    let string = sign::string_to_sign(terms, &canonical);
    let secret = if bend == Bend::Key { "a secret that no server knows" } else { seal.field("secret_key") };
    let signature = hex::encode(bend.signature(sign::signature(secret, terms, &string)));
    let id = if bend == Bend::KeyId { "AKIAAUTHSPECNOBODY00" } else { seal.field("key_id") };
    let credential = format!("{id}/{}", terms.scope());
    format!("{} Credential={credential}, SignedHeaders={names}, Signature={signature}", sign::ALGORITHM)
}

/// What of a request is signed, with these fields and this hash of its body.
fn asked<'a>(request: &'a Request, fields: &'a [(String, Vec<u8>)], payload: &'a str) -> Asked<'a> {
    let (path, query) = (request.address.path(), request.address.query());
    Asked { method: &request.method, path, query, fields, payload }
}

/// What a signature says that it is of.
fn read_back(request: &Request) -> Option<Vec<Signed>> {
    let value = written(request, AUTHORIZATION)?;
    let parameters = value.strip_prefix(sign::ALGORITHM)?;
    let parameter = |name: &str| {
        let all = parameters.split(',').filter_map(|one| one.trim().split_once('='));
        all.into_iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    };
    let names: Vec<&str> = parameter("SignedHeaders")?.split(';').collect();
    let mut terms = parameter("Credential")?.rsplitn(5, '/').skip(1);
    let (service, region, day) = (terms.next()?, terms.next()?, terms.next()?);
    let mut fields = signed_fields(request);
    fields.retain(|(name, _)| names.iter().any(|signed| signed.eq_ignore_ascii_case(name)));
    let (date, payload) = (written(request, DATE)?, written(request, PAYLOAD)?);
    let asked = asked(request, &fields, &payload);
    let (canonical, _) = sign::canonical(asked, style(service));
    let string = sign::string_to_sign(Terms { date: &date, day, region, service }, &canonical);
    let canonical = String::from_utf8_lossy(&canonical).into_owned();
    Some(vec![Signed::new("canonical request", canonical), Signed::new("string to sign", string)])
}

/// The names of S3 and its kin (`s3-outposts`, `s3express`) all begin alike.
fn style(service: &str) -> PathStyle {
    if service.starts_with("s3") { PathStyle::Exact } else { PathStyle::Normal }
}

/// A field that the step wrote itself.
fn written(request: &Request, name: &str) -> Option<String> {
    request.headers.text(name)
}

/// The fields that the signature covers; the wire adds `host` later.
fn signed_fields(request: &Request) -> Vec<(String, Vec<u8>)> {
    let signed = request.headers.iter().filter(|(name, _)| !LEFT_OUT.iter().any(|l| l.eq_ignore_ascii_case(name)));
    let mut fields: Vec<_> = signed.map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
    if !request.headers.has("host") {
        fields.push(("host".to_owned(), request.address.host().into_bytes()));
    }
    fields
}

/// A moment in the basic format of ISO 8601: `20150830T123600Z`.
fn stamp(now: Timestamp) -> String {
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}
