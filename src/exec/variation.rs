//! What a case changes in a talk of its scheme: parameters of exchanges, and the cookies that a browser begins with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::actor::Actor;
use super::codes::Codes;
use super::done::{Done, Ended};
use super::exchange::StepRun;
use super::twice::Gate;
use crate::auth::{Absent, How, Varied, texts, turn, without};
use crate::event::Reason;
use crate::http::jar::Jar;
use crate::http::{Address, Request};
use crate::spec::{Handshake, Talk};
use crate::step::{Prepared, Step, Vary};
use crate::template::TemplateError;
use crate::term::list;

/// The talk that exchanges belong to, and what is changed in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Talking<'a> {
    /// What its exchanges are called that have no name.
    pub(super) talk: Talk,
    pub(super) variations: &'a [Variation],
    /// Header fields that a step has each of its requests sent with, in place of own ones.
    pub(super) headers: &'a [(Arc<str>, String)],
    /// Whether what a server asks back is answered.
    pub(super) answers: Handshake,
    /// Whether a server that is asked too often is waited for.
    pub(super) waits: bool,
    /// Whether it is sent with just the credential at hand, whatever took the place of that since.
    pub(super) is_exact: bool,
    /// How long each of its exchanges may take, where the step says so.
    pub(super) timeout: Option<Duration>,
    /// Where its first request waits for those of others that leave with it.
    pub(super) gate: Option<&'a Gate<'a>>,
}

/// A parameter that is changed, rendered.
#[derive(Debug)]
pub(super) struct Variation {
    exchange: Arc<str>,
    parameter: Arc<str>,
    value: Value,
    /// Whether the exchange was made with it.
    applied: AtomicBool,
    /// Whether the exchange was made, with that value anyway.
    same: AtomicBool,
}

impl Talking<'_> {
    /// Sends a request as the step has it that asked for the talk: with its header fields, and without the parts of
    /// the credential that it leaves out.
    pub(super) fn dress(&self, prepared: &mut Prepared) {
        if self.talk == Talk::Refresh && without(&mut prepared.request) {
            prepared.notes.push("a part of the credential is left out".to_owned());
        }
        for (name, value) in self.headers {
            prepared.request.headers.remove(name);
            prepared.request.headers.add(name.to_string(), value.clone());
            prepared.notes.push(format!("`{name}` is what the step says"));
        }
    }

    /// Where a request asks the browser to be sent back to in place of the address that the scheme has; `None` when none
    /// does, and so when it names no address.
    pub(super) fn asked_back(&self, from: &Address) -> Option<Vec<Address>> {
        let is_place = |v: &&Variation| matches!(&*v.parameter, "redirect_uri" | "post_logout_redirect_uri");
        let is_browsers = |v: &&Variation| matches!(&*v.exchange, "authorize" | "par" | "end_session");
        let all = self.variations.iter().filter(is_place).filter(is_browsers).filter(|v| !v.value.is_null());
        let mut all = all.map(|v| texts(&v.value)).peekable();
        all.peek()?;
        Some(all.flatten().filter_map(|text| from.join(&text).ok()).collect())
    }

    /// Tells whether a request refers to what was pushed before and is unchanged itself: whatever else it says is not
    /// looked at (RFC 9101, section 6.3, by RFC 9126, section 4).
    pub(super) fn is_told_before(&self, from: &Address) -> bool {
        const REFERENCE: &str = "request_uri";
        let refers = url::form_urlencoded::parse(from.query().as_bytes()).any(|(name, _)| name == REFERENCE);
        let changes = |v: &Variation| match &*v.exchange {
            "par" => &*v.parameter == "redirect_uri",
            "authorize" => &*v.parameter == REFERENCE,
            _ => false,
        };
        refers && !self.variations.iter().any(changes)
    }
}

impl Variation {
    /// Tells whether no request was sent with the change.
    pub(super) fn is_missed(&self) -> bool {
        !self.applied.load(Ordering::Relaxed)
    }

    pub(super) fn parameter(&self) -> &str {
        &self.parameter
    }

    /// What it is called in the suite.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.exchange, self.parameter)
    }

    pub(super) const fn value(&self) -> &Value {
        &self.value
    }

    /// Begins once more: what was sent before says nothing of what is sent now.
    pub(super) fn anew(&self) {
        self.applied.store(false, Ordering::Relaxed);
        self.same.store(false, Ordering::Relaxed);
    }

    /// Changes the parameter if the request is of its exchange; gives a note for the record. What the sender's credential
    /// and cookies will be put into is changed before they are.
    pub(super) fn apply(
        &self,
        label: &str,
        prepared: &mut Prepared,
        made: How<'_>,
        carried: &[String],
    ) -> Option<String> {
        if *label != *self.exchange {
            return None;
        }
        let request = &mut prepared.request;
        let field = carried.iter().find(|field| field.eq_ignore_ascii_case(&self.parameter));
        let varied = if let Some(field) = field.filter(|field| !request.headers.has(field)) {
            prepared.removed.push(field.as_str().into());
            texts(&self.value).into_iter().for_each(|text| request.headers.add(field.as_str(), text));
            if self.value.is_null() { Varied::Removed } else { Varied::Changed }
        } else {
            // A page may be followed by others with forms of their own, in which nothing is added.
            let absent = if label == "form" { Absent::Leave } else { Absent::Add };
            made.vary(request, &self.parameter, &self.value, absent)
        };
        let how = match varied {
            Varied::Changed => "has another value",
            Varied::Removed => "is left out",
            Varied::Added => "is added",
            Varied::Same => {
                self.same.store(true, Ordering::Relaxed);
                return None;
            }
            Varied::Missing => return None,
        };
        self.applied.store(true, Ordering::Relaxed);
        Some(format!("`{}` {how}", self.parameter))
    }
}

