//! Adds a case to the end of a suite's list, and leaves everything else of the file as it is.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::diag::Diagnostics;
use crate::source::SourceMap;
use crate::spec::{self, Input};

/// Adds a case that is written two blanks in; says what was done, or why not.
pub(super) fn append(path: &Path, case: &str) -> Result<&'static str, String> {
    if !path.exists() {
        write(path, &format!("{}cases:\n{case}", schema(path)))?;
        return Ok("made");
    }
    let text = fs::read_to_string(path).map_err(|error| told(&error))?;
    let (before, faults) = count(path, &text);
    if faults > 0 || before == 0 {
        return Err("it is no suite without faults; `authspec check` tells more".to_owned());
    }
    let case = &renamed(path, &text, case);
    let new = insert(&text, case).ok_or("its `cases:` is no list with one case below the other")?;
    // The file is read again before it is written: nothing of it may have changed its meaning.
    if count(path, &new) != (before + 1, 0) {
        return Err("its cases are written in a way that no further one can be added to".to_owned());
    }
    write(path, &new)?;
    Ok("added to")
}

/// The line that editors know a suite by, where `init` has put the schema beside a new file or above it.
fn schema(path: &Path) -> String {
    const SCHEMA: &str = ".authspec/suite.schema.json";
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok()).unwrap_or_default();
    let above = folder.ancestors().position(|folder| folder.join(SCHEMA).is_file());
    above.map_or_else(String::new, |up| format!("# yaml-language-server: $schema={}{SCHEMA}\n", "../".repeat(up)))
}

/// The case under a name that no other one of the suite has: `GET /me (2)`.
fn renamed(path: &Path, text: &str, case: &str) -> String {
    let taken: Vec<String> = names(path, text).iter().map(|name| name.to_lowercase()).collect();
    let own = names(path, &format!("cases:\n{case}"));
    let [name] = &own[..] else { return case.to_owned() };
    if !taken.contains(&name.to_lowercase()) {
        return case.to_owned();
    }
    let free = (2..10_000).map(|n| format!("{name} ({n})")).find(|free| !taken.contains(&free.to_lowercase()));
    let rest = case.split_once('\n').map_or("", |(_, rest)| rest);
    format!("  - name: '{}'\n{rest}", free.unwrap_or_default().replace('\'', "''"))
}

/// The names of the cases that a text holds.
fn names(path: &Path, text: &str) -> Vec<String> {
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    let input = Input { paths: vec!["-".into()], stdin: Some(text.to_owned()), folder, at: None };
    let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
    let suites = spec::load(&input, &mut sources, &mut diags);
    suites.suites.iter().flat_map(|s| &s.cases).map(|case| case.name.value.clone()).collect()
}

/// How many cases a text holds, and how many faults reading it finds.
fn count(path: &Path, text: &str) -> (usize, usize) {
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    let input = Input { paths: vec!["-".into()], stdin: Some(text.to_owned()), folder, at: None };
    let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
    let suites = spec::load(&input, &mut sources, &mut diags);
    (suites.suites.iter().map(|s| s.cases.len()).sum(), diags.errors())
}

/// The text with a case behind the last one of the top-level `cases`.
fn insert(text: &str, case: &str) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let start =
        lines.iter().position(|line| line.trim_end().split(" #").next().map(str::trim_end) == Some("cases:"))?;
    let ends = |line: &&str| !line.starts_with([' ', '\t', '-', '#', '\r', '\n']);
    let end = lines[start + 1..].iter().position(ends).map_or(lines.len(), |n| start + 1 + n);
    let items = &lines[start + 1..end];
    let first = items.iter().find(|line| line.trim_start().starts_with('-'))?;
    let indent = &first[..first.len() - first.trim_start().len()];
    // Comments and empty lines at the end belong to what follows.
    let last = items.iter().rposition(|line| !line.trim().is_empty() && !line.starts_with('#'))?;
    let mut out = lines[..=start + 1 + last].concat();
    if !out.ends_with('\n') {
        out.push('\n');
    }
    // Cases that stand apart go on standing apart.
    if items.iter().take(last).any(|line| line.trim().is_empty()) {
        out.push('\n');
    }
    for line in case.lines() {
        out.push_str(&format!("{indent}{}\n", line.strip_prefix("  ").unwrap_or(line)));
    }
    out.push_str(&lines[start + 2 + last..].concat());
    Some(out)
}

/// Replaces a file in one move, with the rights it had.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = real.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| told(&error))?;
    if !real.exists() {
        return fs::write(&real, text).map_err(|error| told(&error));
    }
    let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(|error| told(&error))?;
    temporary.write_all(text.as_bytes()).map_err(|error| told(&error))?;
    if let Ok(known) = fs::metadata(&real) {
        let _ = fs::set_permissions(temporary.path(), known.permissions());
    }
    temporary.persist(&real).map_err(|error| told(&error.error))?;
    Ok(())
}

/// The system's sentence without its number.
fn told(error: &std::io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{append, insert};

    const CASE: &str = "  - name: new\n    request: GET /new\n";

    #[test]
    fn a_new_file_names_the_schema_that_is_there() {
        let root = tempfile::tempdir().unwrap();
        let made = |path: &str| {
            append(&root.path().join(path), CASE).unwrap();
            std::fs::read_to_string(root.path().join(path)).unwrap()
        };
        for folder in ["plain", "specs/.authspec", "specs/users"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        std::fs::write(root.path().join("specs/.authspec/suite.schema.json"), "{}").unwrap();
        let line = "# yaml-language-server: $schema=";
        let schema = ".authspec/suite.schema.json\n";
        assert_eq!(made("plain/a.yaml"), format!("cases:\n{CASE}"));
        assert_eq!(made("specs/a.yaml"), format!("{line}{schema}cases:\n{CASE}"));
        assert_eq!(made("specs/users/a.yaml"), format!("{line}../{schema}cases:\n{CASE}"));
        assert_eq!(made("plain/../specs/b.yaml"), made("specs/c.yaml"), "the way there is no part of it");
    }

    #[test]
    fn a_case_goes_behind_the_last_one() {
        for (before, after) in [
            ("cases:\n  - request: GET /a\n", "cases:\n  - request: GET /a\n  - name: new\n    request: GET /new\n"),
            ("cases:\n- request: GET /a", "cases:\n- request: GET /a\n- name: new\n  request: GET /new\n"),
            (
                "cases: # all\n  - request: GET /a\n\n  - request: GET /b\n\n# the end\nteardown:\n  - request: GET /t\n",
                "cases: # all\n  - request: GET /a\n\n  - request: GET /b\n\n  - name: new\n    request: GET /new\n\n# the end\nteardown:\n  - request: GET /t\n",
            ),
        ] {
            assert_eq!(insert(before, CASE).as_deref(), Some(after));
        }
        assert_eq!(insert("cases: [ { request: GET /a } ]\n", CASE), None);
        assert_eq!(insert("target: demo\n", CASE), None);
    }
}
