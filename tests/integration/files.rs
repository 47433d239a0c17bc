//! Which files a suite may make authspec read, and from where their paths start.

use crate::support::{Session, told};

const SUITE: &str =
    "target: demo\ncases: [ { request: GET /me, headers: { X-Key: '{{ secrets.key }}' }, expect: 401 } ]\n";

#[cfg(unix)]
#[test]
fn a_secret_outside_the_project_is_read_where_its_path_is_absolute() {
    let elsewhere = Session::new().file("password", "hidden-elsewhere\n");
    let path = elsewhere.path("password");
    let suite = format!("secrets: {{ key: {{ file: {} }} }}\n{SUITE}", path.display());
    let output = Session::new().file("a.yaml", suite).run(&["run", "a.yaml"]);
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("the secret ends in a newline, which was trimmed"), "{}", told(&output));

    let session = Session::new().file("a.yaml", format!("secrets: {{ key: {{ file: link }} }}\n{SUITE}"));
    std::os::unix::fs::symlink(path, session.path("link")).expect("a link");
    let output = session.run(&["run", "a.yaml"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    // Sentences are broken to the page.
    let words = told(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("lies outside the project's folder"), "{words}");
}

#[test]
fn files_of_a_project_start_from_its_folder_whichever_suite_uses_them() {
    let pem = include_str!("../golden/ok/project/client.pem");
    let project = "target: demo\ntls: { ca: certs/ca.pem }\nsecrets: { key: { file: certs/key } }\n";
    let session = Session::new()
        .file("authspec.yaml", project)
        .file("certs/ca.pem", pem)
        .file("certs/key", "hidden-in-the-project")
        .file("deep/below/plain.yaml", SUITE.replace("target: demo\n", ""))
        .file("deep/below/own.yaml", format!("vars: {{ own: 1 }}\n{}", SUITE.replace("target: demo\n", "")));
    let output = session.run(&["run", "deep"]);
    assert!(output.status.success(), "{}", told(&output));
}
