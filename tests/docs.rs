//! Holds the documents to the code: tables are generated from it, and examples go through the binary.
//!
//! `AUTHSPEC_BLESS=1 cargo test --test docs` rewrites the tables. To add a table: one row in [`tables`],
//! and `<!-- table: name -->` … `<!-- end -->` in a document. A YAML block that is a whole suite must pass
//! `authspec check`; with `<!-- run -->` before its fence it is run against the demo and must exit 0.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first thing that is not there")]

#[allow(dead_code, reason = "it needs the table alone")]
#[path = "support/weak.rs"]
mod weak;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use authspec::spec::{Key, Shape};
use authspec::{answer, auth, capture, check, cover, diagnose, event, mutate, report, spec, template, verdict};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(root().join("docs")).unwrap().map(|e| e.unwrap().path()).collect();
    all.retain(|p| p.extension().is_some_and(|e| e == "md"));
    all.push(root().join("README.md"));
    all.sort();
    all
}

/// A table of two columns; `|` would end a cell.
fn table<'a>(head: [&str; 2], rows: impl Iterator<Item = (String, &'a str)>) -> String {
    let mut text = format!("| {} | {} |\n|---|---|\n", head[0], head[1]);
    for (name, about) in rows {
        text.push_str(&format!("| {} | {} |\n", name.replace('|', "\\|"), about.replace('|', "\\|")));
    }
    text
}

fn keys(keys: &[Key]) -> String {
    table(["key", "value"], keys.iter().map(|k| (format!("`{}`", k.name), k.about)))
}

