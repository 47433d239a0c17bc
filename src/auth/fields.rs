//! What a field of an identity cannot be, whatever the server: it is told before anything is sent.

use super::SchemeKind;
use crate::source::Span;
use crate::spec::{Data, Node};
use crate::template::Names;

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldFault {
    /// It has a line break, which no credential of its kind has; most often a file's last one.
    LineBreak,
    /// It is empty, where nothing can be signed without it.
    Empty,
    /// It is a name of HTTP Basic with a colon (RFC 7617, section 2).
    Colon,
    /// It is a key that is not spelt as the scheme says, as this sentence has it.
    Misspelt(&'static str),
    /// It is no private key, for this reason.
    NoKey(String),
}

impl FieldFault {
    /// Says it in a sentence about the field.
    pub const fn describe(&self) -> &'static str {
        match self {
            Self::LineBreak => "has a line break in it",
            Self::Empty => "is empty, and nothing can be signed without it",
            Self::Colon => {
                "has a colon in it, and what stands before that is the name to a server (RFC 7617, section 2)"
            }
            Self::Misspelt(_) => "is not spelt as the scheme says",
            Self::NoKey(_) => "is no private key that can sign",
        }
    }
}

/// What a scheme says of a field: the scheme as it is written, where that is at hand, the field's name and its value.
pub type Look = fn(Option<&Node>, &str, &str) -> Option<FieldFault>;

/// The look of a scheme that takes whatever there is.
pub(super) fn anything(_: Option<&Node>, _: &str, _: &str) -> Option<FieldFault> {
    None
}

/// What follows a prefix in the template that a value is, whole: `{{ identity.NAME }}`.
pub(super) fn whole<'a>(value: &'a Node, prefix: &str) -> Option<&'a str> {
    let Data::Text(text) = &value.data else { return None };
    text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim().strip_prefix(prefix)
}

/// What has several lines of the secret or variable that a value is, whole, and the place that names it.
pub(super) fn lined(value: &Node, names: &Names) -> Option<(String, Option<Span>)> {
    if let Some(name) = whole(value, "env.") {
        return names.lined().variables.contains(name).then(|| (format!("the variable `{name}`"), None));
    }
    let name = whole(value, "secrets.")?;
    names.lined().secrets.get(name).map(|(what, place)| (format!("{what} of the secret `{name}`"), Some(*place)))
}

/// Tells what is wrong with the value of a field: one that the kind needs has one line, and a kind knows more of its own.
pub fn field_fault(kind: &SchemeKind, scheme: Option<&Node>, name: &str, value: &str) -> Option<FieldFault> {
    if kind.needs.contains(&name) && is_broken(value) {
        return Some(FieldFault::LineBreak);
    }
    (kind.look)(scheme, name, value)
}

/// Tells whether a text has several lines, or a line break at its end.
pub(super) fn is_broken(text: &str) -> bool {
    text.contains(['\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::SCHEMES;

    #[test]
    fn a_field_that_is_needed_has_one_line() {
        let fault = |scheme: &str, name: &str, value: &str| {
            field_fault(SCHEMES.iter().find(|s| s.name == scheme).unwrap(), None, name, value)
        };
        assert_eq!(fault("bearer", "token", "abc\n"), Some(FieldFault::LineBreak));
        assert_eq!(fault("basic", "username", "a:b"), Some(FieldFault::Colon));
        assert_eq!(fault("hmac", "key", ""), Some(FieldFault::Empty));
        assert_eq!(fault("aws-sigv4", "secret_key", ""), Some(FieldFault::Empty));
        assert_eq!(fault("aws-sigv4", "session_token", "a\nb"), Some(FieldFault::LineBreak));
        for (scheme, name, value) in [
            ("basic", "password", "a:b"),
            ("digest", "username", "a:b"),
            ("bearer", "other", "a\nb"),
            ("basic", "password", ""),
            ("login", "password", "x\n"),
            ("aws-sigv4", "session_token", ""),
            ("aws-sigv4", "other", "a\nb"),
        ] {
            assert_eq!(fault(scheme, name, value), None, "{scheme} {name}");
        }
    }
}
