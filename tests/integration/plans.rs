//! What large plans cost: reading, expanding and checking, without any request.

use std::fmt::Write as _;
use std::process::Output;
use std::time::Duration;

use crate::support::{AUTHSPEC, Session, told};

/// Ten thousand cells of a matrix: a thousand rows, anonymous and nine people.
fn matrix() -> String {
    let mut suite = "target: http://127.0.0.1:9\nidentities:\n".to_owned();
    for i in 0..9 {
        let _ = writeln!(suite, "  u{i}: {{ auth: {{ scheme: bearer }}, role: r{i}, token: token-of-{i} }}");
    }
    suite.push_str("access:\n  rows:\n");
    for i in 0..1000 {
        let _ = writeln!(suite, "    GET /thing/{i}: {{ anonymous: 401, u0: 200, others: deny }}");
    }
    suite
}

/// Runs the binary, and gives the time that the processor worked for it.
#[cfg(unix)]
fn work(session: &Session, args: &[&str]) -> (Duration, Output) {
    let all: Vec<&str> =
        ["-c", r#""$0" "$@"; code=$?; echo; times; exit $code"#, AUTHSPEC].iter().chain(args).copied().collect();
    let output = session.command_of("/bin/sh", &all).output().expect("a shell starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Its children, as `0m0.25s 0m0.01s`: of users and of the system.
    let of = |time: &str| {
        let (minutes, seconds) = time.strip_suffix('s')?.split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    };
    let times: Vec<f64> = text.lines().last().unwrap_or_default().split(' ').filter_map(of).collect();
    assert_eq!(times.len(), 2, "{text}");
    (Duration::from_secs_f64(times.iter().sum()), output)
}

/// The same by the clock, where no shell tells more.
#[cfg(not(unix))]
fn work(session: &Session, args: &[&str]) -> (Duration, Output) {
    let begun = std::time::Instant::now();
    let output = session.run(args);
    (begun.elapsed(), output)
}

#[test]
fn ten_thousand_cases_are_planned_in_less_than_a_second() {
    let rows: Vec<String> = (0..10_000).map(|i| format!("{{\"id\":\"r{i}\",\"n\":{i}}}")).collect();
    let each = "target: http://127.0.0.1:9\ncases:\n  - name: row\n    each: { json: rows.json }\n    \
                request: GET /x/{{ row.n }}\n    expect: 200\n";
    let session = Session::new()
        .file("matrix.yaml", matrix())
        .file("each.yaml", each)
        .file("rows.json", format!("[{}]", rows.join(",")));
    for file in ["matrix.yaml", "each.yaml"] {
        // The time of the processor, which others do not take; the best of three, since they take its caches.
        let best = (0..3).map(|_| work(&session, &["check", file])).map(|(time, checked)| {
            let text = told(&checked);
            assert!(checked.status.success() && text.contains("10000 cases"), "{text}");
            time
        });
        let best = best.min().unwrap_or(Duration::MAX);
        assert!(best > Duration::ZERO && best < Duration::from_secs(1), "{file} took {best:?}");
    }
}
