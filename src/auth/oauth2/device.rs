//! The device code (RFC 8628): a device shows a code, somebody agrees to it in a browser, and the device asks until it is
//! told so. The device is the identity; whoever agrees is the same one, or another (`approved_by`).

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Config;
use super::post::address;
use crate::auth::{Agree, Browser, Ctx, Exchange, Opening, PageScript, Refused};
use crate::http::Response;
use crate::page;
use crate::source::Spanned;
use crate::spec::{Data, SchemeSpec};

/// How long to wait between two questions when the server does not say (section 3.2).
const INTERVAL: Duration = Duration::from_secs(5);

/// The key that names whoever agrees.
pub(super) const APPROVED_BY: &str = "approved_by";

/// The identity whom a scheme names to approve its logins, and where it does.
pub fn approver(scheme: &SchemeSpec) -> Option<Spanned<Arc<str>>> {
    let is_known = crate::auth::kind_of(scheme).is_some_and(|kind| kind.keys.iter().any(|k| k.name == APPROVED_BY));
    let Data::Map(entries) = &scheme.node.data else { return None };
    let named = entries.iter().find(|e| is_known && &*e.key == APPROVED_BY)?;
    match &named.value.data {
        Data::Text(name) => Some(Spanned::new(name.as_ref().into(), named.value.span)),
        _ => None,
    }
}

/// A device that waits for somebody to agree.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) code: String,
    pub(super) user_code: String,
    /// The page with the code filled in.
    page: String,
    interval: Duration,
    pub(super) end: Timestamp,
}

impl Device {
    /// Reads the answer of the device authorization endpoint (section 3.2).
    pub(super) fn read(response: &Response, cx: &Ctx<'_>) -> Result<Self, Refused> {
        let said: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let text = |name: &str| said.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
        let need = |name: &str| {
            text(name).map(ToOwned::to_owned).ok_or_else(|| Refused {
                message: format!("the answer of the device authorization endpoint has no `{name}`"),
                help: vec!["it has to have one (RFC 8628, section 3.2)".to_owned()],
            })
        };
        let (code, user_code) = (need("device_code")?, need("user_code")?);
        let plain = need("verification_uri")?;
        let page = text("verification_uri_complete").map_or_else(
            // Servers that give no complete one take the code in the same way more often than not.
            || {
                let mut whole = address(&plain, "verification_uri", cx)?;
                whole.add_query("user_code", &user_code);
                Ok(whole.to_string())
            },
            |complete| Ok(complete.to_owned()),
        )?;
        let seconds = |name: &str| said.get(name).and_then(Value::as_u64);
        let lifetime = i64::try_from(seconds("expires_in").unwrap_or(600)).unwrap_or(600);
        let end = cx.now.checked_add(SignedDuration::from_secs(lifetime)).unwrap_or(cx.now);
        let interval = seconds("interval").map_or(INTERVAL, Duration::from_secs);
        Ok(Self { code, user_code, page, interval, end })
    }

    /// The pages on which somebody agrees; they end where nothing is left to agree to.
    pub(super) fn pages(&self, config: &Config, cx: &Ctx<'_>) -> Result<Arc<PageScript>, Refused> {
        let request = page::open(address(&self.page, "verification_uri_complete", cx)?);
        let open = Opening::Request(Box::new(Exchange::plain("page", request)));
        let (pages, fill, named) = (config.pages.pages, config.pages.fill.clone(), config.pages.named);
        let browser = if config.approved { Browser::Approver } else { Browser::Own };
        let (agree, user_code) = (Agree::ToConsent, Some(self.user_code.clone()));
        Ok(Arc::new(PageScript { open, until: None, pages, fill, named, agree, browser, user_code }))
    }

    /// How long to wait before the next question, when nobody agreed yet (section 3.5); none when it is answered.
    pub(super) fn patience(&mut self, response: &Response, cx: &Ctx<'_>) -> Option<Duration> {
        let said: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        match said.get("error").and_then(Value::as_str) {
            Some("authorization_pending") => {}
            Some("slow_down") => self.interval += INTERVAL,
            _ => return None,
        }
        (cx.now < self.end).then_some(self.interval)
    }
}
