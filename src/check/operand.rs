//! What expectations are compared with: constants read when the plan is made, templates rendered
//! when an answer is judged.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Number, Value};

use super::value::{Kind, describe, describe_text};
use super::{Seen, diags};
use crate::spec::{Data, Node, Reader, parse_duration};
use crate::template::{Scope, Template};

/// What operands need when an answer is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    /// The names in scope.
    pub(super) scope: &'a Scope,
    /// When the answer is judged.
    pub(super) now: Timestamp,
}

impl<'a> Seen<'a> {
    /// What operands need.
    pub(super) const fn moment(&self) -> Moment<'a> {
        Moment { scope: self.scope, now: self.now }
    }
}

/// Why an expectation cannot be judged, one sentence without values.
pub(super) type Why = String;

/// A part of an expectation of one type.
#[derive(Debug, Clone)]
pub(super) enum Operand<T> {
    /// It was read when the plan was made.
    Const(T),
    /// It is rendered when it is needed.
    Late(Template),
}

impl<T: Clone> Operand<T> {
    /// Gives the operand, its template rendered and read.
    pub(super) fn get(&self, at: Moment<'_>, read: impl Fn(&Value) -> Result<T, String>) -> Result<Cow<'_, T>, Why> {
        match self {
            Self::Const(value) => Ok(Cow::Borrowed(value)),
            Self::Late(template) => {
                let value = template.value(at.scope).map_err(|e| faulty(&e.message))?;
                read(&value).map(Cow::Owned).map_err(|e| faulty(&e))
            }
        }
    }
}

fn faulty(message: &str) -> Why {
    format!("a template in the expectation cannot be used: {message}")
}

/// Renders a text operand.
pub(super) fn text_of<'t>(template: &'t Template, at: Moment<'_>) -> Result<Cow<'t, str>, Why> {
    match template.as_literal() {
        Some(text) => Ok(Cow::Borrowed(text)),
        None => template.render(at.scope).map(Cow::Owned).map_err(|e| faulty(&e.message)),
    }
}

/// Tells a text operand, its template as written when it cannot be rendered.
pub(super) fn describe_operand(template: &Template, at: Moment<'_>) -> String {
    text_of(template, at).map_or_else(|_| format!("{{{{ {} }}}}", template.source()), |text| describe_text(&text))
}

/// A value to compare with, as written.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// A value without templates; scalars keep their spelling.
    Const(Value, Option<Arc<str>>),
    /// A scalar with a template.
    Late(Template),
    /// A list with a template somewhere in it, or one whose spellings matter.
    List(Vec<Wanted>),
    /// A map with a template somewhere in it.
    Map(Vec<(Arc<str>, Wanted)>),
}

impl Wanted {
    /// Reads a value; in a place where texts are compared, only what a text can be equal to.
    pub(super) fn read(node: &Node, kind: Kind, reader: &mut Reader<'_>) -> Option<Self> {
        let textual = kind != Kind::Json;
        match &node.data {
            Data::Null if textual => {
                reader.fault(diags::null_for_text(node.span));
                None
            }
            Data::Map(_) if textual => {
                reader.fault(diags::needs_text(node));
                None
            }
            Data::List(_) if textual && kind != Kind::Lines => {
                reader.fault(diags::needs_text(node));
                None
            }
            Data::Null => Some(Self::Const(Value::Null, None)),
            Data::Bool(_) | Data::Number(..) => Some(Self::Const(node.to_json(), node.scalar())),
            Data::Text(text) => {
                let template = reader.template(node)?;
                let literal = template.as_literal().is_some();
                let constant = || Self::Const(Value::from(&**text), Some(Arc::clone(text)));
                Some(if literal { constant() } else { Self::Late(template) })
            }
            Data::List(items) => {
                let element = if textual { Kind::Text } else { Kind::Json };
                let read: Vec<Option<Self>> = items.iter().map(|n| Self::read(n, element, reader)).collect();
                Some(Self::List(read.into_iter().collect::<Option<_>>()?).folded(kind))
            }
            Data::Map(entries) => {
                let read: Vec<Option<(Arc<str>, Self)>> =
                    entries.iter().map(|e| Some((Arc::clone(&e.key), Self::read(&e.value, kind, reader)?))).collect();
                Some(Self::Map(read.into_iter().collect::<Option<_>>()?).folded(kind))
            }
        }
    }

