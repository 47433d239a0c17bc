//! The layers of `docs/architecture.md`, checked: a module imports only modules of a lower layer.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules with their layers. A change needs a reason in its commit.
const LAYERS: &[(&str, u8)] = &[
    ("source", 0),
    // Templates and expectations read files too, so the rule which of them stands below all.
    ("files", 0),
    ("secret", 0),
    ("term", 0),
    ("jose", 0),
    // The embedded server: whoever starts it may import it, it imports nothing.
    ("demo", 0),
    ("diag", 1),
    ("http", 1),
    ("jsonpath", 1),
    // Forms of a page become requests.
    ("page", 2),
    // Deliberate defects, pure functions of requests and tokens.
    ("mutate", 2),
    // Templates report their faults as diagnostics.
    ("template", 2),
    ("spec", 3),
    // The answer as templates see it, for checks and captures alike.
    ("answer", 4),
    ("check", 5),
    ("capture", 5),
    ("step", 6),
    ("auth", 7),
    // The tables of the language as a JSON Schema.
    ("schema", 8),
    ("plan", 8),
    // What an exchange shows; events carry it to the rules.
    ("evidence", 9),
    ("event", 10),
    ("verdict", 11),
    ("exec", 12),
    ("diagnose", 12),
    ("report", 12),
    // Coverage counts what reports say, and draws with their lines.
    ("cover", 13),
    ("cli", 14),
];

/// The modules that may look into a `Secret`.
const MAY_EXPOSE: &[&str] = &["secret", "exec"];

fn rust_files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// The module a file belongs to, and its text without tests and comments.
fn modules() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let mut out = Vec::new();
    for path in files {
        let below = path.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
        let module = below.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        let is_test = below.contains("/tests")
            || below.contains("testing.rs")
            || below.contains("fixture")
            || below.contains("sample");
        if module == "lib" || module == "main" || is_test {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let code: String =
            code.lines().filter(|l| !l.trim_start().starts_with("//")).map(|l| format!("{l}\n")).collect();
        out.push((module, path, code));
    }
    out
}

/// The modules that a text imports, `crate::a` and `crate::{a, b}` alike.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        if let Some(group) = part.strip_prefix('{') {
            let end = group.find(';').unwrap_or(group.len());
            let mut depth = 0;
            let mut start = true;
            for (i, c) in group[..end].char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' => {}
                    c if depth == 0 && start && c.is_alphabetic() => {
                        found.insert(name(&group[i..]));
                    }
                    _ => {}
                }
                start = c == ',' || (start && c.is_whitespace());
            }
        } else {
            found.insert(name(part));
        }
    }
    found
}

fn layer(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

#[test]
fn modules_import_only_lower_layers() {
    let mut faults = Vec::new();
    for (module, path, code) in modules() {
        let own = layer(&module).unwrap_or_else(|| panic!("`{module}` has no layer"));
        for other in imports(&code).into_iter().filter(|o| *o != module) {
            match layer(&other) {
                Some(theirs) if theirs < own => {}
                Some(theirs) => faults
                    .push(format!("{module} may not import {other} (layer {own} -> {theirs}): {}", path.display())),
                None => faults.push(format!("{module} imports `{other}`, which has no layer: {}", path.display())),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_demo_shares_no_code_with_what_it_judges() {
    for (module, path, code) in modules() {
        if module == "demo" {
            assert!(imports(&code).iter().all(|o| o == "demo"), "{}", path.display());
        }
    }
}

#[test]
fn only_some_modules_look_into_secrets() {
    for (module, path, code) in modules() {
        let exposes = code.contains(".expose()");
        assert!(!exposes || MAY_EXPOSE.contains(&module.as_str()), "{}", path.display());
    }
}

#[test]
fn every_module_has_a_layer_and_every_layer_a_module() {
    let found: BTreeSet<String> = modules().into_iter().map(|(m, ..)| m).collect();
    let named: BTreeSet<String> = LAYERS.iter().map(|(n, _)| (*n).to_owned()).collect();
    assert_eq!(found, named);
}
