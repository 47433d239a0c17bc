//! The JSON Schema and the reader say the same: what runs is accepted, what is refused is refused where a schema can
//! see it, and what a schema cannot see stands here with the reason.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first thing that is not there")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use authspec::schema::{Kind, schema};
use authspec::spec::{self, Key};
use authspec::{auth, spec::PROJECT_FILE};
use jsonschema::Validator;
use serde_json::Value;

/// Invalid goldens whose fault no schema of one file can see.
const UNSEEN: &[(&str, &str)] = &[
    ("access", "who is declared, and what a row says besides"),
    ("access-alone", "who has a role"),
    ("bad-pattern", "whether a text is a regular expression"),
    ("bad-selector", "whether a text is a CSS selector"),
    ("address-with-password", "a target may be a template"),
    ("bad-target", "a target may be a template, and hosts have many spellings"),
    ("bad-target-scheme", "a target may be a template, and schemes have many spellings"),
    ("mutation", "which mutations there are, and what a pack holds"),
    ("with", "where a step stands"),
    ("field-values", "line breaks and colons in the fields of identities"),
    ("approver", "which identities there are, and which wait for which"),
    ("waiting-circle", "which identities wait for which"),
    ("token-exchange", "what goes with which grant"),
    ("capture-regex", "whether a text is a regular expression"),
    ("capture-selector", "whether a text is a CSS selector, and what a cut goes with"),
    ("duplicate-case", "names that give the same id"),
    ("extends", "which file stands on which"),
    ("demo-signing-key", "what is in the file"),
    ("demo-signing-key-file", "whether the file is there"),
    ("file", "whether a file is there and where it is"),
    ("file-outside", "whether a file lies below the project"),
    ("flow-answer", "what the last step of a flow does"),
    ("flow-takes", "which names a flow has for steps, and what is an expression"),
    ("alone", "whose session it is, what stands before a step, and keys that exclude each other"),
    ("bad-premise", "whether a text is an expression, and that a flag is of use"),
    ("flow-cycle", "flows that use one another"),
    ("flow-returns", "what the steps of a flow capture"),
    ("flow-size", "how many steps a flow stands for"),
    ("missing-field", "what an identity needs is known where its scheme is declared"),
    ("like", "who is declared, and who is like whom"),
    ("mask", "whether a text was copied from a report"),
    ("no-race", "an expectation that asks for a key beside it"),
    ("refresh-together", "two keys that do not go together, and a count that holds always"),
    ("no-exec", "what the command line refuses"),
    ("no-suites", "which folders hold suites"),
    ("no-target", "the target may stand in the project file"),
    ("project-file", "which files the command line names"),
    ("scheme", "which parts a login captures, and keys that exclude each other"),
    ("secret", "what a file, a variable or a command gives"),
    ("kept-tokens", "what lies in a folder"),
    ("secret-source", "whether a text is a date or a JSONPath"),
    ("shared-session", "what a case does to a session"),
    ("slip-comment", "YAML has dropped the comment"),
    ("no-part", "what the login of another identity gets"),
    ("oauth2-endpoints", "which endpoints a grant needs, and texts that may be templates"),
    ("oauth2-client", "which curve a key has, which endpoints a client needs, and texts that may be templates"),
    ("oauth2-tls", "what certificate files hold, and keys that exclude each other"),
    ("secret-lines", "what the files of secrets hold"),
    ("mtls", "what certificate files hold, and keys that exclude each other"),
    ("client-certificate", "what certificate files hold"),
    ("signing-keys", "what the files and secrets of keys hold"),
    ("signed-requests", "texts that may be templates, and what they hold"),
    ("talk", "what the scheme of a caller does"),
    ("target-command", "how many words a list has"),
    ("template-letters", "whether a template can be compiled"),
    ("template-syntax", "whether a template can be compiled"),
    ("tls", "whether a certificate can be read"),
    ("unknown-auth", "a scheme of that name may stand in the project file"),
    ("unknown-environment", "it is named on the command line"),
    ("unknown-filter", "whether a template can be compiled"),
    ("unknown-identity", "nobody of that name is declared, and that is known only with all files read"),
    ("unknown-name", "names in templates"),
    ("unreadable", "the fault is in a file beside it"),
    ("unknown-target", "a target of that name may stand in the project file"),
    ("unset-variable", "the environment"),
    ("var-cycle", "variables that need one another"),
    ("variable", "what a template gives"),
    ("unknown-step", "the names of earlier steps"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn validator(kind: Kind) -> Validator {
    let schema = schema(kind);
    assert!(jsonschema::draft202012::meta::is_valid(&schema), "it is no JSON Schema");
    jsonschema::draft202012::new(&schema).unwrap()
}

fn validator_of(path: &Path, all: &(Validator, Validator)) -> Validator {
    if path.ends_with(PROJECT_FILE) { all.1.clone() } else { all.0.clone() }
}

/// The YAML files below a folder, hidden folders aside.
fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if path.is_dir() && !hidden {
            files(&path, out);
        } else if path.extension().is_some_and(|e| e == "yaml") {
            out.push(path);
        }
    }
}