    /// Joins constants into one, so that nothing is built again for every answer.
    fn folded(self, kind: Kind) -> Self {
        let constant = |w: &Self| match w {
            Self::Const(value, _) => Some(value.clone()),
            Self::Late(_) | Self::List(_) | Self::Map(_) => None,
        };
        let folded = match &self {
            _ if kind != Kind::Json => None,
            Self::List(items) => items.iter().map(constant).collect::<Option<_>>().map(Value::Array),
            Self::Map(entries) => {
                let pairs = entries.iter().map(|(k, w)| Some((k.to_string(), constant(w)?)));
                pairs.collect::<Option<_>>().map(Value::Object)
            }
            Self::Const(..) | Self::Late(_) => None,
        };
        folded.map_or(self, |value| Self::Const(value, None))
    }

    /// Gives the value with its type.
    pub(super) fn value(&self, at: Moment<'_>) -> Result<Cow<'_, Value>, Why> {
        match self {
            Self::Const(value, _) => Ok(Cow::Borrowed(value)),
            Self::Late(template) => template.value(at.scope).map(Cow::Owned).map_err(|e| faulty(&e.message)),
            Self::List(items) => {
                let values: Result<_, Why> = items.iter().map(|w| w.value(at).map(Cow::into_owned)).collect();
                values.map(|v| Cow::Owned(Value::Array(v)))
            }
            Self::Map(entries) => {
                let pairs: Result<_, Why> =
                    entries.iter().map(|(k, w)| Ok((k.to_string(), w.value(at)?.into_owned()))).collect();
                pairs.map(|v| Cow::Owned(Value::Object(v)))
            }
        }
    }

    /// Gives a scalar's spelling.
    pub(super) fn spelled(&self, at: Moment<'_>) -> Result<Cow<'_, str>, Why> {
        match self {
            Self::Const(_, Some(text)) => Ok(Cow::Borrowed(text)),
            Self::Late(template) => text_of(template, at),
            Self::Const(_, None) | Self::List(_) | Self::Map(_) => {
                Err("text is compared with something else".to_owned())
            }
        }
    }

    /// Gives the spellings of a list; `None` for a scalar.
    pub(super) fn spelled_list(&self, at: Moment<'_>) -> Option<Result<Vec<Cow<'_, str>>, Why>> {
        match self {
            Self::List(items) => Some(items.iter().map(|w| w.spelled(at)).collect()),
            Self::Const(..) | Self::Late(_) | Self::Map(_) => None,
        }
    }

    /// Tells the value with its type, or by its spelling where texts are compared.
    pub(super) fn describe(&self, kind: Kind, at: Moment<'_>) -> String {
        let told = match (kind, self) {
            (Kind::Json, _) | (_, Self::List(_) | Self::Map(_)) => self.value(at).map(|v| describe(&v)),
            (_, Self::Const(..) | Self::Late(_)) => self.spelled(at).map(|t| describe_text(&t)),
        };
        told.unwrap_or_else(|_| "what its template gives".to_owned())
    }

    /// Tells whether this is an empty text, which every text contains.
    pub(super) fn is_empty_text(&self) -> bool {
        matches!(self, Self::Const(Value::String(text), _) if text.is_empty())
    }
}

/// Reads a number or a template that gives one.
pub(super) fn number(node: &Node, reader: &mut Reader<'_>) -> Option<Operand<Number>> {
    match &node.data {
        Data::Number(n, _) => Some(Operand::Const(n.clone())),
        Data::Text(text) if text.contains("{{") => reader.template(node).map(Operand::Late),
        Data::Text(_) | Data::Null | Data::Bool(_) | Data::List(_) | Data::Map(_) => {
            reader.fault(diags::needs(node, "a number"));
            None
        }
    }
}

/// Takes a rendered operand for a number.
pub(super) fn as_number(value: &Value) -> Result<Number, String> {
    match value {
        Value::Number(n) => Ok(n.clone()),
        _ => Err("a number is needed, and it gives something else".to_owned()),
    }
}

/// Reads a duration or a template that gives one.
pub(super) fn duration(node: &Node, reader: &mut Reader<'_>) -> Option<Operand<Duration>> {
    match &node.data {
        Data::Text(text) if text.contains("{{") => reader.template(node).map(Operand::Late),
        _ => reader.duration(node).map(Operand::Const),
    }
}

/// Takes a rendered operand for a duration.
pub(super) fn as_duration(value: &Value) -> Result<Duration, String> {
    value
        .as_str()
        .and_then(parse_duration)
        .ok_or_else(|| "a duration such as `30s` is needed, and it gives something else".to_owned())
}
