//! `json`: values of the body by JSON path.

use serde_json::Value;

use crate::jsonpath::Path;
use crate::spec::{Entry, Node, Reader};

use super::operator::Expectation;
use super::value::{Actual, Kind, Missing};
use super::{Check, Checked, Placed, Seen, diags};

#[derive(Debug)]
struct Json {
    path: Path,
    expectation: Expectation,
}

/// Reads the row `json`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    let Some(entries) = reader.map(node) else { return };
    for entry in entries.iter() {
        let path = path(entry, reader);
        let expectation = Expectation::read(&entry.value, Kind::Json, reader);
        let (Some(path), Some(expectation)) = (path, expectation) else { continue };
        let subject = format!("json {}", entry.key);
        expectation.place(&subject, out, |expectation| Box::new(Json { path: path.clone(), expectation }));
    }
}

fn path(entry: &Entry, reader: &mut Reader<'_>) -> Option<Path> {
    let text = &*entry.key;
    if text.contains("{{") {
        let message = "a path is read when the plan is made, so it holds no template";
        reader.fault(diags::misplaced_operator(entry.key_span, message));
        return None;
    }
    Path::parse(text)
        .map_err(|fault| {
            let written = reader.sources.slice(entry.key_span);
            let diagnostic = diags::bad_path(entry.key_span, text, written, &fault);
            let fixed = format!("$.{text}");
            let looks_bare = !text.starts_with('$') && Path::parse(&fixed).is_ok();
            reader.fault(if looks_bare { diagnostic.fix(entry.key_span, fixed, "write") } else { diagnostic });
        })
        .ok()
}

impl Check for Json {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        let at = seen.moment();
        let body = match seen.json() {
            Ok(body) => body,
            Err(why) => return self.expectation.judge(Actual::Missing(Missing::Unplaced(why)), at),
        };
        let found = self.path.find(body);
        if self.path.is_singular() {
            return match found.first() {
                Some(value) => self.expectation.judge(Actual::Json(value), at),
                None => self.expectation.judge(Actual::Missing(self.missing(body)), at),
            };
        }
        // The list of nodes; it says nothing when the place where they would be is missing too.
        if found.is_empty() {
            let missing = self.missing(body);
            let list = if self.path.stem_exists(body) { Actual::NoNodes(missing) } else { Actual::Missing(missing) };
            return self.expectation.judge(list, at);
        }
        let list = Value::Array(found.into_iter().cloned().collect());
        self.expectation.judge(Actual::Json(&list), at)
    }
}

impl Json {
    fn missing(&self, body: &Value) -> Missing<'static> {
        if self.path.parent_exists(body) {
            Missing::Absent("no such node")
        } else {
            Missing::Unplaced("no such node, nor the one it would be in")
        }
    }
}