/// A file as an editor sees it: JSON, merge keys merged. `None` when it is no YAML.
fn read(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    let mut value: serde_yaml::Value = serde_yaml::from_str(&text).ok()?;
    // What is merged in may itself have something merged in.
    (0..3).try_for_each(|_| value.apply_merge()).ok()?;
    serde_json::to_value(value).ok()
}

fn faults(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[test]
fn patterns_are_such_as_every_dialect_reads() {
    for kind in [Kind::Suite, Kind::Project] {
        let text = schema(kind).to_string();
        // Python's `re` refuses a schema with a class of Unicode.
        assert!(!text.contains(r"\\p{") && !text.contains(r"\\P{"), "{kind:?}");
    }
    let named = validator(Kind::Suite);
    for (name, fits) in [("a.b-1", true), ("é", true), ("😀", true), ("a b", false), ("", false)] {
        let suite = serde_json::json!({ "vars": { name: "x" }, "cases": [{ "request": "GET /" }] });
        assert_eq!(named.is_valid(&suite), fits, "{name}");
    }
}

#[test]
fn every_key_says_what_it_takes() {
    let mut tables: Vec<(&str, &[Key])> = vec![
        ("step keys", spec::STEP_KEYS),
        ("case keys", spec::CASE_KEYS),
        ("suite keys", spec::SUITE_KEYS),
        ("shared keys", spec::SHARED_KEYS),
        ("project keys", spec::PROJECT_KEYS),
        ("access keys", spec::ACCESS_KEYS),
        ("row keys", spec::ROW_KEYS),
        ("missing keys", spec::MISSING_KEYS),
        ("outcome keys", spec::OUTCOME_KEYS),
        ("stance keys", spec::STANCE_KEYS),
        ("flow keys", spec::FLOW_KEYS),
        ("default keys", spec::DEFAULT_KEYS),
        ("target keys", spec::TARGET_KEYS),
        ("demo keys", spec::DEMO_KEYS),
        ("tls keys", spec::TLS_KEYS),
        ("secret keys", spec::SECRET_KEYS),
        ("identity keys", spec::IDENTITY_KEYS),
        ("common scheme keys", auth::COMMON_KEYS),
    ];
    tables.extend(auth::SCHEMES.iter().map(|s| (s.name, s.keys)));
    let bare: Vec<String> = tables
        .iter()
        .flat_map(|(table, keys)| keys.iter().map(move |k| (table, k)))
        .filter(|(_, key)| key.shape.is_none())
        .map(|(table, key)| format!("{table}: `{}` (write `key(…).is(Shape::…)`)", key.name))
        .collect();
    assert!(bare.is_empty(), "{bare:#?}");
}

#[test]
fn what_runs_is_accepted() {
    let all = (validator(Kind::Suite), validator(Kind::Project));
    let mut paths = Vec::new();
    for folder in ["specs", "examples", "tests/golden/ok", "tests/golden/failed"] {
        files(&root().join(folder), &mut paths);
    }
    paths.retain(|p| !p.strip_prefix(root()).unwrap().starts_with("examples/ci"));
    let mut refused = BTreeMap::new();
    let mut seen = 0;
    for path in &paths {
        let Some(value) = read(path) else { continue };
        // Data files and heads without a suite are no suites for the reader either.
        let is_project = path.ends_with(PROJECT_FILE);
        if !is_project && value.get("cases").is_none() && value.get("access").is_none() {
            continue;
        }
        seen += 1;
        let found = faults(&validator_of(path, &all), &value);
        if !found.is_empty() {
            refused.insert(path.strip_prefix(root()).unwrap().to_owned(), found);
        }
    }
    assert!(seen > 90, "only {seen} files were found");
    assert!(refused.is_empty(), "the schema refuses what runs; shapes stand beside the rows: {refused:#?}");
}

#[test]
fn what_is_refused_is_refused_where_a_schema_can_see_it() {
    let suite = validator(Kind::Suite);
    let unseen: BTreeMap<&str, &str> = UNSEEN.iter().copied().collect();
    let (mut missed, mut stale, mut refused) = (Vec::new(), Vec::new(), 0);
    let mut names = BTreeSet::new();
    let mut paths = Vec::new();
    files(&root().join("tests/golden/invalid"), &mut paths);
    for path in paths.iter().filter(|p| p.parent().unwrap().ends_with("invalid")) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        // What is no YAML never gets to a schema.
        let Some(value) = read(path) else { continue };
        let sees = !faults(&suite, &value).is_empty();
        match (sees, unseen.contains_key(&*name)) {
            (true, false) => refused += 1,
            (false, true) => {}
            (true, true) => stale.push(name.clone()),
            (false, false) => missed.push(name.clone()),
        }
        names.insert(name);
    }
    stale.extend(unseen.keys().filter(|n| !names.contains(**n)).map(|n| (*n).to_owned()));
    assert!(missed.is_empty(), "the schema accepts these; give the row a narrower shape, or list it: {missed:#?}");
    assert!(stale.is_empty(), "listed as unseen, but seen or not there: {stale:#?}");
    assert!(refused >= 20, "only {refused} invalid goldens are refused");
}

