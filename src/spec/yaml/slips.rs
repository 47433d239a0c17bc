//! The common slips of YAML, each with a message of its own and the corrected line (docs/language.md, "YAML").

use super::raw::Fault;
use crate::diag::Diagnostic;
use crate::source::{FileId, Span};
use crate::spec::diags;

/// Explains why a document cannot be read: a known slip on that line, else the parser's own reason.
pub(super) fn explain(file: FileId, text: &str, fault: &Fault) -> Diagnostic {
    // The parser often notices one line too late, so the line before is looked at as well.
    let here = line_at(text, fault.offset);
    let before = here.start.checked_sub(1).map(|end| line_at(text, end));
    for range in [Some(here.clone()), before].into_iter().flatten() {
        if let Some(diagnostic) = on_line(file, text, range) {
            return diagnostic;
        }
    }
    let at = fault.offset.min(text.len());
    let message = fault.message.trim_end_matches('.');
    // The parser complains about the line that the tab seems to continue.
    let next = line_at(text, here.end.saturating_add(1));
    if let Some(tab) = [here, next].into_iter().find_map(|line| indenting_tab(text, line)) {
        return diags::tab(Span::new(file, tab, tab + 1));
    }
    diags::yaml(Span::new(file, at, at), message)
}

fn line_at(text: &str, offset: usize) -> std::ops::Range<usize> {
    let offset = offset.min(text.len());
    let bytes = text.as_bytes();
    let start = bytes[..offset].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let end = bytes[offset..].iter().position(|b| *b == b'\n').map_or(text.len(), |i| offset + i);
    start..end
}

/// Finds a tab before the first other character of a line.
fn indenting_tab(text: &str, line: std::ops::Range<usize>) -> Option<usize> {
    let blank = text[line.clone()].find(|c: char| !c.is_whitespace())?;
    text[line.start..line.start + blank].find('\t').map(|i| line.start + i)
}

fn on_line(file: FileId, text: &str, range: std::ops::Range<usize>) -> Option<Diagnostic> {
    let line = text.get(range.clone())?;
    let span = |r: std::ops::Range<usize>| Span::new(file, range.start + r.start, range.start + r.end);
    if let Some((value, fixed)) = bare_template(line) {
        return Some(diags::slip_template(span(value), &fixed));
    }
    if let Some((key, fixed)) = bracket_key(line) {
        return Some(diags::slip_key(span(key), &fixed));
    }
    if let Some(at) = find_outside_quotes(line, "*/*") {
        return Some(diags::slip_star(span(at..at + 3)));
    }
    if let Some(r) = backslash_in_double_quotes(line) {
        let fixed = format!("'{}'", line[r.clone()].trim_matches('"').replace('\'', "''"));
        return Some(diags::slip_backslash(span(r), &fixed));
    }
    None
}

/// Finds what reports write in place of a secret: `‹alice.password›`.
pub(super) fn mask(text: &str) -> Option<&str> {
    let from = text.find('‹')?;
    let length = text[from..].find('›')?;
    let inner = &text[from + '‹'.len_utf8()..from + length];
    // Some languages quote words so; a mask has the name of what it hides.
    let is_name = inner.trim() == inner && (inner.contains('.') || inner.starts_with("masked"));
    is_name.then(|| &text[from..from + length + '›'.len_utf8()])
}

/// Finds a piece of text that is not inside quotes.
fn find_outside_quotes(line: &str, piece: &str) -> Option<usize> {
    let mut quote = None;
    for (i, c) in line.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(q), c) if q == c => quote = None,
            (None, _) if line[i..].starts_with(piece) => return Some(i),
            _ => {}
        }
    }
    None
}

