//! Texts of a document as a suite writes them: scalars, remarks, names, paths with their variables, bodies.
//!
//! A document says what it likes; whatever it says has to stand in the YAML that is made of it as text and nothing else.

use std::collections::HashSet;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use super::document::{Body, Operation};
use crate::capture::name_fault;
use crate::plan::slug;

/// What a person has to put in place of.
pub const FILL_IN: &str = "FILL-IN";

/// A text as YAML: plain where that is safe everywhere, also between braces, else in quotes.
pub(super) fn scalar(text: &str) -> String {
    let safe = |c: char| c.is_alphanumeric() || " /_.-()".contains(c);
    let plain = text.starts_with(|c: char| c.is_alphabetic() || c == '/')
        && text.chars().all(safe)
        && !text.ends_with(' ')
        && !matches!(&*text.to_ascii_lowercase(), "true" | "false" | "null");
    if plain { text.to_owned() } else { quoted(text) }
}

/// The value of a key of a block: braces may stand in it there, as in `GET /notes/{{ id }}`.
pub(super) fn block_scalar(text: &str) -> String {
    let bare = text.replace(['{', '}'], "x");
    if scalar(&bare) == bare && !text.starts_with('{') { text.to_owned() } else { quoted(text) }
}

/// A text between double quotes, in which YAML takes JSON's escapes; what it takes for no character or a line break is
/// one of them (YAML 1.2, sections 5.1 and 5.4).
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for c in Value::from(text).to_string().chars() {
        let odd = matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
        if odd { out.push_str(&format!("\\u{:04x}", u32::from(c))) } else { out.push(c) }
    }
    out
}

/// A text within a remark, which ends with its line.
pub(super) fn remark(text: &str) -> String {
    let odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    text.replace(odd, " ")
}

/// Names of cases or rows, each of which has to differ from all others as ids spell them.
#[derive(Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// A name that no other has, also when it is spelt as an id.
    pub(super) fn free(&mut self, name: &str) -> String {
        let mut tried = name.to_owned();
        for n in 2.. {
            if self.0.insert(slug(&tried)) {
                break;
            }
            tried = format!("{name} ({n})");
        }
        tried
    }
}

/// Tells whether a request may end the session that it is sent with: by its name, or because it changes something
/// that is nothing but the caller's own.
pub(super) fn ends_session(op: &Operation) -> bool {
    const ENDS: &[&str] = &["logout", "signout", "logoff", "signoff"];
    const CHANGES: &[&str] = &["refresh", "revoke", "session", "password", "token"];
    let path = op.path.to_ascii_lowercase().replace(['-', '_'], "");
    let has = |words: &[&str]| words.iter().any(|word| path.contains(word));
    let own = op.body.is_none() && !path.contains('{') && matches!(&*op.method, "POST" | "DELETE");
    !op.is_preflight() && has(ENDS) || !op.is_safe() && (has(CHANGES) || own)
}

/// A path with a template in place of each parameter, and the names of the variables, which say what they name:
/// `notes_id` for `/notes/{id}`.
pub(super) fn with_vars(path: &str) -> (String, Vec<String>) {
    let (mut out, mut vars) = (String::new(), Vec::new());
    let mut of = String::new();
    for segment in path.split('/').skip(1) {
        out.push('/');
        let mut rest = segment;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            let var = variable(&of, name);
            out.push_str(&format!("{}{{{{ {var} }}}}", literal(before)));
            vars.push(var);
            rest = after;
        }
        out.push_str(&literal(rest));
        if !segment.contains('{') {
            segment.clone_into(&mut of);
        }
    }
    (out, vars)
}

/// What is encoded of a piece of a path as it travels (RFC 3986, section 3.3): documents write blanks and letters as they
/// are, and what is encoded already stays.
const IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

fn literal(piece: &str) -> String {
    utf8_percent_encode(piece, IN_PATH).to_string()
}

