//! One test for each rule, the vectors of others, and properties over any bytes.

mod any_bytes;
mod limits;
mod oracle;
mod sending;
mod storing;
mod trail;
mod vectors;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::{Jar, RefuseReason, SendContext, StoreOutcome, Stored};

const HTTPS: &str = "https://api.example.com/app/login";
const HTTP: &str = "http://api.example.com/app/login";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// Returns a moment some seconds into the test's own time.
fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

fn set(jar: &mut Jar, from: &str, field: &str) -> Stored {
    jar.store(field.as_bytes(), &url(from), at(0))
}

/// Returns why a fresh jar refuses the field, or fails.
fn refusal(from: &str, field: &str) -> RefuseReason {
    match set(&mut Jar::new(), from, field).outcome {
        StoreOutcome::Refused(reason) => reason,
        other => panic!("{field} from {from}: {other:?}"),
    }
}

/// Returns the `Cookie` field for a request, empty when there is none.
fn sent(jar: &mut Jar, to: &str) -> String {
    let selection = jar.cookies_for(&url(to), at(0), SendContext::default());
    String::from_utf8(selection.header().unwrap_or_default()).unwrap()
}