/// A template that begins an unquoted value: the range of the value and its quoted spelling.
fn bare_template(line: &str) -> Option<(std::ops::Range<usize>, String)> {
    let mut at = find_outside_quotes(line, "{{")?;
    let close = line[at..].find("}}").map(|i| at + i + 2)?;
    let in_flow = line[..at].matches('{').count() > line[..at].matches('}').count() || line[..at].contains('[');
    let before = line[..at].trim_end();
    let apart = before.len() < at && before.ends_with([':', '-', ',']);
    if !before.is_empty() && !apart && !before.ends_with(['{', '[']) {
        // Inside `{ }` a brace ends plain text wherever it stands in it: `{ request: GET /a/{{ id }} }`.
        let signs = [": ", ", ", "{", "["];
        let start = signs.iter().filter_map(|sign| Some(line[..at].rfind(sign)? + sign.len())).max()?;
        at = if in_flow { at - line[start..at].trim_start().len() } else { return None };
    }
    let rest = &line[close..];
    let more = if in_flow { rest.find([',', '}', ']']).unwrap_or(rest.len()) } else { rest.len() };
    let end = close + rest[..more].trim_end().len();
    let value = &line[at..end];
    let quote = if value.contains('"') { '\'' } else { '"' };
    Some((at..end, format!("{quote}{value}{quote}")))
}

/// `$.a[0]` or `a[href]` as a key inside `{ }`.
fn bracket_key(line: &str) -> Option<(std::ops::Range<usize>, String)> {
    let open = find_outside_quotes(line, "{")?;
    let bracket = open + find_outside_quotes(&line[open..], "[")?;
    let start = line[..bracket].rfind(['{', ',', ' '])? + 1;
    if start >= bracket {
        return None;
    }
    let end = bracket + line[bracket..].find(": ").or_else(|| line[bracket..].find(']').map(|i| i + 1))?;
    let key = &line[start..end];
    let quote = if key.contains('"') { '\'' } else { '"' };
    Some((start..end, format!("{quote}{key}{quote}")))
}

fn backslash_in_double_quotes(line: &str) -> Option<std::ops::Range<usize>> {
    let mut from = None;
    let mut escaped = false;
    let mut bad = false;
    for (i, c) in line.char_indices() {
        match from {
            None if c == '"' => (from, bad) = (Some(i), false),
            None => {}
            Some(_) if escaped => {
                bad |= !"0abtnvfre \"/\\N_LPxuU\t".contains(c);
                escaped = false;
            }
            Some(_) if c == '\\' => escaped = true,
            Some(start) if c == '"' => {
                if bad {
                    return Some(start..i + 1);
                }
                from = None;
            }
            Some(_) => {}
        }
    }
    None
}

/// A map or list where a key should be: nearly always an unquoted template.
pub(super) fn collection_as_key(file: FileId, text: &str, span: Span, flow: bool) -> Diagnostic {
    let range = line_at(text, span.start as usize);
    if flow && let Some((value, fixed)) = bare_template(&text[range.clone()]) {
        let at = Span::new(file, range.start + value.start, range.start + value.end);
        return diags::slip_template(at, &fixed);
    }
    diags::yaml(span, "a key must be text")
}

/// A request that a comment cut.
pub(super) struct Cut {
    pub(super) fault: Diagnostic,
    /// Where the request begins.
    pub(super) at: u32,
    /// What it would be without the comment.
    pub(super) meant: String,
}

/// `request: GET /a #b`: YAML drops everything from the `#` on.
pub(super) fn cut_request(file: FileId, text: &str, comment: &str, span: Span) -> Option<Cut> {
    if comment.is_empty() || comment.starts_with([' ', '\t', '#', '!', '-', '=']) {
        return None;
    }
    let start = span.start as usize;
    let range = line_at(text, start);
    let before = text.get(range.start..start)?;
    let (lead, value) = before.rsplit_once("request:")?;
    let value = value.trim();
    // Inside `{ }` a comma or brace has already ended the request.
    let in_braces = lead.contains('{');
    let is_key = lead.trim_start_matches([' ', '-']).is_empty() || (in_braces && lead.trim_end().ends_with(['{', ',']));
    if !is_key || value.is_empty() || value.starts_with(['"', '\'']) || (in_braces && value.contains([',', '}'])) {
        return None;
    }
    let value_at = range.start + before.rfind(value)?;
    let end = range.start + text[range].trim_end().len();
    let (method, target) = text.get(value_at..end)?.split_once(' ')?;
    let fixed = format!("{method} {}", target.replace(' ', "%20").replace('#', "%23"));
    let whole = Span::new(file, value_at, end);
    let fault = diags::slip_comment(Span::new(file, start, end), whole, &fixed);
    Some(Cut { fault, at: whole.start, meant: fixed })
}
