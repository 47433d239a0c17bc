//! Answers that refuse and have no error code (RFC 6749, section 5.2): what came instead, and what it is likely to mean.

use std::time::Duration;

use jiff::Timestamp;

use super::metadata::Endpoint;
use super::post::{PATIENCE, Post};
use crate::auth::Refused;
use crate::http::Response;
use crate::term::plural;

/// Says what came.
pub(super) fn refused(post: &Post, response: &Response, now: Timestamp) -> Refused {
    let (title, status) = (post.to.title(), response.status);
    if status == 429 {
        return Refused { message: format!("{title} was asked too often"), help: too_often(post, response, now) };
    }
    let message = format!("{title} sent {} and no `error` that says why", what(response));
    let mut help = meaning(post.to, status, is_page(response));
    if status == 503 && response.asks_to_wait(now).is_some() {
        help.insert(0, patience(post, response, now));
    }
    Refused { message, help }
}

/// Names what came instead of an answer.
pub(super) fn what(response: &Response) -> String {
    match response.media_type() {
        _ if response.body.is_empty() => "an empty body".to_owned(),
        _ if is_page(response) => match titled(response) {
            Some(title) => format!("an HTML page, \"{title}\","),
            None => "an HTML page".to_owned(),
        },
        media if media.contains("json") => "JSON".to_owned(),
        media if media.is_empty() => "a text of no media type".to_owned(),
        media => format!("`{media}`"),
    }
}

/// What the status alone is likely to mean.
pub(super) fn meaning(to: Endpoint, status: u16, page: bool) -> Vec<String> {
    let (title, key) = (to.title(), to.key());
    let one = match status {
        404 | 405 => format!("is there an endpoint at this address? see `{key}`"),
        300..400 => format!("{title} does not lead elsewhere: is this its address? see `{key}`"),
        502..=504 => {
            "a proxy or gateway could not ask the server behind it: is that one up? nothing is known of the credential"
                .to_owned()
        }
        500.. => "the server failed: its log says why, and nothing is known of the credential".to_owned(),
        _ if page => no_endpoint(to),
        _ => return Vec::new(),
    };
    vec![one]
}

/// People read pages; clients read JSON.
pub(super) fn no_endpoint(to: Endpoint) -> String {
    let (title, key) = (to.title(), to.key());
    format!("this is probably not {title}, which answers in JSON, or something before it answered: see `{key}`")
}

/// What was waited for, and what to do next (RFC 6585, section 4).
pub(super) fn too_often(post: &Post, response: &Response, now: Timestamp) -> Vec<String> {
    vec![patience(post, response, now), "a 429 says nothing about the credential".to_owned()]
}

fn patience(post: &Post, response: &Response, now: Timestamp) -> String {
    let (waited, most) = (post.waited(), whole(PATIENCE));
    let before = match waited {
        Duration::ZERO => String::new(),
        waited => format!("it was waited for {}, and ", whole(waited)),
    };
    if let Some(wish) = response.asks_to_wait(now) {
        format!(
            "{before}it wants to be left alone for {} (`{}`); a login waits no longer than {most} in all: run again after that time",
            whole(wish),
            response.limit_field().unwrap_or("Retry-After")
        )
    } else {
        let is_there = response.headers.text("retry-after").is_some();
        let why = if is_there { "`Retry-After` is neither a number of seconds nor a date" } else { "no `Retry-After`" };
        format!("{before}it does not say for how long ({why}): run again later")
    }
}

/// A time in words, in the largest unit that there are two of.
fn whole(time: Duration) -> String {
    let seconds = usize::try_from(time.as_secs() + u64::from(time.subsec_nanos() > 0)).unwrap_or(usize::MAX);
    match seconds {
        0..120 => plural(seconds, "second"),
        120..7200 => plural(seconds / 60, "minute"),
        _ => plural(seconds / 3600, "hour"),
    }
}

fn is_page(response: &Response) -> bool {
    let start = response.body.trim_ascii_start();
    let begins = |tag: &[u8]| start.get(..tag.len()).is_some_and(|text| text.eq_ignore_ascii_case(tag));
    response.media_type().contains("html") || begins(b"<!doctype html") || begins(b"<html")
}

/// The title of a page: `502 Bad Gateway`, `Sign in`.
fn titled(response: &Response) -> Option<String> {
    let text = response.text();
    let lower = text.to_ascii_lowercase();
    let from = lower.find("<title").and_then(|at| Some(at + lower[at..].find('>')? + 1))?;
    let to = from + lower[from..].find("</title")?;
    let title = text[from..to].split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then_some(title)
}
