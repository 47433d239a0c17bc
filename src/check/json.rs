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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Answer, faults};

    fn holds(written: &str) -> bool {
        let body = json!({"user": {"name": "alice", "tags": []}, "items": [{"id": 1}, {"id": 2}], "none": null});
        Answer::ok().json(&body).holds(&format!("json: {{ {written} }}"))
    }

    #[test]
    fn singular_paths_give_the_value_and_others_the_list() {
        assert!(holds("$.user.name: alice, \"$.items[0].id\": 1, $.none: null, $: { type: object }"));
        assert!(holds("\"$.items[*].id\": [1, 2], $..id: { length: 2, contains: 2 }, \"$.items[:1].id\": [1]"));
        assert!(holds("\"$.items[*].id\": { all: { type: integer }, any: 2, not: { contains: 3 } }"));
        assert!(!holds("\"$.items[*].id\": 1") && !holds("$.user.name: bob"));
    }

    #[test]
    fn a_missing_node_fails_everything_but_its_absence() {
        for operators in ["x", "null", "{ not: x }", "{ not: { contains: x } }", "{ length: 0 }", "{ exists: true }"] {
            assert!(!holds(&format!("$.user.nope: {operators}")), "{operators}");
        }
        assert!(holds("$.user.nope: { exists: false }") && holds("$.user.nope: { not: { exists: true } }"));
        assert!(!holds("$.user.name: { exists: false }") && !holds("$.none: { exists: false }"));
    }

    #[test]
    fn absence_needs_a_parent() {
        assert!(!holds("$.nope.x: { exists: false }") && !holds("$.nope.x: { not: { exists: true } }"));
        assert!(!holds("\"$.user.tags[*].secret\": { exists: false }"), "no element was there to look into");
        assert!(holds("\"$.items[*].secret\": { exists: false }") && holds("$..secret: { exists: false }"));
        assert!(!holds("\"$.items[*].id\": { exists: false }") && !holds("$..id: { exists: false }"));
    }

    #[test]
    fn no_nodes_are_an_empty_list_where_the_list_would_be() {
        assert!(holds("\"$.user.tags[*]\": { length: 0 }") && holds("\"$.user.tags[*].x\": []"));
        assert!(holds("\"$.items[?@.id == 9]\": { length: 0 }") && !holds("\"$.nope[*]\": { length: 0 }"));
        assert!(!holds("\"$.user.tags[*]\": { all: x }") && !holds("\"$.user.tags[*]\": { not: { all: x } }"));
        assert!(!holds("\"$.nope[*]\": { not: { contains: x } }") && !holds("\"$.user.tags[*]\": { any: x }"));
    }

    #[test]
    fn a_body_that_is_no_json_fails_everything() {
        for body in ["", "<html>", "{\"a\": 1"] {
            for operators in ["x", "{ exists: false }", "{ not: { exists: true } }", "{ not: x }"] {
                let broken = Answer::ok().body(body).broken(&format!("json: {{ $.a: {operators} }}"));
                assert!(broken[0].1.contains("not JSON"), "{body}: {broken:?}");
            }
        }
    }

    #[test]
    fn faults_are_told() {
        for (written, words) in [
            ("json: { user.name: alice }", "begins with `$`"),
            ("json: { $.a b: 1 }", "blank"),
            ("json: { \"$.a[\": 1 }", "too early"),
            ("json: { \"$['{{ who }}']\": 1 }", "no template"),
            ("json: {}", "could not fail"),
            ("json: { $.a: {} }", "could not fail"),
            ("json: alice", "a map"),
            ("jsn: { $.a: 1 }", "no check called `jsn`"),
            ("{ $.a: 1 }", "stand under `json:`"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }
}
