//! How values are printed: as JSON would, never the engine's own way.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, Output, State};

use super::functions::OWN;

/// Prints a value as text: text as it is, `true`, `3`, `[1,2]`.
pub fn print(value: &Value) -> Result<String, &'static str> {
    match value.kind() {
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Number => Ok(super::to_json(value)?.to_string()),
        ValueKind::None => Err("it is null, which has no text; use `| default(…)` or `tojson`"),
        ValueKind::Undefined => Err("it is undefined"),
        ValueKind::Bytes => Err("these are bytes; spell them with `hex`, `base64` or `base64url`"),
        _ => Ok(super::to_json(value)?.to_string()),
    }
}

/// The engine's formatter for texts with statements.
pub(super) fn format(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let text = print(value).map_err(|m| Error::new(ErrorKind::InvalidOperation, format!("{OWN}{m}")))?;
    out.write_str(&text).map_err(Error::from)
}
