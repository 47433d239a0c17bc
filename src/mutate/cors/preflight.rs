//! Preflights: what a browser asks before it sends a page's request (Fetch, section 4.8).

use super::super::due::{Heard, Said};
use super::super::forged::{Forged, Unfit};
use super::super::presented::Presented;
use super::origin::good;
use super::said::{HEADERS, METHODS, ORIGIN, Told, told};
use crate::http::{Headers, Request};
use crate::term::list;

/// Methods that need no permission.
const SIMPLE: [&str; 3] = ["GET", "HEAD", "POST"];

/// Fields that need no permission, or that no page can set.
const FREE: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-language",
    "content-length",
    "cookie",
    "date",
    "dnt",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "range",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];

/// Types of bodies that need no permission.
const PLAIN: [&str; 3] = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];

/// The preflight of a request, from a page of an origin.
pub(super) fn of(p: &Presented<'_>, origin: &str) -> Result<Forged, Unfit> {
    good(p)?;
    let mut headers = Headers::default();
    headers.add("Origin", origin.to_owned());
    headers.add("Access-Control-Request-Method", p.request.method.clone());
    let fields = fields(p);
    if !fields.is_empty() {
        headers.add("Access-Control-Request-Headers", fields.join(","));
    }
    let request = Request { method: "OPTIONS".to_owned(), address: address(p)?, headers, body: bytes::Bytes::new() };
    Ok(Forged::new(request, format!("the preflight of `{origin}` is sent")))
}

/// Where the request goes, without a credential in the query.
fn address(p: &Presented<'_>) -> Result<crate::http::Address, Unfit> {
    Ok(if p.spot.is_some() {
        p.bare().map_or_else(|_| p.request.address.clone(), |bare| bare.address)
    } else {
        p.request.address.clone()
    })
}

/// The fields of the request that pages need permission for, as browsers list them.
fn fields(p: &Presented<'_>) -> Vec<String> {
    let own = |(name, value): (&str, &bytes::Bytes)| {
        let name = name.to_ascii_lowercase();
        let media = String::from_utf8_lossy(value).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let plain = name == "content-type" && PLAIN.contains(&&*media);
        let free = plain
            || FREE.contains(&&*name)
            || ["sec-", "proxy-", "access-control-"].iter().any(|s| name.starts_with(s));
        (!free).then_some(name)
    };
    let mut names: Vec<String> = p.request.headers.iter().filter_map(own).collect();
    names.sort();
    names.dedup();
    names
}

/// The preflight of a request that has fields to ask for.
pub(super) fn with_fields(p: &Presented<'_>) -> Result<Forged, Unfit> {
    let origin = good(p)?;
    if fields(p).is_empty() {
        return Err(Unfit::not_here("the request has no field that pages need permission for"));
    }
    of(p, &origin)
}

/// The preflight of a request whose method has to be asked for.
pub(super) fn with_method(p: &Presented<'_>) -> Result<Forged, Unfit> {
    let origin = good(p)?;
    if SIMPLE.contains(&&*p.request.method) {
        return Err(Unfit::not_here(format!("`{}` needs no permission", p.request.method)));
    }
    of(p, &origin)
}

/// It is answered 2xx, and pages of the origin may call.
pub(super) fn answered(heard: &Heard<'_>) -> Said {
    let status = heard.response.status;
    let origin = heard.sent.headers.text("origin").unwrap_or_default();
    match status {
        300..=399 => Said::Amiss(format!("{status}: a preflight that is redirected counts as refused")),
        200..=299 if Told(&heard.response.headers).allows(&origin) => Said::Due(told(heard.response, ORIGIN)),
        200..=299 => Said::Amiss(told(heard.response, ORIGIN)),
        401 | 403 => Said::Amiss(format!("{status}: a preflight carries no credential, and is refused for that")),
        _ => Said::Amiss(status.to_string()),
    }
}

/// It lists the fields that were asked for.
pub(super) fn headers(heard: &Heard<'_>) -> Said {
    if !matches!(answered(heard), Said::Due(_)) {
        return Said::Nothing("the preflight is not answered as it should be".to_owned());
    }
    let said = Told(&heard.response.headers);
    let asked = heard.sent.headers.text("access-control-request-headers").unwrap_or_default();
    let hidden = |name: &&str| !said.lists(HEADERS, name, *name != "authorization");
    let hidden: Vec<String> = asked.split(',').filter(hidden).map(|name| format!("`{name}`")).collect();
    if hidden.is_empty() {
        return Said::Due(said.field(HEADERS));
    }
    Said::Amiss(format!("{}, which leaves out {}", said.field(HEADERS), list(&hidden, "and")))
}

/// It lists the method that was asked for.
pub(super) fn method(heard: &Heard<'_>) -> Said {
    if !matches!(answered(heard), Said::Due(_)) {
        return Said::Nothing("the preflight is not answered as it should be".to_owned());
    }
    let said = Told(&heard.response.headers);
    let asked = heard.sent.headers.text("access-control-request-method").unwrap_or_default();
    // Methods are told apart by case.
    let lines = said.lines(METHODS);
    let listed = lines.iter().flat_map(|line| line.split(',')).any(|own| own.trim() == asked);
    if listed || said.lists(METHODS, "*", true) && !said.credentials() {
        return Said::Due(said.field(METHODS));
    }
    Said::Amiss(format!("{}, which leaves out `{asked}`", said.field(METHODS)))
}
