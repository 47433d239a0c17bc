//! What the commands say is broken to the page, wherever there is a blank to break it at.

use std::fs;

use crate::support::Session;
use crate::support::odd;
use crate::support::transcript::{Case, root, suites};

const PAGE: usize = 64;

/// Lists the lines that go over the page and could have been broken.
fn overrunning(told: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(told).into_owned();
    let is_over = |line: &&str| line.chars().count() > PAGE;
    text.lines().filter(is_over).filter(|line| can_be_broken(line)).map(ToOwned::to_owned).collect()
}

/// A line of a file is cut around what is marked, which stays whole, and what has no blank behind its head is left.
fn can_be_broken(line: &str) -> bool {
    let bare = line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit());
    let is_code =
        bare.len() < line.len() && ["| ", "+ ", "- ", "--> ", "::: "].iter().any(|edge| bare.starts_with(edge));
    if is_code {
        let marks = bare.trim_end_matches(['^', '-']);
        // A label behind its mark is a sentence.
        return bare.starts_with("| ")
            && !line.starts_with(|c: char| c.is_ascii_digit())
            && marks == bare
            && bare.contains("^ ");
    }
    let told = bare.trim_start_matches("= ");
    let head = told.find(": ").filter(|end| !told[..*end].contains(' ')).map_or(0, |end| end + 2);
    told[head..].trim_end().contains(' ')
}

#[test]
fn what_check_finds_stays_on_the_page() {
    let odd = odd::start();
    let mut over = Vec::new();
    for suite in suites().iter().filter(|suite| suite.starts_with(root().join("invalid"))) {
        let head = fs::read(suite).expect("the suite");
        if String::from_utf8_lossy(&head).contains("# env: COLUMNS=") {
            continue;
        }
        let case = Case::new(suite, &odd).env("COLUMNS", &PAGE.to_string());
        if !case.fits_here() {
            continue;
        }
        for (args, output) in case.outputs(&[]).filter(|(args, _)| args.starts_with("check ")) {
            let told = [&output.stdout[..], &output.stderr[..]].concat();
            over.extend(overrunning(&told).into_iter().map(|line| format!("{args}: {line}")));
        }
    }
    assert!(over.is_empty(), "{} lines are wider than {PAGE} columns:\n{}", over.len(), over.join("\n"));
}

#[test]
fn what_init_try_and_others_say_stays_on_the_page() {
    let session = Session::new().env("COLUMNS", &PAGE.to_string());
    let session = session.file("empty/readme.txt", "").file("no.yaml", "name: x\n");
    for args in [
        &["init", "--dir", "fresh", "--target", "https://api.example.com"][..],
        &["init", "--dir", "fresh"],
        &["check", "empty"],
        &["check", "no-such-folder-of-suites-anywhere-here-or-there-or-anywhere"],
        &["try", "GET /me", "--as", "nobody-who-is-known-here"],
        &["try", "not a request at all, whatever one may make of it, and long"],
        &["login", "nobody-who-is-known-here"],
        &["token", "nobody-who-is-known-here"],
        &["demo", "--weak", "no-such-weakness-that-anybody-knows"],
    ] {
        let output = session.run(args);
        let told = [&output.stdout[..], &output.stderr[..]].concat();
        assert!(!told.is_empty(), "{args:?} says nothing");
        let over = overrunning(&told);
        assert!(over.is_empty(), "{args:?}: wider than {PAGE} columns:\n{}", over.join("\n"));
    }
}
