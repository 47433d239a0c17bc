//! Which operation makes the object that a path names: `POST /notes` for `/notes/{id}`.

use super::document::{Document, Operation};
use super::written::with_vars;

/// How an object of a path comes to be.
pub(super) struct Maker<'d> {
    /// What makes it.
    pub(super) op: &'d Operation,
    /// The variable that stands for it in the path.
    pub(super) var: String,
    /// Where the answer names it; nothing where the document does not say.
    pub(super) id: Option<&'d str>,
}

/// Finds what makes the last object of a path.
pub(super) fn maker<'d>(document: &'d Document, op: &Operation) -> Option<Maker<'d>> {
    let param = op.objects.last()?;
    let end = op.path.rfind(&format!("/{{{param}}}"))?;
    let (parent, var) = (&op.path[..end], with_vars(&op.path[..end + param.len() + 3]).1.pop()?);
    let makes = |o: &&Operation| o.method == "POST" && o.path == parent && o.prefixes == op.prefixes;
    let op = document.operations.iter().find(makes)?;
    let things = parent.rsplit('/').next().unwrap_or_default();
    Some(Maker { op, var, id: id_of(&op.answers, param, things) })
}

/// The field that names a new object: called as the parameter is, or `id`.
fn id_of<'d>(answers: &'d [String], param: &str, things: &str) -> Option<&'d str> {
    let thing = things.strip_suffix('s').unwrap_or(things);
    let wanted = [plain(param), "id".to_owned(), plain(&format!("{thing}id")), "uuid".to_owned()];
    let near = |name: &String| {
        let ends = |path: &&String| path.rsplit('.').next().is_some_and(|last| plain(last) == *name);
        answers.iter().filter(ends).min_by_key(|path| path.matches('.').count())
    };
    wanted.iter().find_map(near).map(String::as_str)
}

/// A name without case and marks: `accessToken` and `access_token` are one.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
