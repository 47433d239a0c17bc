//! The pipelines of `examples/ci`: what is YAML can be read, and every command in them has the options that exist.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first thing that is not there")]

use std::fs;
use std::path::Path;

use authspec::cli::args::Args;
use clap::Parser;
use serde_yaml::Value;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci").join(name)).unwrap()
}

/// The command lines of a text: from `authspec` to the end of the line or of its quotes.
fn commands(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|l| !l.starts_with('#') && !l.starts_with("//"));
    let lines = lines.map(|l| l.trim_start_matches("- ").trim_start_matches("run: ").trim_start_matches("sh '"));
    lines.filter(|l| l.starts_with("authspec ")).map(|l| l.trim_end_matches('\'').to_owned()).collect()
}

fn parse(words: &[String]) {
    if let Err(error) = Args::try_parse_from(words) {
        panic!("{words:?}: {error}");
    }
}

#[test]
fn every_command_has_the_options_that_exist() {
    let ci = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md")).unwrap();
    let ci: String = ci.split("```").filter_map(|block| block.strip_prefix("sh\n")).collect();
    let files = ["github.yml", "gitlab-ci.yml", "Jenkinsfile"].map(|name| (name, read(name)));
    for (name, text) in files.iter().map(|(n, t)| (*n, t.as_str())).chain([("docs/ci.md", ci.as_str())]) {
        let found = commands(text);
        assert!(found.len() >= 2, "{name}: {found:?}");
        assert!(found.iter().any(|c| c.contains("--require-proof")), "{name} proves nothing: {found:?}");
        for command in found {
            parse(&command.split_whitespace().map(|w| w.trim_matches('"').to_owned()).collect::<Vec<_>>());
        }
    }
}

#[test]
fn the_pipelines_are_yaml_of_their_kind() {
    let yaml = |name: &str| serde_yaml::from_str::<Value>(&read(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let github = yaml("github.yml");
    let steps = github["jobs"]["authspec"]["steps"].as_sequence().unwrap();
    assert!(steps.iter().all(|s| s.get("uses").is_some() != s.get("run").is_some()), "{steps:?}");
    // Without it a red run would leave no report.
    assert_eq!(steps.last().unwrap()["if"].as_str(), Some("always()"));
    let gitlab = yaml("gitlab-ci.yml");
    let job = &gitlab["who gets in"];
    assert_eq!(job["artifacts"]["when"].as_str(), Some("always"));
    assert!(job["script"][0].as_str().unwrap().contains(job["artifacts"]["reports"]["junit"].as_str().unwrap()));
    let stages = gitlab["stages"].as_sequence().unwrap();
    assert!(stages.contains(&job["stage"]) && stages.contains(&gitlab["check suites"]["stage"]));
    let pod = &yaml("kubernetes-job.yaml")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let words = |key: &str| container[key].as_sequence().unwrap().iter().map(|w| w.as_str().unwrap().to_owned());
    parse(&words("command").chain(words("args")).collect::<Vec<_>>());
    let volumes: Vec<&Value> = pod["volumes"].as_sequence().unwrap().iter().map(|v| &v["name"]).collect();
    let mounts = container["volumeMounts"].as_sequence().unwrap();
    assert!(mounts.iter().all(|m| volumes.contains(&&m["name"])), "{mounts:?}");
}

#[test]
fn the_jenkinsfile_closes_what_it_opens() {
    let text = read("Jenkinsfile");
    let text: String = text.lines().filter(|l| !l.starts_with("//")).map(|l| format!("{l}\n")).collect();
    let count = |c: char| text.matches(c).count();
    assert_eq!((count('{'), count('(')), (count('}'), count(')')));
    assert!(count('\'').is_multiple_of(2) && text.contains("post {") && text.contains("always {"));
}
