//! From files to a plan, and whole runs of the workload of `docs/performance.md`.
//!
//! `cargo bench` measures both; the workload is the one that peers are measured with: suites of six
//! dependent requests (login, me, admin, expired token, refresh, me again), one file each.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use authspec::diag::{Diagnostics, Severity};
use authspec::plan::{Plan, PlanOptions, Selection};
use authspec::source::SourceMap;
use authspec::spec::{Input, load};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

/// One suite of the workload for a server at `base`.
fn suite(i: usize, base: &str) -> String {
    format!(
        r#"target: {base}
cases:
  - name: suite {i}
    steps:
      - request: POST /login
        json: {{ username: user{i}, password: pw }}
        expect: 200
        capture: {{ access: $.access_token, refresh: $.refresh_token }}
      - request: GET /me
        headers: {{ Authorization: "Bearer {{{{ access }}}}" }}
        expect: {{ status: 200, json: {{ $.user: user{i} }} }}
      - request: GET /admin
        headers: {{ Authorization: "Bearer {{{{ access }}}}" }}
        expect: 403
      - request: GET /me
        headers: {{ Authorization: Bearer expired }}
        expect: {{ status: 401, headers: {{ WWW-Authenticate: {{ contains: invalid_token }} }} }}
      - request: POST /refresh
        json: {{ refresh_token: "{{{{ refresh }}}}" }}
        expect: 200
        capture: {{ access2: $.access_token }}
      - request: GET /me
        headers: {{ Authorization: "Bearer {{{{ access2 }}}}" }}
        expect: {{ status: 200, json: {{ $.user: user{i} }} }}
"#
    )
}

fn write_suites(folder: &Path, n: usize, base: &str) {
    for i in 1..=n {
        std::fs::write(folder.join(format!("suite{i:05}.yaml")), suite(i, base)).expect("a temporary folder");
    }
}

/// One file with many cases.
fn write_cases(folder: &Path, n: usize) {
    let mut text = "target: http://127.0.0.1:9\ncases:\n".to_owned();
    for i in 0..n {
        text.push_str(&format!(
            "  - {{ name: case {i}, request: GET /items/{i}, expect: {{ status: 200, json: {{ $.id: {i} }} }} }}\n"
        ));
    }
    std::fs::write(folder.join("cases.yaml"), text).expect("a temporary folder");
}

fn plan(folder: &Path) -> usize {
    let input = Input { paths: vec![".".into()], stdin: None, folder: folder.to_owned(), at: None };
    let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
    let suites = load(&input, &mut sources, &mut diags);
    let options = PlanOptions {
        environment: None,
        target: None,
        vars: Vec::new(),
        variables: std::collections::BTreeMap::default(),
        unset: Severity::Error,
        commands: authspec::plan::Commands::Run,
        selection: Selection::default(),
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    let plan = Plan::from_suites(&suites, &options, &sources, &mut diags);
    assert_eq!(diags.errors(), 0);
    plan.cases.len()
}

fn load_to_plan(c: &mut Criterion) {
    let mut group = c.benchmark_group("load to plan");
    group.sample_size(20);
    for n in [1, 100, 10_000] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_cases(folder.path(), n);
        group.bench_with_input(BenchmarkId::new("cases", n), &n, |b, n| b.iter(|| assert_eq!(plan(folder.path()), *n)));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_suites(folder.path(), 1000, "http://127.0.0.1:9");
    group.bench_function("1000 files of 6 steps", |b| b.iter(|| assert_eq!(plan(folder.path()), 1000)));
    group.finish();
}

async fn me(headers: HeaderMap) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or("");
    if let Some(user) = token.strip_prefix("Bearer access-") {
        Json(json!({ "user": user.split('.').next() })).into_response()
    } else {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"bench\", error=\"invalid_token\"")];
        (StatusCode::UNAUTHORIZED, challenge).into_response()
    }
}

async fn login(State(count): State<Arc<AtomicUsize>>, Json(body): Json<Value>) -> Json<Value> {
    let n = count.fetch_add(1, Ordering::Relaxed);
    let user = body["username"].as_str().or_else(|| body["refresh_token"].as_str()).unwrap_or_default();
    let user = user.trim_start_matches("refresh-").split('.').next().unwrap_or_default().to_owned();
    Json(json!({ "access_token": format!("access-{user}.{n}"), "refresh_token": format!("refresh-{user}.{n}") }))
}

fn serve() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let app = Router::new()
                .route("/login", post(login))
                .route("/refresh", post(login))
                .route("/me", get(me))
                .route("/admin", get(|| async { StatusCode::FORBIDDEN }))
                .with_state(Arc::<AtomicUsize>::default());
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, app).await.expect("a server");
        });
    });
    base
}

fn end_to_end(c: &mut Criterion) {
    let base = serve();
    let mut group = c.benchmark_group("whole run");
    group.sample_size(10);
    for n in [1, 100, 1000] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_suites(folder.path(), n, &base);
        group.bench_with_input(BenchmarkId::new("suites of 6 requests", n), &n, |b, _| {
            b.iter(|| {
                let status = Command::new(env!("CARGO_BIN_EXE_authspec"))
                    .args(["run", "-q"])
                    .arg(folder.path())
                    .args(["--junit"])
                    .arg(folder.path().join("junit.xml"))
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .expect("the binary");
                assert!(status.success());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, load_to_plan, end_to_end);
criterion_main!(benches);
