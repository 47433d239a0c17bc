//! The values a template sees.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Serde, ValueKind};

/// A template value; cheap to clone.
pub use minijinja::value::Value;

/// Members that are looked up when they are used, such as `env.*` or `jar.*`.
pub trait Lookup: Send + Sync {
    /// Finds a member by name.
    fn get(&self, name: &str) -> Option<Value>;
}

/// Names and their values, in layers: a name is looked up here, then in the base.
#[derive(Clone, Default)]
pub struct Scope {
    base: Option<Arc<Scope>>,
    /// Sorted by name: layers are small, and copied for every step.
    local: Vec<(Arc<str>, Value)>,
}

impl fmt::Debug for Scope {
    /// Shows names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.local.iter().map(|(name, _)| name)).finish()
    }
}

impl Scope {
    /// Starts a layer above another.
    pub fn above(base: &Arc<Self>) -> Self {
        Self { base: Some(Arc::clone(base)), local: Vec::new() }
    }

    /// Sets a name in this layer.
    pub fn set(&mut self, name: impl Into<Arc<str>>, value: Value) {
        let name = name.into();
        match self.place(&name) {
            Ok(at) => self.local[at].1 = value,
            Err(at) => self.local.insert(at, (name, value)),
        }
    }

    /// Sets an object whose members are looked up on use.
    pub fn set_lookup(&mut self, name: &str, lookup: Arc<dyn Lookup>) {
        self.set(name, Value::from_object(LookupObject(lookup)));
    }

    /// Sets an object with text members, such as an identity's fields.
    pub fn set_fields<K: Into<Value>>(&mut self, name: &str, fields: impl IntoIterator<Item = (K, Value)>) {
        self.set(name, Value::from_pairs(fields));
    }

    /// Names the folder that `file(…)` reads below.
    pub fn set_folder(&mut self, folder: &std::path::Path) {
        self.set(super::tokens::FOLDER, Value::from(folder.to_string_lossy().into_owned()));
    }

    /// Finds a value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self.place(name) {
            Ok(at) => Some(&self.local[at].1),
            Err(_) => self.base.as_ref().and_then(|b| b.get(name)),
        }
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.local.binary_search_by(|(known, _)| (**known).cmp(name))
    }

    /// Gives the names of this layer with their values.
    pub fn local(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        self.local.iter().map(|(name, value)| (name, value))
    }

    /// The whole scope as the value that templates are rendered with.
    pub(super) fn value(&self) -> Value {
        // The engine wants an owned object; layers are shared, and the top one is small.
        Value::from_object(ScopeObject(self.clone()))
    }
}

struct ScopeObject(Scope);

impl fmt::Debug for ScopeObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Object for ScopeObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?).cloned()
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.get(key).cloned()
    }
}

struct LookupObject(Arc<dyn Lookup>);

impl fmt::Debug for LookupObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("object")
    }
}

impl Object for LookupObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?)
    }
}

/// Converts JSON to a template value.
pub fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::String(text) => Value::from(text.as_str()),
        other => Value::from(Serde(other)),
    }
}

/// Converts a template value to JSON; bytes and undefined have no place there.
pub fn to_json(value: &Value) -> Result<serde_json::Value, &'static str> {
    match value.kind() {
        ValueKind::Undefined => Err("it is undefined"),
        ValueKind::Bytes => Err("these are bytes; spell them with `hex`, `base64` or `base64url`"),
        ValueKind::Invalid => Err("it could not be computed"),
        ValueKind::String => Ok(serde_json::Value::String(value.as_str().unwrap_or_default().to_owned())),
        _ => serde_json::to_value(value).map_err(|_| "it has no JSON form"),
    }
}
