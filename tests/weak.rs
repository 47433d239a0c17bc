//! The weak demos, through the binary: each suite of `tests/weak` is red against the demo with the weakness of its name
//! and green against the strict demo.
//!
//! To add a weakness: its row in `src/demo/weakness.rs`, the one place where the demo is weak by it, the suite
//! `tests/weak/<name>.yaml`; then run `cargo test --test weak -- --include-ignored`, which says what else is red.

#![allow(unreachable_pub, dead_code, reason = "helpers of a test binary")]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first thing that is not there")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use authspec::demo::WEAKNESSES;
use serde_json::Value;

use support::{Session, told, weak};

/// How many runs go on at once.
const AT_ONCE: usize = 4;
/// How many requests of a run are under way at once. With more, nothing is done sooner, and a password waits longer to be
/// hashed than the demo's locks hold.
const JOBS: &str = "4";

/// A copy of the suites whose demos all have that weakness, or none.
fn copy(weakness: &str) -> Session {
    let session = Session::new();
    session.copy(&weak::folder());
    for name in weak::suites() {
        let own = format!("weak: [{name}]");
        let text = weak::suite(&name);
        assert!(text.contains(&own), "{name}.yaml starts a demo with `{own}`");
        let text = text.replace(&own, &format!("weak: [{weakness}]"));
        std::fs::write(session.path(&format!("{name}.yaml")), text).unwrap();
    }
    session
}

/// What a run came to: its code, and the cases that did not pass by suite, each with its verdict.
struct Run {
    code: Option<i32>,
    red: BTreeMap<String, Vec<(String, String)>>,
    all: String,
}

fn run(session: &Session, what: &str) -> Run {
    let output = session.run(&["run", what, "--jobs", JOBS, "--json", "results.json", "--color", "never"]);
    let results: Value = serde_json::from_str(&session.read("results.json")).unwrap_or_else(|e| {
        panic!("{what}: {e}: {}", told(&output));
    });
    let mut red: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for case in results["cases"].as_array().unwrap() {
        let verdict = case["verdict"].as_str().unwrap();
        if verdict != "passed" {
            let suite = &results["suites"][usize::try_from(case["suite"].as_u64().unwrap()).unwrap()]["file"];
            let suite = Path::new(suite.as_str().unwrap()).file_stem().unwrap().to_string_lossy().into_owned();
            red.entry(suite).or_default().push((case["name"].as_str().unwrap().to_owned(), verdict.to_owned()));
        }
    }
    Run { code: output.status.code(), red, all: told(&output) }
}

/// Does that for every weakness, some at once, and gives what is wrong.
fn for_each_weakness(look: impl Fn(&str) -> Vec<String> + Sync) -> Vec<String> {
    let open = Mutex::new(WEAKNESSES.iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(weakness) = { open.lock().unwrap().next() } {
                    let found = look(weakness.id);
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    wrong.into_inner().unwrap()
}

#[test]
fn every_weakness_has_its_suite_and_every_suite_its_weakness() {
    let known: BTreeSet<String> = WEAKNESSES.iter().map(|w| w.id.to_owned()).collect();
    let there: BTreeSet<String> = weak::suites().into_iter().collect();
    assert_eq!(known, there);
    assert!(known.len() >= 40, "{}", known.len());
    for (id, suites) in weak::IMPLIED {
        assert!(known.contains(*id) && !suites.is_empty() && !suites.contains(id), "{id}");
        assert!(suites.iter().all(|s| known.contains(*s)) && suites.is_sorted(), "{id}: {suites:?}");
    }
}

#[test]
fn the_strict_demo_passes_them_all() {
    let strict = run(&copy(""), ".");
    assert!(strict.code == Some(0) && strict.red.is_empty(), "{}", strict.all);
}

#[test]
fn each_is_red_against_its_own_weakness() {
    let wrong = for_each_weakness(|id| {
        let found = run(&copy(id), &format!("{id}.yaml"));
        let failed = |(name, verdict): &(String, String)| verdict == "failed" && !name.is_empty();
        let red = found.red.get(id).map_or(&[][..], Vec::as_slice);
        let mut wrong = Vec::new();
        if found.code != Some(1) || !red.iter().all(failed) {
            wrong.push(format!("{id}: {:?} {red:?}\n{}", found.code, found.all));
        }
        let names: BTreeSet<&str> = red.iter().map(|(name, _)| name.split(" [").next().unwrap_or(name)).collect();
        let missing = weak::cases(id).into_iter().filter(|c| !names.contains(c.as_str()));
        wrong.extend(missing.map(|case| format!("{id}: `{case}` does not notice it")));
        wrong
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "runs every suite against every weak demo, which takes minutes"]
fn nothing_else_is_red_but_what_the_table_says() {
    let wrong = for_each_weakness(|id| {
        let found = run(&copy(id), ".");
        let red: BTreeSet<&str> = found.red.keys().map(String::as_str).filter(|s| !weak::by_chance(id, s)).collect();
        let expected: BTreeSet<&str> = weak::implied(id).iter().copied().chain([id]).collect();
        let mut wrong: Vec<String> = red.difference(&expected).map(|s| format!("{id}: {s} is red, too")).collect();
        wrong.extend(expected.difference(&red).map(|s| format!("{id}: {s} is not red")));
        wrong
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