/// Each fault of the files with many is seen, not only the first.
#[test]
fn faults_are_seen_one_by_one() {
    let suite = validator(Kind::Suite);
    for (case, sees) in [
        ("{ request: GET /me, timeout: 30 }", false),
        ("{ request: GET /me, timeout: 30s }", true),
        ("{ request: GET /me, timeout: soon }", false),
        ("{ request: get /me }", false),
        ("{ request: /me }", false),
        ("{ request: 'GET {{ env.URL }}/me' }", true),
        ("{ request: GET /me, expect: 4xx }", false),
        ("{ request: GET /me, expect: [200, 5xx] }", true),
        ("{ request: GET /me, expect: 42 }", false),
        ("{ request: GET /me, expect: }", false),
        ("{ request: GET /me, expect: {} }", false),
        ("{ request: GET /me, expect: { json: {} } }", false),
        ("{ request: GET /me, expect: { json: { user: ann } } }", false),
        ("{ request: GET /me, expect: { json: { $.user: ann } } }", true),
        ("{ request: GET /me, expect: { json: { $.user: { name: ann } } } }", false),
        ("{ request: GET /me, expect: { json: { $.user: { equals: { name: ann } } } } }", true),
        ("{ request: GET /me, expect: { json: { $.n: { above: many } } } }", false),
        ("{ request: GET /me, expect: { cookies: { sid: { htp_only: true } } } }", false),
        ("{ request: GET /me, json: {}, form: {} }", false),
        ("{ request: GET /me, skip: true }", false),
        ("{ request: GET /me, as: [] }", false),
        ("{ request: GET /me, as: [alice, bob] }", true),
        ("{ steps: [ { request: GET /me, as: [alice, bob] } ] }", false),
        ("{ steps: [] }", false),
        ("{ steps: [ { request: GET /me } ], expect: 200 }", false),
        ("{ expect: 200 }", false),
        ("{ request: GET /me, capture: { a: $.a } }", true),
        ("{ request: GET /me, capture: { a: { json: $.a, header: X } } }", false),
        ("{ request: GET /me, capture: { a: { header: X, regex: a, query: b } } }", false),
        ("{ request: GET /me, capture: { '1st': $.a } }", false),
        ("{ request: GET /me, retry: { attempts: 1, every: 1s } }", false),
        ("{ request: GET /me, retry: { attempts: 2 } }", false),
        ("{ use: log in, as: [alice, bob], args: { item: 7 }, repeat: { times: 2 }, expect: 200 }", true),
        ("{ use: log in, headers: { A: b } }", false),
        ("{ use: log in, request: GET /me }", false),
        ("{ request: GET /me, args: { item: 7 } }", false),
    ] {
        let text = format!("cases: [ {case} ]");
        let value = serde_json::to_value(serde_yaml::from_str::<serde_yaml::Value>(&text).unwrap()).unwrap();
        assert_eq!(suite.is_valid(&value), sees, "{case}: {:?}", faults(&suite, &value));
    }
}