/// A table of names with what they are and an example.
fn examples<'a>(rows: impl Iterator<Item = (&'a str, &'a str, &'a str)>) -> String {
    let mut text = "| name | means | example |\n|---|---|---|\n".to_owned();
    for (name, about, example) in rows {
        let [about, example] = [about, example].map(|t| t.replace('|', "\\|"));
        text.push_str(&format!("| `{name}` | {about} | `{example}` |\n"));
    }
    text
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The keys of a scheme with those of the maps in them, and what holds where one is not written.
fn keys_in_full(keys: &[Key]) -> String {
    let mut text = "| key | by default | value |\n|---|---|---|\n".to_owned();
    for (name, key) in nested("", keys) {
        let usual = if key.needed { "needed" } else { key.usual.unwrap_or("–") };
        let [usual, about] = [usual, key.about].map(|t| t.replace('|', "\\|"));
        text.push_str(&format!("| `{name}` | {usual} | {about} |\n"));
    }
    text
}

fn nested(before: &str, keys: &[Key]) -> Vec<(String, Key)> {
    let mut all = Vec::new();
    for key in keys {
        let name = format!("{before}{}", key.name);
        all.push((name.clone(), *key));
        let inner = match key.shape {
            Some(Shape::Keys(inner)) => Some(inner),
            Some(Shape::Either(shapes)) => {
                shapes.iter().find_map(|s| if let Shape::Keys(k) = s { Some(*k) } else { None })
            }
            _ => None,
        };
        all.extend(inner.map_or_else(Vec::new, |inner| nested(&format!("{name}."), inner)));
    }
    all
}

fn troubles(of: &[auth::Trouble]) -> String {
    let mut text = "| what is seen | most often | what to do |\n|---|---|---|\n".to_owned();
    for row in of {
        let [seen, cause, remedy] = [row.seen, row.cause, row.remedy].map(|t| t.replace('|', "\\|"));
        text.push_str(&format!("| {seen} | {cause} | {remedy} |\n"));
    }
    text
}

fn schemes() -> String {
    let kinds = auth::SCHEMES.iter().map(|s| (format!("[`{0}`](#{0})", s.name), s.about));
    let mut text = table(["kind", "is"], kinds) + "\n";
    for scheme in auth::SCHEMES {
        let needs: Vec<String> = scheme.needs.iter().map(|n| format!("`{n}`")).collect();
        let needs = if needs.is_empty() { "those that its keys and steps use".to_owned() } else { needs.join(", ") };
        let (name, about) = (scheme.name, capital(scheme.about));
        text.push_str(&format!("### `{name}`\n\n{about}. Fields of an identity: {needs}.\n\n"));
        if !scheme.keys.is_empty() {
            text.push_str(&keys_in_full(scheme.keys));
            text.push('\n');
        }
        text.push_str(&format!("```yaml\n{}```\n\n", scheme.example));
        text.push_str(&format!("**What goes wrong in practice**\n\n{}\n", troubles(scheme.troubles)));
    }
    text.trim_end().to_owned() + "\n"
}

fn formats() -> String {
    let name = |f: &report::Format| f.flag.map_or_else(|| f.name.to_owned(), |flag| format!("`{flag} FILE`"));
    table(["format", "for"], report::FORMATS.iter().map(|f| (name(f), f.about)))
}

/// The rules by family, each with its certainty and the document it stands on.
fn rules() -> String {
    let mut text = String::new();
    for family in diagnose::RULES {
        text.push_str(&format!("### {}\n\n| code | finds | certainty | see |\n|---|---|---|---|\n", family.title));
        for rule in family.rules {
            let (about, link) = (rule.about.replace('|', "\\|"), rule.link);
            let certainty = rule.certainty.name();
            text.push_str(&format!("| `{}` | {about} | {certainty} | [{}]({}) |\n", rule.code, link.title, link.url));
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}

fn packs() -> String {
    let about = |p: &mutate::Pack| format!("{} ({})", p.about, p.rows().len());
    let rows: Vec<(String, String)> = mutate::PACKS.iter().map(|p| (format!("`pack.{}`", p.name), about(p))).collect();
    table(["pack", "holds"], rows.iter().map(|(name, about)| (name.clone(), &**about)))
}

/// The mutations by family.
fn mutations() -> String {
    let mut text = String::new();
    for family in mutate::MUTATIONS {
        text.push_str(&format!(
            "### {}\n\n| id | what is sent | should be | if not | stands on |\n|---|---|---|---|---|\n",
            family.title
        ));
        for row in family.rows {
            let (about, expect) = (row.about.replace('|', "\\|"), row.expect.describe());
            let (severity, refs) = (row.severity.word(), row.refs.join(", "));
            let marks = row.marks().iter().map(|mark| format!(", {mark}")).collect::<String>();
            text.push_str(&format!("| `{}` | {about} | {expect} | {severity}{marks} | {refs} |\n", row.id));
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}

/// What became of every known mutation, by block.
fn catalogue() -> String {
    let mut text = String::new();
    let mut block = "";
    for entry in mutate::CATALOGUE {
        if entry.block != block {
            block = entry.block;
            text.push_str(&format!("\n### {block}: known\n\n| id | became |\n|---|---|\n"));
        }
        let became = match entry.standing {
            mutate::Standing::Built => "built".to_owned(),
            mutate::Standing::Partly(what) => format!("built, {what}"),
            mutate::Standing::As(ids) => {
                let ids: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
                format!("built as {}", ids.join(", "))
            }
            mutate::Standing::Flow(name) => {
                assert!(spec::READY_FLOWS.iter().any(|flow| flow.name == name), "{name}");
                format!("the flow `{name}`")
            }
            mutate::Standing::NotHere(why) => format!("not applicable here: {why}"),
            mutate::Standing::LeftOut(why) => format!("left out: {why}"),
        };
        text.push_str(&format!("| `{}` | {became} |\n", entry.id));
    }
    text.trim().to_owned() + "\n"
}

fn tables() -> Vec<(&'static str, String)> {
    let code = |name: &str| format!("`{name}`");
    vec![
        ("suite keys", keys(spec::SUITE_KEYS)),
        ("shared keys", keys(spec::SHARED_KEYS)),
        ("project keys", keys(spec::PROJECT_KEYS)),
        ("access keys", keys(spec::ACCESS_KEYS)),
        ("row keys", keys(spec::ROW_KEYS)),
        ("missing keys", keys(spec::MISSING_KEYS)),
        ("outcome keys", keys(spec::OUTCOME_KEYS)),
        ("stance keys", keys(spec::STANCE_KEYS)),
        ("flow keys", keys(spec::FLOW_KEYS)),
        ("ready flows", table(["flow", "does"], spec::READY_FLOWS.iter().map(|f| (code(f.name), f.about)))),
        ("life cycles", life_cycles()),
        ("default keys", keys(spec::DEFAULT_KEYS)),
        ("target keys", keys(spec::TARGET_KEYS)),
        ("demo keys", keys(spec::DEMO_KEYS)),
        ("secret keys", keys(spec::SECRET_KEYS)),
        ("named target keys", keys(spec::NAMED_TARGET_KEYS)),
        ("tls keys", keys(spec::TLS_KEYS)),
        ("identity keys", keys(spec::IDENTITY_KEYS)),
        ("step keys", keys(spec::STEP_KEYS)),
        ("case keys", keys(spec::CASE_KEYS)),
        ("each keys", keys(spec::EACH_KEYS)),
        ("xfail keys", keys(spec::XFAIL_KEYS)),
        ("common scheme keys", keys(auth::COMMON_KEYS)),
        ("schemes", schemes()),
        ("checks", examples(check::CHECKS.iter().map(|c| (c.name, c.about, c.example)))),
        ("operators", examples(check::OPERATORS.iter().map(|o| (o.name, o.about, o.example)))),
        ("sources", examples(capture::SOURCES.iter().map(|s| (s.name, s.about, s.example)))),
        ("cuts", examples(capture::CUTS.iter().map(|c| (c.name, c.about, c.example)))),
        ("response", table(["member", "is"], answer::MEMBERS.iter().map(|(n, a)| (code(n), *a)))),
        ("functions", examples(template::FUNCTIONS.iter().map(|f| (f.name, f.about, f.example)))),
        ("formats", formats()),
        ("exit codes", table(["code", "means"], verdict::EXIT_CODES.iter().map(|(c, a)| (code(&c.to_string()), *a)))),
        ("metrics", table(["metric", "counts"], cover::METRICS.iter().map(|m| (code(m.name), m.about)))),
        ("coverage findings", table(["finding", "means"], cover::FINDINGS.iter().map(|f| (code(f.name), f.about)))),
        ("rules", rules()),
        ("weaknesses", weak::table()),
        ("packs", packs()),
        ("mutations", mutations()),
        ("catalogue", catalogue()),
        ("with keys", keys(spec::WITH_KEYS)),
        ("reasons", table(["reason", "means"], event::REASONS.iter().map(|r| (code(r.name), r.about)))),
    ]
}

/// The text with every table made anew, and the names of the tables in it.
fn renewed(text: &str, tables: &[(&'static str, String)], path: &Path) -> (String, Vec<String>) {
    let (mut out, mut names) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!-- table: ") {
        let (name, after) = after.split_once(" -->").unwrap_or_else(|| panic!("{}: open marker", path.display()));
        let (_, after) =
            after.split_once("<!-- end -->").unwrap_or_else(|| panic!("{}: `{name}` has no end", path.display()));
        let (_, body) = tables
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("{}: no table `{name}`", path.display()));
        out.push_str(&format!("{before}<!-- table: {name} -->\n\n{body}\n<!-- end -->"));
        names.push(name.to_owned());
        rest = after;
    }
    (out + rest, names)
}

/// The flows of life cycles: what each does in its own words, and what it takes.
fn life_cycles() -> String {
    let code = |name: &str| format!("`{name}`");
    let mut text = String::new();
    for flow in spec::READY_FLOWS.iter().filter(|flow| flow.name.starts_with("lifecycle.")) {
        let words = flow.text.lines().map_while(|line| line.strip_prefix("# ")).collect::<Vec<_>>().join(" ");
        let given =
            flow.text.lines().filter(|line| line.starts_with("  ") && line.contains(": ") && line.contains(" # "));
        let rows = given.map_while(|line| line.trim().split_once(" # ").filter(|_| !line.trim().starts_with('-')));
        let rows: Vec<(String, &str)> = rows
            .map(|(name, about)| {
                let (name, default) = name.split_once(':').unwrap_or((name, ""));
                let default = default.trim();
                (if default.is_empty() { code(name) } else { format!("`{name}` (`{default}`)") }, about)
            })
            .collect();
        text.push_str(&format!("### `{}`\n\n{words}\n\nWhere it fails: {}\n\n", flow.name, flow.means));
        if !rows.is_empty() {
            text.push_str(&format!("{}\n", table(["given", "is"], rows.into_iter())));
        }
    }
    text
}

#[test]
fn tables_are_those_of_the_code() {
    let tables = tables();
    let bless = std::env::var_os("AUTHSPEC_BLESS").is_some();
    let mut shown = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        let (new, names) = renewed(&text, &tables, &path);
        shown.extend(names);
        if bless {
            fs::write(&path, new).unwrap();
        } else {
            let line = text.lines().zip(new.lines()).find(|(a, b)| a != b);
            assert!(
                text == new,
                "{}: a table is not that of the code: {line:?}; `AUTHSPEC_BLESS=1 cargo test --test docs` renews it",
                path.display()
            );
        }
    }
    for (name, _) in &tables {
        assert!(shown.iter().any(|s| s == name), "no document shows the table `{name}`");
    }
}

/// A YAML block of a document.
struct Block {
    place: String,
    file: Option<String>,
    text: String,
    run: bool,
    /// How many cases the next transcript of a run of it counts, up to the next block.
    counted: Option<String>,
}

/// `118 cases` of the first line of a transcript.
fn count_of(told: &str) -> Option<String> {
    let first = told.lines().find(|line| line.starts_with("authspec ") && line.contains(" 1 suite, "))?;
    first.rsplit_once(", ").map(|(_, count)| count.to_owned())
}

fn blocks() -> Vec<Block> {
    let mut all = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while at < lines.len() {
            if lines[at] != "```yaml" {
                at += 1;
                continue;
            }
            let end = at + lines[at..].iter().position(|l| *l == "```").unwrap();
            let before = lines[..at].iter().rev().find(|l| !l.trim().is_empty());
            let body = &lines[at + 1..end];
            all.push(Block {
                place: format!("{}:{}", path.display(), at + 1),
                file: body.first().and_then(|l| l.strip_prefix("# file: ")).map(|n| n.trim().to_owned()),
                text: body.join("\n") + "\n",
                run: before.is_some_and(|l| l.trim() == "<!-- run -->"),
                counted: count_of(&lines[end..].split(|l| *l == "```yaml").next().unwrap_or_default().join("\n")),
            });
            at = end + 1;
        }
    }
    all
}

fn has(text: &str, key: &str) -> bool {
    text.lines().any(|l| l.starts_with(&format!("{key}:")))
}

/// What a project file is checked with.
const PROBE: &str = "cases: [ { request: GET /health, expect: 200 } ]\n";

/// Puts the certificates of the demo's own people beside a suite.
fn put_certificates(folder: &Path) {
    for name in ["gate-7.pem", "gate-7.key", "gate-7.p12"] {
        fs::copy(root().join("specs/data/mtls").join(name), folder.join(name)).unwrap();
    }
}

/// Runs the binary on a block in a folder of its own, together with the project file that its document shows.
fn go(block: &Block, project: Option<&Block>, command: &str) {
    let folder = tempfile::tempdir().unwrap();
    let name = block.file.clone().unwrap_or_else(|| "suite.yaml".to_owned());
    fs::write(folder.path().join(&name), &block.text).unwrap();
    put_certificates(folder.path());
    if name == spec::PROJECT_FILE {
        fs::write(folder.path().join("probe.yaml"), PROBE).unwrap();
    } else if !has(&block.text, "target") {
        let shared = project.map_or_else(|| "target: demo\n".to_owned(), |p| p.text.clone());
        fs::write(folder.path().join(spec::PROJECT_FILE), shared).unwrap();
    }
    let out = Command::new(env!("CARGO_BIN_EXE_authspec"))
        .args([command, ".", "--color", "never"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = [out.stdout, out.stderr].map(|b| String::from_utf8_lossy(&b).into_owned()).concat();
    assert_eq!(out.status.code(), Some(0), "{}: authspec {command} {name}\n{told}", block.place);
    if let Some(counted) = block.counted.as_ref().filter(|_| block.run && command == "run") {
        assert_eq!(
            count_of(&told).as_ref(),
            Some(counted),
            "{}: its transcript is of another run\n{told}",
            block.place
        );
    }
}

#[test]
fn examples_are_read_and_run() {
    let blocks = blocks();
    let (mut checked, mut run) = (0, 0);
    for block in &blocks {
        let document = |b: &Block| b.place.rsplit_once(':').unwrap().0.to_owned();
        let project =
            blocks.iter().find(|b| b.file.as_deref() == Some(spec::PROJECT_FILE) && document(b) == document(block));
        let is_project = block.file.as_deref() == Some(spec::PROJECT_FILE);
        if is_project || has(&block.text, "cases") || has(&block.text, "access") {
            go(block, project, "check");
            checked += 1;
            if block.run {
                go(block, project, "run");
                run += 1;
            }
        } else {
            assert!(!block.run, "{}: marked to be run, but there are no cases", block.place);
        }
    }
    assert!(checked >= 10 && run >= 6, "too few examples were found: {checked} checked, {run} run");
}

/// Somebody logs in by each, is let in and is who they are said to be; and who does not log in stays outside.
#[test]
fn examples_of_schemes_let_somebody_in_and_nobody_else() {
    for scheme in auth::SCHEMES {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("suite.yaml"), scheme.example).unwrap();
        put_certificates(folder.path());
        let out = Command::new(env!("CARGO_BIN_EXE_authspec"))
            .args(["run", "suite.yaml", "--require-proof", "--color", "never", "--json", "result.json"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let told = [out.stdout, out.stderr].map(|b| String::from_utf8_lossy(&b).into_owned()).concat();
        assert_eq!(out.status.code(), Some(0), "{}: {told}", scheme.name);
        assert!(!told.contains("warning["), "{}: {told}", scheme.name);
        let result = fs::read_to_string(folder.path().join("result.json")).unwrap();
        let result: serde_json::Value = serde_json::from_str(&result).unwrap();
        let cases = result["cases"].as_array().unwrap();
        let steps: Vec<&serde_json::Value> = cases.iter().flat_map(|c| c["steps"].as_array().unwrap()).collect();
        let (known, unknown): (Vec<_>, Vec<_>) = steps.iter().partition(|step| step["caller"].is_string());
        let all = |of: &[&serde_json::Value], statuses: &[u64]| {
            !of.is_empty() && of.iter().all(|step| step["status"].as_u64().is_some_and(|s| statuses.contains(&s)))
        };
        assert!(all(&known, &[200, 204]) && all(&unknown, &[401, 403]), "{}: {result:#}", scheme.name);
        assert!(scheme.example.contains(&format!("scheme: {}", scheme.name)), "{}", scheme.name);
        assert!((3..=20).contains(&scheme.troubles.len()), "{}", scheme.name);
    }
}

#[test]
fn links_lead_somewhere() {
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for part in text.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default().split('#').next().unwrap_or_default();
            let local = !target.is_empty() && !target.contains("://");
            assert!(!local || path.parent().unwrap().join(target).exists(), "{}: {target}", path.display());
        }
    }
}

/// Collects the names of all fields of a document.
fn fields(value: &serde_json::Value, names: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => map.iter().for_each(|(name, value)| {
            names.insert(name.clone());
            fields(value, names);
        }),
        serde_json::Value::Array(list) => list.iter().for_each(|value| fields(value, names)),
        _ => {}
    }
}

#[test]
fn every_field_of_the_json_report_is_described() {
    let output = Command::new(env!("CARGO_BIN_EXE_authspec"))
        .args(["run", "specs", "-q", "--json", "-"])
        .current_dir(root())
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap();
    let mut names = std::collections::BTreeSet::new();
    fields(&report, &mut names);
    assert!(names.len() > 60, "{names:?}");
    let page = fs::read_to_string(root().join("docs/json.md")).unwrap();
    let missing: Vec<&String> = names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "not in docs/json.md: {missing:?}");
}
