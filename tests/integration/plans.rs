//! What large plans cost: reading, expanding and checking, without any request.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::support::{Session, told};

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
        // The best of three: other tests run at the same time.
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let begun = Instant::now();
            let checked = session.run(&["check", file]);
            best = best.min(begun.elapsed());
            let text = told(&checked);
            assert!(checked.status.success() && text.contains("10000 cases"), "{text}");
        }
        assert!(best < Duration::from_secs(1), "{file} took {best:?}");
    }
}
