//! Runs suites through the binary and reads the verdicts from its JSON report.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A scheme that logs in with JSON, and the lines that follow that.
macro_rules! scheme {
    ($after:literal) => {
        concat!(
            r#"
auth:
  api:
    scheme: login
    login:
      request: POST /login
      json: { username: "{{ identity.username }}", password: "{{ identity.password }}" }
"#,
            $after
        )
    };
}

/// A scheme of cookies alone, with the keys of a scheme to add below.
pub const COOKIES: &str = scheme!("");

/// The scheme that most suites use: JSON login, bearer token, `whoami`.
pub const SCHEME: &str = scheme!(
    r#"      capture: { access_token: $.access_token }
    send: { bearer: access_token }
    whoami: { request: GET /me, expect: { status: 200, json: { $.username: "{{ identity.username }}" } } }
"#
);

/// The same without `whoami`, as many people write it.
pub const BLIND: &str = scheme!(
    r"      capture: { access_token: $.access_token }
    send: { bearer: access_token }
"
);

/// With a refresh and its tokens.
pub const REFRESHING: &str = scheme!(
    r#"      capture: { access_token: $.access_token, refresh_token: $.refresh_token }
    refresh:
      request: POST /refresh
      json: { refresh_token: "{{ session.refresh_token }}" }
      capture: { access_token: $.access_token, refresh_token: $.refresh_token }
    send: { bearer: access_token }
"#
);

/// Three people of that scheme.
pub const PEOPLE: &str = r"
identities:
  alice: { auth: api, username: alice, password: right-alice }
  bob: { auth: api, username: bob, password: right-bob }
  root: { auth: api, username: root, password: right-root }
";

/// What most people write first: somebody gets in, nobody does not, the wrong role does not.
pub const TOUR: &str = r"
cases:
  - { name: alice sees herself, as: alice, request: GET /me, expect: { status: 200, json: { $.username: alice } } }
  - { name: root sees the admin area, as: root, request: GET /admin, expect: 200 }
  - { name: bob does not, as: bob, request: GET /admin, expect: 403 }
  - { name: nobody is refused, as: anonymous, request: GET /me, expect: 401 }
";

/// A folder with a project file and suites.
pub struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// A project with one suite, `suite.yaml`.
    pub fn new(url: &str, project: &str, suite: &str) -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap() };
        this.file("authspec.yaml", &format!("target: {url}\n{project}"));
        this.file("suite.yaml", suite);
        this
    }

    pub fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs all suites; arguments are separated by blanks.
    pub fn run(&self, arguments: &str) -> Run {
        self.run_with(&[], arguments)
    }

    /// Runs all suites with variables in the environment.
    pub fn run_with(&self, variables: &[(&str, &str)], arguments: &str) -> Run {
        let clock = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_authspec"))
            .args(["run", ".", "--json", "-"])
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .env_remove("RUST_BACKTRACE")
            .env_remove("AUTHSPEC_KEEP_KEY")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Run { code: output.status.code().unwrap(), report, said, took: clock.elapsed() }
    }
}

/// A run that ended.
pub struct Run {
    pub code: i32,
    pub report: Value,
    /// What the terminal showed.
    pub said: String,
    pub took: Duration,
}

impl Run {
    pub fn cases(&self) -> &[Value] {
        self.report["cases"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The case of a name.
    #[track_caller]
    pub fn case(&self, name: &str) -> &Value {
        let found = self.cases().iter().find(|c| c["name"] == name);
        found.unwrap_or_else(|| panic!("no case `{name}`\n{}\n{}", self.said, self.report))
    }

    /// Its verdict; a refusal that passed without proof is `unproven`, with it `proven`.
    #[track_caller]
    pub fn verdict(&self, name: &str) -> String {
        let case = self.case(name);
        let verdict = case["verdict"].as_str().unwrap();
        let (proven, unproven) =
            (case["proof"]["proven"].as_u64().unwrap(), case["proof"]["unproven"].as_u64().unwrap());
        match (verdict, proven, unproven) {
            ("passed", 0, 0) => "passed".to_owned(),
            ("passed", _, 0) => "proven".to_owned(),
            ("passed", ..) => "unproven".to_owned(),
            (other, ..) => other.to_owned(),
        }
    }

    /// The code of the first reason of a case.
    #[track_caller]
    pub fn reason(&self, name: &str) -> &str {
        self.case(name)["reasons"][0]["code"].as_str().unwrap_or("none")
    }

    /// Checks the exit code and the verdicts of all cases, with their first reasons where one is given.
    #[track_caller]
    pub fn must(&self, code: i32, verdicts: &[(&str, &str)]) {
        let mut wrong = Vec::new();
        for (name, expected) in verdicts {
            let actual = match expected.split_once(": ") {
                Some(_) => format!("{}: {}", self.verdict(name), self.reason(name)),
                None => self.verdict(name),
            };
            if actual != *expected {
                wrong.push(format!("`{name}`: expected {expected}, was {actual}"));
            }
        }
        if self.code != code {
            wrong.push(format!("exit: expected {code}, was {}", self.code));
        }
        assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), self.said);
        assert_eq!(self.cases().len(), verdicts.len(), "every case is named\n{}", self.said);
    }
}
