//! Files that suites and projects name.

use std::path::{Path, PathBuf};

/// Why a file may not be used.
pub(super) const OUTSIDE: &str = "it lies outside the project's folder";

/// Finds a file that a suite names: it must lie below the project's folder.
pub(super) fn below(folder: &Path, root: &Path, path: &str) -> Result<PathBuf, String> {
    let whole = std::fs::canonicalize(folder.join(path)).map_err(|_| "there is no such file".to_owned())?;
    let root = std::fs::canonicalize(root).map_err(|e| e.to_string())?;
    if !whole.starts_with(&root) {
        return Err(OUTSIDE.to_owned());
    }
    if whole.is_dir() {
        return Err("it is a folder".to_owned());
    }
    Ok(whole)
}

/// Reads a text file without its byte order mark.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|e| reason(&e))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(ToOwned::to_owned).unwrap_or(text)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..valid].iter().filter(|b| **b == b'\n').count() + 1;
            Err(format!("it is not UTF-8 text (line {line})"))
        }
    }
}

/// Reads a text file of a size that can be.
pub(super) fn bounded(path: &Path, most: usize) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|e| reason(&e))?.len();
    if length > most as u64 {
        return Err(format!("it has {} bytes, more than rows can have", crate::term::grouped(length)));
    }
    text(path)
}

/// The system's sentence without its number.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase(),
    }
}
