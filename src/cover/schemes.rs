//! Which schemes of an operation requests show: alternatives that let somebody in, and schemes needed together without
//! one of which nobody gets in.

use super::document::{Document, KeyPlace, Operation, SchemeKind};
use super::results::StepResult;
use super::stance::carries;

/// What is seen of the schemes of one operation.
#[derive(Debug, Clone)]
pub struct Doors {
    /// For each alternative whether it let somebody in.
    pub used: Vec<bool>,
    /// For each scheme that is needed beside others, where its absence can be seen.
    pub parts: Vec<Part>,
}

/// A scheme that is needed beside others.
#[derive(Debug, Clone)]
pub struct Part {
    alternative: usize,
    scheme: String,
    /// Whether a request with the others was refused.
    pub missed: bool,
}

impl Doors {
    /// Nothing was seen yet.
    pub fn of(document: &Document, op: &Operation) -> Self {
        let mut parts = Vec::new();
        for (alternative, requirement) in op.security.alternatives().iter().enumerate() {
            let places: Vec<Option<String>> = requirement
                .schemes
                .iter()
                .map(|(name, _)| document.scheme(name).and_then(|s| place(&s.kind)))
                .collect();
            for ((scheme, _), at) in requirement.schemes.iter().zip(&places) {
                let alone = at.is_some() && places.iter().filter(|other| *other == at).count() == 1;
                if alone && places.len() > 1 {
                    parts.push(Part { alternative, scheme: scheme.clone(), missed: false });
                }
            }
        }
        Self { used: vec![false; op.security.alternatives().len()], parts }
    }

    /// Takes in that somebody got in.
    pub fn allow(&mut self, document: &Document, op: &Operation, step: &StepResult) {
        for (at, used) in self.used.iter_mut().enumerate() {
            *used |= lacks(document, op, at, step).is_empty();
        }
    }

    /// Takes in that somebody was refused who had all but one scheme of an alternative.
    pub fn refuse(&mut self, document: &Document, op: &Operation, step: &StepResult) {
        for part in &mut self.parts {
            part.missed |= lacks(document, op, part.alternative, step) == [part.scheme.as_str()];
        }
    }

    /// All of it, each whether it was seen.
    pub fn seen(&self) -> impl Iterator<Item = bool> {
        self.used.iter().copied().chain(self.parts.iter().map(|part| part.missed))
    }
}

/// The schemes of an alternative that a request carries nothing for, as far as it can be seen.
fn lacks<'o>(document: &Document, op: &'o Operation, alternative: usize, step: &StepResult) -> Vec<&'o str> {
    let Some(requirement) = op.security.alternatives().get(alternative) else { return Vec::new() };
    let names = requirement.schemes.iter().map(|(name, _)| name.as_str());
    names.filter(|name| document.scheme(name).is_some_and(|s| carries(&s.kind, step) == Some(false))).collect()
}

/// Where a scheme has its credential, where that can be seen.
fn place(kind: &SchemeKind) -> Option<String> {
    let header = |name: &str| format!("header {}", name.to_ascii_lowercase());
    Some(match kind {
        SchemeKind::Http(_) | SchemeKind::OAuth2(_) | SchemeKind::OpenId(_) => header("authorization"),
        SchemeKind::ApiKey(KeyPlace::Header, name) => header(name),
        SchemeKind::ApiKey(KeyPlace::Cookie, name) => format!("cookie {name}"),
        SchemeKind::ApiKey(KeyPlace::Query, name) => format!("query {name}"),
        SchemeKind::MutualTls => return None,
    })
}
