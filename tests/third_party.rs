//! Runs the suites of `examples/third-party` against the real servers.
//!
//! `AUTHSPEC_TARGETS` names a folder with `NAME/start.sh [PORT]` and `NAME/stop.sh`; without it there is
//! nothing to run against, and the tests say so. The scripts install into `TARGETS_DIR`. Three folders bring a server of
//! their own, made of what other people wrote, which is installed there as well.

#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// A server that was started here; dropping it stops it.
struct Server {
    folder: PathBuf,
    scratch: PathBuf,
    url: String,
    /// Removed after the server was stopped.
    _temporary: Option<TempDir>,
}

impl Server {
    /// Starts a server on a free port; `None` when there are no scripts to start it with.
    fn start(name: &str) -> Option<Self> {
        Self::start_with(name, free_port(), &[])
    }

    /// The same on a port of the caller's choice, with variables of its own.
    fn start_with(name: &str, port: u16, variables: &[(&str, String)]) -> Option<Self> {
        let Some(scripts) = std::env::var_os("AUTHSPEC_TARGETS") else {
            // Past the harness, which keeps what a passing test prints to itself.
            let _ = writeln!(std::io::stderr(), "skipped: AUTHSPEC_TARGETS is not set");
            return None;
        };
        let folder = Path::new(&scripts).join(name);
        let (scratch, temporary) = scratch(std::env::var_os("TARGETS_DIR"));
        let server = Self { folder, scratch, url: format!("http://127.0.0.1:{port}"), _temporary: temporary };
        let started = server.script("start.sh", &[&port.to_string()], variables);
        let told = text(&started);
        if told.contains("ready=already") {
            let scratch = server.scratch.display().to_string();
            // It is somebody else's, on a port of their own, and stays.
            std::mem::forget(server);
            panic!("{name} runs already from {scratch}; stop it, or name another TARGETS_DIR");
        }
        assert!(started.status.success(), "{name} did not start: {told}");
        Some(server)
    }

