//! Lays out JSON text without reading it into values.
//!
//! Numbers keep their digits, objects their double keys, and a text that breaks off is laid out as
//! far as it goes: a report must show what was there, not what a parser made of it.

/// Puts every member on a line of its own.
pub(crate) fn pretty(text: &str) -> String {
    lay(text, Layout::Lines)
}

/// Puts everything on one line.
pub(crate) fn single(text: &str) -> String {
    lay(text, Layout::Single)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Lines,
    Single,
}

/// Indentation stops growing here, so that nesting cannot make a report large.
const DEEPEST: usize = 20;

fn lay(text: &str, layout: Layout) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut depth = 0usize;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push(c);
                let mut escaped = false;
                for c in chars.by_ref() {
                    out.push(c);
                    match c {
                        '"' if !escaped => break,
                        '\\' => escaped = !escaped,
                        _ => escaped = false,
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(close) = chars.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    start_line(&mut out, depth, layout);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                start_line(&mut out, depth, layout);
                out.push(c);
            }
            ',' => {
                out.push(c);
                start_line(&mut out, depth, layout);
                if layout == Layout::Single {
                    out.push(' ');
                }
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

fn start_line(out: &mut String, depth: usize, layout: Layout) {
    if layout == Layout::Lines {
        out.push('\n');
        out.push_str(&"  ".repeat(depth.min(DEEPEST)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_get_lines_and_digits_stay() {
        let text = r#"{"a":[1,2.50,{}],"a":"x, {\"y\": 1}" , "b":[ ]}"#;
        assert_eq!(
            pretty(text),
            "{\n  \"a\": [\n    1,\n    2.50,\n    {}\n  ],\n  \"a\": \"x, {\\\"y\\\": 1}\",\n  \"b\": []\n}"
        );
        assert_eq!(single(&pretty(text)), r#"{"a": [1, 2.50, {}], "a": "x, {\"y\": 1}", "b": []}"#);
    }

    #[test]
    fn broken_and_deep_texts_are_laid_out_as_far_as_they_go() {
        assert_eq!(pretty(r#"{"a": "open"#), "{\n  \"a\": \"open");
        assert_eq!(single("]]}"), "]]}");
        assert!(pretty(&"[".repeat(5_000)).len() < 5_000 * 45);
    }

    proptest::proptest! {
        #[test]
        fn what_is_laid_out_is_still_the_same_json(n in proptest::num::i64::ANY, s in ".*", deep in 0..9usize) {
            let value = serde_json::json!({ "s": s, "list": [n, null, [{}], "a,b:[c]"], "k:{": { "d": deep } });
            for text in [pretty(&value.to_string()), single(&value.to_string())] {
                proptest::prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(&text).unwrap(), &value);
            }
        }
    }
}
