//! What a JSON path that finds nothing did find on its way.

use serde_json::Value as Json;

use crate::term::{list, plural, shorten};

/// How many names of a map are told.
const NAMES: usize = 8;

/// Says what is there instead: of the deepest part of the path that leads to one node.
pub(super) fn instead(path: &str, json: &Json, find: impl Fn(&str, &Json) -> Option<String>) -> String {
    for at in segments(path).into_iter().rev() {
        let prefix = &path[..at];
        if prefix.len() > 1
            && let Some(told) = find(prefix, json)
        {
            return format!("`{prefix}` is {told}");
        }
    }
    format!("the body is {}", describe(json))
}

/// Where the segments of a path begin.
fn segments(path: &str) -> Vec<usize> {
    let (mut starts, mut depth, mut quote) = (Vec::new(), 0_usize, None);
    for (at, c) in path.char_indices() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '(') => {
                if depth == 0 {
                    starts.push(at);
                }
                depth += 1;
            }
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            (None, '.') if depth == 0 => starts.push(at),
            (Some(_) | None, _) => {}
        }
    }
    starts
}

/// Names the type, and of a map its keys, never a value.
pub(super) fn describe(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(_) => "true or false".to_owned(),
        Json::Number(_) => "a number".to_owned(),
        Json::String(_) => "text".to_owned(),
        Json::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Json::Array(items) => format!("a list of {}", plural(items.len(), "value")),
        Json::Object(map) if map.is_empty() => "an empty map".to_owned(),
        Json::Object(map) => format!("a map with {}", names(map.keys().map(String::as_str))),
    }
}

/// Lists names, the first few of many.
pub(super) fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let mut shown = Vec::new();
    let mut more = 0;
    for name in all {
        if shown.len() < NAMES {
            shown.push(format!("`{}`", shorten(name, 40)));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        return format!("{} and {more} more", shown.join(", "));
    }
    list(&shown, "and")
}

/// The last name in a path: what the server calls the value.
pub(super) fn last_name(path: &str) -> &str {
    let part = |c: char| matches!(c, '.' | '[' | ']' | '\'' | '"' | '$' | '*');
    path.rsplit(part).find(|s| !s.is_empty() && !s.bytes().all(|b| b.is_ascii_digit())).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_begin_at_dots_and_brackets_outside_quotes() {
        assert_eq!(segments("$.a['b.c'][?@.x == '[']"), [1, 3, 10]);
        assert_eq!(last_name("$.tokens[0].access_token"), "access_token");
        assert_eq!(last_name("$['refresh_token']"), "refresh_token");
        assert_eq!(last_name("$.ids[0]"), "ids");
        assert_eq!(last_name("$"), "");
    }

    #[test]
    fn maps_are_told_by_their_keys() {
        assert_eq!(describe(&serde_json::json!({"error": "secret", "message": 1})), "a map with `error` and `message`");
        let many: Json = (0..12).map(|i| (format!("k{i}"), Json::Null)).collect::<serde_json::Map<_, _>>().into();
        assert!(describe(&many).ends_with("`k7` and 4 more"), "{}", describe(&many));
        assert_eq!(describe(&serde_json::json!([1])), "a list of 1 value");
    }
}