    fn script(&self, script: &str, arguments: &[&str], variables: &[(&str, String)]) -> Output {
        let path = self.folder.join(script);
        Command::new("bash")
            .arg(&path)
            .args(arguments)
            .env("TARGETS_DIR", &self.scratch)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap_or_else(|e| panic!("{} cannot be run: {e}", path.display()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.script("stop.sh", &[], &[]);
    }
}

/// A server that an example brings along; dropping it stops it.
struct Own(Child);

impl Own {
    /// Starts it, and waits until its port is open.
    fn start(program: &Path, arguments: &[&str], folder: &Path, port: u16) -> Self {
        Self::start_with(program, arguments, folder, port, &[])
    }

    /// The same with variables of its own.
    fn start_with(program: &Path, arguments: &[&str], folder: &Path, port: u16, variables: &[(&str, String)]) -> Self {
        let mut command = Command::new(program);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Self(command.spawn().unwrap_or_else(|e| panic!("{} cannot be run: {e}", program.display())));
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return server;
            }
            assert!(server.0.try_wait().unwrap().is_none(), "{} {arguments:?} ended at once", program.display());
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{} {arguments:?} did not listen on {port}", program.display());
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/third-party").join(name)
}

fn scratch(given: Option<OsString>) -> (PathBuf, Option<TempDir>) {
    if let Some(folder) = given {
        return (folder.into(), None);
    }
    let folder = tempfile::tempdir().unwrap();
    (folder.path().to_owned(), Some(folder))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A port that is free and has a free one behind it.
fn free_pair() -> u16 {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        if port.checked_add(1).is_some_and(|next| TcpListener::bind(("127.0.0.1", next)).is_ok()) {
            return port;
        }
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a folder of suites; every case has to pass, and every refusal in them has to be proven.
fn run(folder: &str, variable: &str, server: &Server) {
    run_with(folder, &[(variable, &server.url)], &[], 0);
}

/// The same against several servers, the first of them the target, with more options, and a number of refusals of which nobody may ever
/// be allowed the like.
fn run_with(folder: &str, servers: &[(&str, &str)], more: &[&str], unproven: u64) {
    let summary = summary_of(folder, servers, more, unproven);
    assert!(summary["proven_refusals"].as_u64() > Some(0), "{summary}");
}

/// What takes longer than the short lives of tokens that other cases wait for: packs of defects, and life cycles.
const LONG: &[&str] = &["--tag", "defects", "--tag", "lifecycle"];
/// The rest.
const SHORT: &[&str] = &["--tag", "!defects", "--tag", "!lifecycle"];
/// Lives that are long enough for those.
fn long_lives() -> [(&'static str, String); 3] {
    ["AT_TTL", "JWT_TTL", "RT_TTL"].map(|name| (name, "90".to_owned()))
}

/// Runs the packs of defects and the life cycles of a folder, twice.
fn run_long(folder: &str, servers: &[(&str, &str)]) {
    for _ in 0..2 {
        run_with(folder, servers, &[LONG, &["--tag", "!times", "--jobs", "1"]].concat(), 0);
    }
}

/// Runs the cases of a folder that compare times: they may be inconclusive on a machine that has other things to do, but
/// none of them may fail. Where all that are decided are known faults, the run says that nothing was green.
fn run_times(folder: &str, servers: &[(&str, &str)]) {
    let (output, results) = run_cases(folder, servers, &["--tag", "times", "--jobs", "1"]);
    assert!(matches!(output.status.code(), Some(0 | 3 | 4)), "{folder}:\n{}", text(&output));
    let of = |verdict: &str| results["summary"]["verdicts"][verdict].as_u64().unwrap();
    assert_eq!(of("failed") + of("errored") + of("blocked"), 0, "{folder}:\n{}", text(&output));
}

/// Runs a folder in which every case has to pass, and gives its summary.
fn summary_of(folder: &str, servers: &[(&str, &str)], more: &[&str], unproven: u64) -> Value {
    let proof = if unproven == 0 { &["--require-proof"][..] } else { &[] };
    let (output, results) = run_cases(folder, servers, &[proof, more].concat());
    assert_eq!(output.status.code(), Some(0), "{folder}:\n{}", text(&output));
    let summary = &results["summary"];
    assert!(summary["cases"].as_u64() > Some(0), "{summary}");
    // What is skipped is a defect of a pack that cannot be made of that kind of credential, or a fault that is known.
    let of = |verdict: &str| summary["verdicts"][verdict].as_u64().unwrap();
    assert_eq!(summary["cases"].as_u64(), Some(of("passed") + of("skipped")), "{summary}");
    assert_eq!(summary["unproven"], unproven, "{summary}");
    summary.clone()
}

/// Runs cases of a folder, and gives what it said and what the report holds.
fn run_cases(folder: &str, servers: &[(&str, &str)], more: &[&str]) -> (Output, Value) {
    let results = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_authspec"))
        .arg("run")
        .args(["--color", "never", "--deadline", "3m"])
        .args(more)
        .arg("--json")
        .arg(results.path())
        .arg(Path::new("examples/third-party").join(folder))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .envs(servers.iter().copied())
        .output()
        .unwrap();
    let report = std::fs::read(results.path()).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap_or_else(|_| panic!("{folder}:\n{}", text(&output)));
    assert_eq!(report["targets"][0], servers[0].1, "{folder} ran elsewhere");
    (output, report)
}

#[test]
fn json_server_auth() {
    let Some(server) = Server::start("json-server-auth") else { return };
    let servers = [("JSON_SERVER_AUTH", &*server.url)];
    run_with("json-server-auth", &servers, SHORT, 0);
    // Against a server that has seen the suites before, too.
    run_with("json-server-auth", &servers, SHORT, 0);
    run_long("json-server-auth", &servers);
    run_times("json-server-auth", &servers);
}

#[test]
fn passport_session() {
    let Some(server) = Server::start("passport-session") else { return };
    run("passport-session", "PASSPORT_SESSION", &server);
    run("passport-session-limit", "PASSPORT_SESSION", &server);
}

#[test]
fn oidc_provider_its_clients_and_nginx() {
    let provider = free_pair();
    let Some(tokens) = Server::start_with("oidc-provider", provider, &long_lives()) else { return };
    let folder = tokens.scratch.join("oidc-provider");
    let api = format!("http://127.0.0.1:{}", provider + 1);
    let key = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (client, own) = (key("client.jwk.json"), key("op.jwk.json"));
    let keys = [("OIDC_CLIENT_KEY", &*client), ("OIDC_SERVER_KEY", &own)];
    let url = tokens.url.clone();
    let servers = [("OIDC_API", &*api), ("OIDC_PROVIDER", &url), keys[0], keys[1]];
    run_long("oidc-provider", &servers);
    elsewhere(&folder, [servers[0], servers[1]]);
    drop(tokens);
    let Some(tokens) = Server::start_with("oidc-provider", provider, &[]) else { return };
    run_with("oidc-provider", &servers, SHORT, 0);
    run_with("oidc-provider", &servers, SHORT, 0);
    // The same library with other clients, in the folder where it is installed.
    let port = free_pair();
    std::fs::copy(example("oidc-clients/server.mjs"), folder.join("clients.mjs")).unwrap();
    let keys = example("oidc-clients/keys").display().to_string();
    let _clients = Own::start(Path::new("node"), &["clients.mjs", &port.to_string(), &keys], &folder, port + 1);
    let (issuer, door) = (format!("https://127.0.0.1:{port}"), format!("https://127.0.0.1:{}", port + 1));
    let servers = [("OIDC_CLIENTS", &*issuer), ("OIDC_CLIENTS_DOOR", &door)];
    run_with("oidc-clients", &servers, &[], 0);
    run_with("oidc-clients", &servers, &[], 0);
    let Some(server) = Server::start_with("nginx", free_port(), &[("OP_PORT", provider.to_string())]) else { return };
    let servers = [("NGINX", &*server.url), ("OIDC_PROVIDER", &tokens.url)];
    run_with("nginx", &servers, &[], 0);
    // Against a server that counts the requests of the first run.
    run_with("nginx", &servers, &[], 0);
}

/// Tokens of another issuer that signs with the same key: the same server once more, of the folder where it is installed.
fn elsewhere(folder: &Path, here: [(&str, &str); 2]) {
    let port = free_pair();
    let variables = [("PORT", port.to_string()), ("AT_TTL", "90".to_owned())];
    let _server = Own::start_with(Path::new("node"), &["server.mjs"], folder, port + 1, &variables);
    let (issuer, api) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{}", port + 1));
    let servers = [here[0], here[1], ("OIDC_ELSEWHERE", &*issuer), ("OIDC_ELSEWHERE_API", &api)];
    run_with("oidc-elsewhere", &servers, &[], 0);
    run_with("oidc-elsewhere", &servers, &[], 0);
}

#[test]
fn fastapi_users() {
    let port = free_port();
    // One at a time: the hashing of many logins at once takes longer than a token lives.
    let short = [SHORT, &["--jobs", "1"]].concat();
    let Some(server) = Server::start_with("fastapi-users", port, &[]) else { return };
    let url = server.url.clone();
    let servers = [("FASTAPI_USERS", &*url)];
    run_with("fastapi-users", &servers, &short, 0);
    run_with("fastapi-users", &servers, &short, 0);
    drop(server);
    let _server = Server::start_with("fastapi-users", port, &long_lives());
    run_long("fastapi-users", &servers);
    run_times("fastapi-users", &servers);
}

#[test]
fn django() {
    let port = free_port();
    let Some(server) = Server::start_with("django", port, &[]) else { return };
    let url = server.url.clone();
    let servers = [("DJANGO", &*url)];
    run_with("django", &servers, SHORT, 0);
    run_with("django", &servers, SHORT, 0);
    // A second run would have to wait for the end of the minute that this one uses up; it refuses nobody for who they are.
    summary_of("django-limit", &servers, &[], 0);
    drop(server);
    let _server = Server::start_with("django", port, &long_lives());
    run_long("django", &servers);
    run_times("django", &servers);
}

#[test]
fn oauth2_mock() {
    let port = free_pair();
    let Some(server) = Server::start_with("oauth2-mock", port, &[]) else { return };
    let control = format!("http://127.0.0.1:{}", port + 1);
    let servers = [("OAUTH2_MOCK", &*server.url), ("OAUTH2_MOCK_CONTROL", &control)];
    // One at a time: what is asked for next is the next answer's, whoever it goes to.
    // It lets everybody in, so that the one refusal of its API, which it is told to give, proves nothing. Changed logins
    // are held against logins that work.
    for _ in 0..2 {
        assert_eq!(summary_of("oauth2-mock", &servers, &["--jobs", "1"], 1)["proven_refusals"], 4);
    }
}

/// A server of our own, made of Python packages that are installed once into an environment of their own.
fn python(name: &str, packages: &[&str], arguments: &[&str], run: impl Fn(&str)) {
    if std::env::var_os("AUTHSPEC_TARGETS").is_none() {
        let _ = writeln!(std::io::stderr(), "skipped: AUTHSPEC_TARGETS is not set");
        return;
    }
    let (scratch, _temporary) = scratch(std::env::var_os("TARGETS_DIR"));
    let environment = scratch.join(name);
    let python = environment.join("bin/python");
    if !environment.join("installed").exists() {
        let made = Command::new("python3").args(["-m", "venv"]).arg(&environment).output().unwrap();
        assert!(made.status.success(), "{}", text(&made));
        let pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check"];
        let installed = Command::new(&python).args(pip).args(packages).output().unwrap();
        assert!(installed.status.success(), "{}", text(&installed));
        std::fs::write(environment.join("installed"), "").unwrap();
    }
    let (port, folder) = (free_port(), example(name));
    let number = port.to_string();
    let _server = Own::start(&python, &[&["server.py", &number], arguments].concat(), &folder, port);
    run(&format!("http://127.0.0.1:{port}"));
}

#[test]
fn authlib() {
    let keys = example("authlib").display().to_string();
    python("authlib", &["authlib==1.9.*", "flask==3.1.*"], &[&keys], |url| {
        run_with("authlib", &[("AUTHLIB", url)], &[], 0);
        run_with("authlib", &[("AUTHLIB", url)], &[], 0);
    });
}

#[test]
fn flask_httpauth() {
    python("flask-httpauth", &["flask-httpauth==4.8.*", "flask==3.1.*"], &[], |url| {
        run_with("flask-httpauth", &[("FLASK_HTTPAUTH", url)], &[], 0);
        run_with("flask-httpauth", &[("FLASK_HTTPAUTH", url)], &[], 0);
    });
}

#[test]
fn verdaccio() {
    let Some(server) = Server::start("verdaccio") else { return };
    run("verdaccio", "VERDACCIO", &server);
}

/// The scenario cards of each server.
const CARDS: &[(&str, usize)] =
    &[("JS", 6), ("PS", 7), ("NG", 7), ("DJ", 13), ("FA", 8), ("OP", 18), ("MO", 6), ("VE", 6)];

/// Without any server: the suites are sound, and the README names every case of them and no other.
#[test]
fn the_readme_tells_the_cases() {
    let output = Command::new(env!("CARGO_BIN_EXE_authspec"))
        .args(["list", "cases", "examples/third-party", "--color", "never"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let listed = String::from_utf8(output.stdout).unwrap();
    let cases: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.split('[').next()?.rsplit_once('/'))
        .map(|(_, case)| case)
        .collect();
    let readme = std::fs::read_to_string("examples/third-party/README.md").unwrap();
    let (table, _) = readme.split_once("## Not yet").unwrap();
    let (_, table) = table.split_once("## Scenario cards").unwrap();
    // The last cell of a row names the cases between backquotes; the suite may lead.
    let cells = table.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit(" | ").next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let told: BTreeSet<&str> =
        names.map(|name| name.rsplit('/').next().unwrap_or(name)).filter(|name| name.contains('-')).collect();
    let other: Vec<&&str> = told.symmetric_difference(&cases).collect();
    assert!(other.is_empty(), "in the table or among the cases alone: {other:?}");
    let misplaced: Vec<&str> = table.split('`').skip(1).step_by(2).filter(|name| is_misplaced(name, &listed)).collect();
    assert!(misplaced.is_empty(), "no suite has a case like {misplaced:?}");
    let rows: BTreeSet<&str> = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()).collect();
    let missing = CARDS.iter().flat_map(|(card, many)| (1..=*many).map(move |n| format!("{card}-{n}")));
    let missing: Vec<String> = missing.filter(|card| !rows.contains(&**card)).collect();
    assert!(missing.is_empty(), "no case is named for {missing:?}");
}

/// Tells whether a name of the README leads with a suite that has no such case.
fn is_misplaced(name: &str, listed: &str) -> bool {
    let mut ids = listed.lines().filter_map(|line| line.split_whitespace().next()?.split('[').next());
    let of_a_case = |(suite, case): (&str, &str)| !suite.contains('/') && case.contains('-');
    name.split_once('/').is_some_and(of_a_case) && !ids.any(|id| id == name || id.ends_with(&format!("/{name}")))
}