/// Gives a request to which a code of an earlier login was given what else belongs to that code, and those of a talk that
/// sends a proof once more what belongs to the proof; and notes of it.
pub(super) fn complete(codes: &Codes, variations: &[Variation], label: &str, request: &mut Request) -> Vec<String> {
    let of_label = || variations.iter().filter(|v| *v.exchange == *label);
    let is_changed = |name: &str| {
        of_label().any(|v| v.parameter.split('.').next().is_some_and(|own| own.eq_ignore_ascii_case(name)))
    };
    let code = of_label().find(|v| &*v.parameter == "code" && !v.is_missed());
    let mut notes = code.map_or_else(Vec::new, |code| codes.complete(&code.value, request, is_changed));
    if let Some(proof) = variations.iter().find(|v| v.parameter.eq_ignore_ascii_case("dpop")).filter(|_| code.is_none())
    {
        notes.extend(codes.follow(&proof.value, request, is_changed));
    }
    notes
}

impl StepRun<'_> {
    /// What a step changes in a talk: parameters, and the cookies of the browser that it begins with.
    #[expect(clippy::type_complexity, reason = "two lists that are taken apart at once")]
    pub(super) fn changes(
        &self,
        step: &Step,
        vary: &[Vary],
        actor: &Actor,
    ) -> Result<(Vec<Variation>, Vec<(String, String)>), TemplateError> {
        let mut variations = vary.iter().map(|v| self.variation(v, actor)).collect::<Result<Vec<_>, _>>()?;
        variations.sort_by_key(|v| turn(&v.parameter));
        let own = step.cookies(&self.scope_of(actor))?;
        Ok((variations, [&own, self.cookies].concat()))
    }

    fn variation(&self, vary: &Vary, actor: &Actor) -> Result<Variation, TemplateError> {
        let value = vary.value.value(&self.scope_of(actor))?;
        self.shared.own.add(&vary.value, &self.shared.secrets, &self.shared.sources);
        let (exchange, parameter) = (Arc::clone(&vary.exchange), Arc::clone(&vary.parameter));
        Ok(Variation { exchange, parameter, value, applied: AtomicBool::default(), same: AtomicBool::default() })
    }

    /// A variation that met no request proves nothing, whatever was answered.
    pub(super) fn missed(&self, step: &Step, talk: &str, variation: &Variation, done: &mut Done) {
        let Variation { exchange, parameter, same, .. } = variation;
        let (message, help) = if same.load(Ordering::Relaxed) {
            let message =
                format!("`{exchange}.{parameter}` has the same value as without `vary`, so nothing was changed");
            (message, vec!["give it another value; what is sent anyway needs no `vary`".to_owned()])
        } else {
            let message = format!(
                "no request of `{exchange}` was sent with another `{parameter}` than it has, so nothing was changed"
            );
            let sent: Vec<String> =
                done.records.iter().map(|r| format!("`{}`", r.name.as_deref().unwrap_or(talk))).collect();
            let help = if sent.is_empty() { Vec::new() } else { vec![format!("sent were {}", list(&sent, "and"))] };
            (message, help)
        };
        let reason = self.reason("vary-missed", &message, step.span, help);
        // No rule has anything to say of a change that was not made.
        done.records.iter_mut().filter_map(|r| r.facts.as_mut()).for_each(|facts| facts.changed.clear());
        done.ended = Ended::Errored;
        done.reasons.insert(0, Reason { step: done.records.len().checked_sub(1), ..reason });
    }
}

/// Puts cookies into a browser before it logs in.
pub(super) fn plant(cookies: &[(String, String)], base: &str, jar: &mut Jar) -> Result<(), String> {
    let url = url::Url::parse(base).map_err(|_| format!("{base} is no address that cookies could be for"))?;
    cookies.iter().for_each(|(name, value)| jar.set_raw(name, value.as_bytes(), &url, Timestamp::now()));
    Ok(())
}

/// Whether one of these is the origin of an address.
pub(super) fn are_met(origins: &[url::Origin], base: &str) -> bool {
    url::Url::parse(base).is_ok_and(|url| origins.contains(&url.origin()))
}
