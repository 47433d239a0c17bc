use super::*;

fn load_files(files: &[(&str, &str)], paths: &[&str]) -> (Suites, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let input = Input {
        paths: paths.iter().map(PathBuf::from).collect(),
        stdin: None,
        folder: folder.path().to_owned(),
        at: None,
    };
    let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
    let suites = load(&input, &mut sources, &mut diags);
    (suites, diags.sorted().iter().map(|d| d.message.clone()).collect())
}

const SUITE: &str = "target: demo\ncases:\n  - { name: a, request: GET /health, expect: 200 }\n";

#[test]
fn the_nearest_project_file_wins_and_ids_come_from_below_it() {
    let (suites, faults) = load_files(
        &[
            ("specs/authspec.yaml", "target: demo\n"),
            ("specs/b.yaml", SUITE),
            ("specs/a.yml", SUITE),
            ("specs/deep/authspec.yaml", "target: demo\n"),
            ("specs/deep/c.yaml", SUITE),
            ("specs/.hidden/x.yaml", "no suite"),
        ],
        &["specs"],
    );
    assert_eq!(faults, [""; 0]);
    let ids: Vec<&str> = suites.suites.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(suites.projects.len(), 2);
}

#[test]
fn excluded_files_are_counted_and_named_ones_are_read() {
    let files = [
        ("authspec.yaml", "exclude: ['data/**', openapi.yaml]\n"),
        ("s.yaml", SUITE),
        ("data/x.yaml", SUITE),
        ("openapi.yaml", "a: 1"),
    ];
    let (suites, faults) = load_files(&files, &["."]);
    assert_eq!((suites.suites.len(), suites.excluded, faults.len()), (1, 2, 0));
    let (suites, _) = load_files(&files, &["data/x.yaml"]);
    assert_eq!(suites.suites.len(), 1);
}

#[test]
fn a_file_that_is_no_suite_is_a_fault() {
    let (_, faults) = load_files(&[("x.yaml", "a: 1\n"), ("y.yaml", ""), ("z.yaml", "case: []\n")], &["."]);
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults.iter().all(|f| f.contains("no suite")));
}

#[test]
fn same_ids_in_two_projects_are_told_apart() {
    let files = [("p/authspec.yaml", ""), ("q/authspec.yaml", ""), ("p/s.yaml", SUITE), ("q/s.yaml", SUITE)];
    let (suites, _) = load_files(&files, &["."]);
    let ids: Vec<&str> = suites.suites.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["p/s", "q/s"]);
}

#[test]
fn ids_do_not_depend_on_the_paths_of_the_command_line() {
    let ids = |files: &[(&str, &str)], paths: &[&str]| {
        let (suites, faults) = load_files(files, paths);
        assert_eq!(faults, [""; 0]);
        suites.suites.into_iter().map(|s| s.id).collect::<Vec<_>>()
    };
    // Without a project it is the file alone,
    let alone = [("x/specs/a.yaml", SUITE), ("x/specs/deep/b.yaml", SUITE)];
    for paths in [&["."][..], &["x"], &["x/specs"], &["x/specs/a.yaml", "x/specs/deep"]] {
        assert_eq!(ids(&alone, paths), ["a", "b"], "{paths:?}");
    }
    // in a repository the path from its root,
    let repository = [("x/.git/HEAD", ""), ("x/specs/a.yaml", SUITE), ("x/specs/deep/b.yaml", SUITE)];
    for paths in [&["."][..], &["x/specs"], &["x/specs/a.yaml", "x/specs/deep"]] {
        assert_eq!(ids(&repository, paths), ["specs/a", "specs/deep/b"], "{paths:?}");
    }
    // and what is still the same is told apart by the folders above.
    let twins = [("p/one/s.yaml", SUITE), ("q/one/s.yaml", SUITE), ("q/two/s.yaml", SUITE), ("t.yaml", SUITE)];
    assert_eq!(ids(&twins, &["."]), ["p/one/s", "q/one/s", "q/two/s", "t"]);
    assert_eq!(ids(&twins, &["q"]), ["one/s", "two/s"]);
}

#[test]
fn a_folder_without_a_suite_is_a_fault() {
    let files = [("full/a.yaml", SUITE), ("empty/readme.md", ""), ("bare/authspec.yaml", "")];
    let (_, faults) = load_files(&files, &["full", "empty", "bare"]);
    assert_eq!(faults, ["there is no suite below `empty`", "there is no suite below `bare`"]);
    let (suites, faults) = load_files(&files, &["full", "full/a.yaml", "."]);
    assert_eq!((suites.suites.len(), faults.len()), (1, 0));
}

#[test]
fn all_faults_of_all_files_come_together() {
    let (_, faults) = load_files(
        &[
            (
                "a.yaml",
                "cases:\n  - { name: x, reqest: GET /, expect: 200 }\n  - { request: /x }\n  - { request: get /x }\n",
            ),
            ("b.yaml", "serial: maybe\ncases:\n  - { request: GET x, timeout: 5, json: 1, form: {} }\n"),
        ],
        &["."],
    );
    for part in [
        "no key called `reqest`",
        "needs `request`",
        "is `METHOD target`",
        "`get` is not a method",
        "`true` or `false`",
        "begins with `/`",
        "needs a unit",
        "one body",
    ] {
        assert!(faults.iter().any(|f| f.contains(part)), "{part} in {faults:#?}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn reading_never_panics_on_any_bytes(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.yaml"), bytes).unwrap();
        let input = Input { paths: vec![".".into()], stdin: None, folder: folder.path().to_owned(), at: None };
        let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
        load(&input, &mut sources, &mut diags);
        crate::diag::render(&diags, &sources, &crate::secret::SecretSet::new(), crate::diag::Drawing { colour: false, width: 80 });
    }
}
