//! `equals` and `one_of`.

use std::borrow::Cow;

use serde_json::Value;

use super::{Fit, Looks, Operator};
use crate::check::diags;
use crate::check::operand::{Moment, Wanted, Why};
use crate::check::value::{Actual, Kind, NO_NODES, same};
use crate::spec::{Data, Node, Reader};

#[derive(Debug)]
struct Equals {
    wanted: Wanted,
    kind: Kind,
}

/// Reads a value to be equal to.
pub(super) fn equals(node: &Node, kind: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    Some(Box::new(Equals { wanted: Wanted::read(node, kind, reader)?, kind }))
}

/// Tells whether a source equals a value: by type, or where it is text by spelling.
fn equal(wanted: &Wanted, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why> {
    Ok(match actual {
        Actual::Json(value) => Fit::from(same(&*wanted.value(at)?, value)),
        Actual::Text(text) => Fit::from(wanted.spelled(at)? == text),
        Actual::Lines(lines) => match wanted.spelled_list(at) {
            Some(list) => Fit::from(list? == lines),
            None => Fit::from(lines.len() == 1 && wanted.spelled(at)? == lines[0].as_str()),
        },
        Actual::NoNodes(_) => Fit::from(same(&*wanted.value(at)?, &NO_NODES)),
        Actual::Missing(_) => Fit::Unfit,
    })
}

impl Operator for Equals {
    fn fit(&self, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why> {
        equal(&self.wanted, actual, at)
    }

    fn expected(&self, at: Moment<'_>) -> String {
        self.wanted.describe(self.kind, at)
    }

    fn looks(&self) -> Looks {
        // A list is compared with all lines of a header.
        if matches!(self.wanted, Wanted::List(_)) { Looks::Together } else { Looks::LineByLine }
    }
}

#[derive(Debug)]
struct OneOf {
    choices: Choices,
    kind: Kind,
}

#[derive(Debug)]
enum Choices {
    Listed(Vec<Wanted>),
    /// A template that gives a list.
    Late(Wanted),
}

/// Reads a list of values, or a template that gives one.
pub(super) fn one_of(node: &Node, kind: Kind, reader: &mut Reader<'_>) -> Option<Box<dyn Operator>> {
    let element = if kind == Kind::Json { Kind::Json } else { Kind::Text };
    let choices = match &node.data {
        Data::List(items) if items.is_empty() => {
            reader.fault(diags::needs(node, "at least one value"));
            return None;
        }
        Data::List(items) => {
            let read: Vec<_> = items.iter().map(|n| Wanted::read(n, element, reader)).collect();
            Choices::Listed(read.into_iter().collect::<Option<_>>()?)
        }
        Data::Text(text) if text.contains("{{") => Choices::Late(Wanted::read(node, element, reader)?),
        Data::Text(_) | Data::Null | Data::Bool(_) | Data::Number(..) | Data::Map(_) => {
            reader.fault(diags::needs(node, "a list"));
            return None;
        }
    };
    Some(Box::new(OneOf { choices, kind }))
}

impl OneOf {
    fn choices(&self, at: Moment<'_>) -> Result<Cow<'_, [Wanted]>, Why> {
        match &self.choices {
            Choices::Listed(all) => Ok(Cow::Borrowed(all)),
            Choices::Late(template) => match template.value(at)?.into_owned() {
                Value::Array(items) => Ok(items.into_iter().map(constant).collect()),
                _ => Err("`one_of` needs a list, and its template gives something else".to_owned()),
            },
        }
    }
}

fn constant(value: Value) -> Wanted {
    let spelled = match &value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    Wanted::Const(value, spelled)
}

impl Operator for OneOf {
    fn fit(&self, actual: Actual<'_>, at: Moment<'_>) -> Result<Fit, Why> {
        super::best(self.choices(at)?.iter().map(|choice| equal(choice, actual, at)))
    }

    fn expected(&self, at: Moment<'_>) -> String {
        let Ok(choices) = self.choices(at) else { return "one of what its template gives".to_owned() };
        let told: Vec<String> = choices.iter().map(|c| c.describe(self.kind, at)).collect();
        format!("one of {}", told.join(", "))
    }
}
