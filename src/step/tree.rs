//! JSON with templates in it.

use std::sync::Arc;

use serde_json::Value;

use crate::spec::{Data, Node, Reader};
use crate::template::{Scope, Template, TemplateError};

/// A JSON value in which texts may be templates; keys too.
#[derive(Debug, Clone)]
pub enum Tree {
    /// Nothing to render in it.
    Const(Value),
    /// A template: a single expression keeps its type.
    Text(Template),
    /// A list.
    List(Vec<Tree>),
    /// A map in file order.
    Map(Vec<(Arc<str>, Tree)>),
}

impl Tree {
    /// Compiles a node with everything below it.
    pub fn compile(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.data {
            Data::Text(text) if text.contains("{{") || text.contains("{%") => reader.template(node).map(Self::Text),
            Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) => Some(Self::Const(node.to_json())),
            Data::List(items) => {
                let items: Vec<Option<Self>> = items.iter().map(|n| Self::compile(n, reader)).collect();
                let items = items.into_iter().collect::<Option<Vec<_>>>()?;
                Some(if items.iter().all(Self::is_const) { Self::Const(node.to_json()) } else { Self::List(items) })
            }
            Data::Map(entries) => {
                let pairs: Vec<Option<(Arc<str>, Self)>> =
                    entries.iter().map(|e| Some((Arc::clone(&e.key), Self::compile(&e.value, reader)?))).collect();
                let pairs = pairs.into_iter().collect::<Option<Vec<_>>>()?;
                let fixed = pairs.iter().all(|(_, v)| v.is_const());
                Some(if fixed { Self::Const(node.to_json()) } else { Self::Map(pairs) })
            }
        }
    }

    /// Gives a value in which nothing is to be rendered, at a name of a map.
    pub fn fixed(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Const(value) => value.get(name),
            Self::Map(pairs) => pairs.iter().find(|(key, _)| &**key == name).and_then(|(_, tree)| match tree {
                Self::Const(value) => Some(value),
                Self::Text(_) | Self::List(_) | Self::Map(_) => None,
            }),
            Self::Text(_) | Self::List(_) => None,
        }
    }

    const fn is_const(&self) -> bool {
        matches!(self, Self::Const(_))
    }

    /// Renders the value.
    pub fn value(&self, scope: &Scope) -> Result<Value, TemplateError> {
        match self {
            Self::Const(value) => Ok(value.clone()),
            Self::Text(template) => template.value(scope),
            Self::List(items) => items.iter().map(|t| t.value(scope)).collect::<Result<Vec<_>, _>>().map(Value::Array),
            Self::Map(pairs) => {
                let pairs = pairs.iter().map(|(k, t)| Ok((k.to_string(), t.value(scope)?)));
                pairs.collect::<Result<serde_json::Map<_, _>, _>>().map(Value::Object)
            }
        }
    }

    /// Writes down what is the same each time, as [`Template::outline`] does.
    pub fn outline(&self, scope: &Scope, is_new: &dyn Fn(&str) -> bool, out: &mut String) {
        match self {
            Self::Const(value) => out.push_str(&value.to_string()),
            Self::Text(template) => out.push_str(&Value::from(template.outline(scope, is_new)).to_string()),
            Self::List(items) => {
                out.push('[');
                for item in items {
                    item.outline(scope, is_new, out);
                    out.push(',');
                }
                out.push(']');
            }
            Self::Map(pairs) => {
                out.push('{');
                for (key, item) in pairs {
                    out.push_str(&Value::from(&**key).to_string());
                    out.push(':');
                    item.outline(scope, is_new, out);
                    out.push(',');
                }
                out.push('}');
            }
        }
    }

    /// Tells whether an expression in it uses a name, with or without a member.
    pub fn uses(&self, name: &str) -> bool {
        match self {
            Self::Const(_) => false,
            Self::Text(template) => template.uses(name),
            Self::List(items) => items.iter().any(|t| t.uses(name)),
            Self::Map(pairs) => pairs.iter().any(|(_, t)| t.uses(name)),
        }
    }
}
