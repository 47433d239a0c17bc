//! What of the trail sources read: the cookies that were set, and addresses.

use crate::http::jar::StoreOutcome;
use crate::http::{Response, Trail, percent_decoded};

/// A cookie as an answer set it.
pub(super) struct SetCookie {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) deleted: bool,
}

/// What the answers of a step set, in order; also what the jar refused, since it was sent.
pub(super) fn cookies(trail: &Trail) -> Vec<SetCookie> {
    let set = trail.jar.stored().map(|stored| SetCookie {
        name: stored.name().to_string(),
        value: percent_decoded(stored.value().as_bytes()),
        deleted: matches!(stored.outcome, StoreOutcome::Deleted(_)),
    });
    set.collect()
}

/// Where `Location` points; an absolute one stays as it is written.
pub(super) fn location(trail: &Trail, response: &Response) -> Option<String> {
    let field = response.headers.text("location")?;
    if url::Url::parse(&field).is_ok() {
        return Some(field);
    }
    let from = &trail.hops.last()?.request.address;
    match from.join(&field) {
        Ok(address) => {
            // An address has no fragment, and a callback may carry its code in one.
            let fragment = field.split_once('#').map_or(String::new(), |(_, f)| format!("#{f}"));
            Some(format!("{address}{fragment}"))
        }
        Err(_) => from.url().join(&field).ok().map(String::from),
    }
}

pub(super) fn final_url(trail: &Trail) -> Option<String> {
    Some(trail.hops.last()?.request.address.to_string())
}