#[test]
fn faults_of_a_project_are_seen_one_by_one() {
    let project = validator(Kind::Project);
    for (text, sees) in [
        ("auth: { a: { scheme: basic, realm: x } }", false),
        ("auth: { a: { scheme: basik } }", false),
        ("auth: { a: { scheme: login } }", false),
        ("auth: { a: { scheme: login, login: { request: POST /login } } }", true),
        ("identities: { ann: { username: ann } }", false),
        ("identities: { ann: { auth: a, username: ann, pin: 123 } }", true),
        ("environments: { staging: { target: https://a.example }, local: }", true),
        ("environments: { staging: { targt: https://a.example } }", false),
        ("flows: { log in: { args: { item: , count: 1 }, steps: [ { request: GET /me } ], returns: id } }", true),
        ("flows: { log in: { steps: [] } }", false),
        ("flows: { log in: { args: [item], steps: [ { request: GET /me } ] } }", false),
        ("cases: []", false),
    ] {
        let value = serde_json::to_value(serde_yaml::from_str::<serde_yaml::Value>(text).unwrap()).unwrap();
        assert_eq!(project.is_valid(&value), sees, "{text}: {:?}", faults(&project, &value));
    }
}

fn said(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_authspec")).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_commands_print_the_tables() {
    for (args, kind) in [(vec!["schema"], Kind::Suite), (vec!["schema", "project"], Kind::Project)] {
        assert_eq!(serde_json::from_str::<Value>(&said(&args)).unwrap(), schema(kind), "{args:?}");
    }
    let keys = said(&["list", "keys"]);
    for key in spec::STEP_KEYS.iter().chain(spec::TLS_KEYS).chain(auth::SCHEMES.iter().flat_map(|s| s.keys)) {
        let told = keys.lines().any(|line| line.contains(key.name) && line.ends_with(key.about));
        assert!(told, "`{}` is not told by `list keys`", key.name);
    }
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = said(&["completions", shell]);
        assert!(script.contains("require-proof") && script.contains("completions"), "{shell}");
    }
    let page = said(&["man"]);
    assert!(page.starts_with(".ie") && page.contains(".TH authspec 1"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    said(&["man", "--dir", folder.path().to_str().unwrap()]);
    let run = fs::read_to_string(folder.path().join("authspec-run.1")).unwrap();
    assert!(run.contains("require\\-proof"), "{run}");
}