/// Letters that no variable has are spelt by their numbers, so that two names stay two.
fn variable(of: &str, name: &str) -> String {
    let word = |text: &str| {
        let mut out = String::new();
        for c in text.chars() {
            match c {
                c if c.is_ascii_alphanumeric() => out.push(c.to_ascii_lowercase()),
                c if c.is_alphanumeric() => out.push_str(&format!("u{:x}", u32::from(c))),
                _ => out.push('_'),
            }
        }
        out.trim_matches('_').to_owned()
    };
    let joined =
        [word(of), word(name)].iter().filter(|w| !w.is_empty()).map(String::as_str).collect::<Vec<_>>().join("_");
    if name_fault(&joined).is_some() { format!("v_{joined}") } else { joined }
}

/// The body of an operation as a line of a step: what its schema says, or a remark where that is nothing.
pub(super) fn body(body: &Body) -> String {
    let mark = format!(" # {FILL_IN}: a body that the operation takes");
    match fields(body) {
        Some(fields) if body.key == "json" || body.key == "form" => {
            // The document may say all of it.
            let mark = if fields.contains(FILL_IN) { &*mark } else { "" };
            format!("{}: {fields}{mark}\n", body.key)
        }
        _ if body.key == "body" => format!("# body: \"\"{mark}\n"),
        fields => format!("# {}: {}{mark}\n", body.key, fields.as_deref().unwrap_or("{ }")),
    }
}

/// The fields of a body between braces, with what the document says of their values. Forms have texts alone.
pub(super) fn fields(body: &Body) -> Option<String> {
    let is_deep = |value: &Value| body.key != "json" && (value.is_object() || value.is_array());
    let value = |value: &Value| if is_deep(value) { FILL_IN.to_owned() } else { sample(value) };
    let all: Vec<String> = body.fields.iter().map(|f| format!("{}: {}", scalar(&f.name), value(&f.sample))).collect();
    (!all.is_empty()).then(|| format!("{{ {} }}", all.join(", ")))
}

/// A value as YAML within braces. A text that would be taken for a template is not written.
pub(super) fn sample(value: &Value) -> String {
    let between = |open: &str, all: Vec<String>, close: &str| match all[..] {
        [] => format!("{open}{close}"),
        _ => format!("{open} {} {close}", all.join(", ")),
    };
    match value {
        Value::Null => FILL_IN.to_owned(),
        Value::String(text) if text.contains(['{', '}']) => FILL_IN.to_owned(),
        Value::String(text) => scalar(text),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => between("[", items.iter().map(sample).collect(), "]"),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| format!("{}: {}", scalar(key), sample(value));
            between("{", map.iter().filter(|(key, _)| is_plain_key(key)).map(entry).collect(), "}")
        }
    }
}

/// Tells whether a name can be the key of a body as it is.
pub(super) fn is_plain_key(name: &str) -> bool {
    !name.is_empty() && !name.contains(['{', '}']) && !name.contains(char::is_control) && name != "<<"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_document_says_is_text_in_yaml() {
        for (text, written) in [
            ("alice", "alice"),
            ("GET /notes", "GET /notes"),
            ("a: b", "\"a: b\""),
            ("te#am", "\"te#am\""),
            ("{{ x }}", "\"{{ x }}\""),
            ("a {{ x }}", "\"a {{ x }}\""),
            ("null", "\"null\""),
            ("a\u{85}b\u{2028}", "\"a\\u0085b\\u2028\""),
            ("a\nb", "\"a\\nb\""),
        ] {
            assert_eq!(scalar(text), written);
        }
        assert_eq!(block_scalar("GET /notes/{{ id }}"), "GET /notes/{{ id }}");
        assert_eq!(block_scalar("GET /x:y/{{ id }}"), "\"GET /x:y/{{ id }}\"");
        assert_eq!(remark("a\nb\u{85}c"), "a b c");
    }

    #[test]
    fn letters_of_any_language_make_variables_of_their_own() {
        let vars = |path: &str| with_vars(path).1;
        assert_eq!(vars("/notes/{id}"), ["notes_id"]);
        assert_eq!(vars("/{if}"), ["v_if"]);
        assert_ne!(vars("/заметки/{ид}"), vars("/задачи/{ид}"));
    }

    #[test]
    fn names_differ_as_ids_spell_them() {
        let mut names = Names::default();
        assert_eq!(names.free("GET /a/b"), "GET /a/b");
        assert_eq!(names.free("GET /a-b"), "GET /a-b (2)");
        assert_eq!(names.free("GET /a-b/"), "GET /a-b/ (3)");
    }
}
