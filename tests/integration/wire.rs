//! The record of what was sent is what was sent: byte by byte, as a plain socket heard it.

use serde_json::Value;

use crate::support::recorder::{Recorder, answer};
use crate::support::{Session, told};

const SUITE: &str = r#"
target: "{{ env.TARGET }}"
defaults: { headers: { X-Default: "a  b" } }
identities:
  ann: { auth: { scheme: api-key, query: tenant }, key: not-hidden }
cases:
  - name: everything
    steps:
      - { request: GET /plain, expect: 299 }
      - { request: "GET //a/../%2e/b%00?x=1&&y", expect: 299 }
      - { request: GET /more?a=1, query: { b: [2, 3], c: "ä &=+/" }, expect: 299 }
      - { request: GET /headers, headers: { X-Two: [one, two], X-Default: null, X-Empty: "", User-Agent: me, Accept: null, x-lower: "é" }, expect: 299 }
      - { request: POST /json, json: { a: [1, "zwei", null], "ключ": true }, expect: 299 }
      - { request: PUT /form, form: { a: "x y", b: ["ü", "&"] }, expect: 299 }
      - { request: PATCH /body, body: "text\r\nof two lines", headers: { Content-Type: text/plain }, expect: 299 }
      - { request: POST /none, expect: 299 }
      - { request: DELETE /cookie, cookies: { theme: dark }, expect: 299 }
      - { request: OPTIONS /options, expect: 299 }
      - { request: HEAD /head, expect: 299 }
      - { request: GET /redirect, redirects: follow, expect: 299 }
      - { request: POST /keep, body: kept, redirects: follow, expect: 299 }
"#;

fn reply(request: &str) -> Vec<u8> {
    let path = request.split(' ').nth(1).unwrap_or_default();
    match path {
        "/redirect" => answer("302 Found", &[("location", "/elsewhere?x=1#part")], b""),
        "/keep" => answer("307 Temporary Redirect", &[("location", "/kept")], b""),
        _ if request.starts_with("HEAD") => b"HTTP/1.1 299 Fine\r\ncontent-length: 4\r\n\r\n".to_vec(),
        _ => answer("299 Fine", &[("content-type", "text/plain")], b"fine"),
    }
}

/// The requests of a JSON report, put together again.
fn recorded(report: &Value) -> Vec<String> {
    let steps = report["cases"].as_array().into_iter().flatten().filter_map(|c| c["steps"].as_array()).flatten();
    let hops = steps.filter_map(|s| s["hops"].as_array()).flatten();
    hops.map(|hop| {
        let request = &hop["request"];
        let mut text = format!("{}\r\n", request["line"].as_str().unwrap_or_default());
        for header in request["headers"].as_array().into_iter().flatten() {
            let part = |i: usize| header[i].as_str().unwrap_or_default();
            text.push_str(&format!("{}: {}\r\n", part(0), part(1)));
        }
        text + "\r\n" + request["body"]["text"].as_str().unwrap_or_default()
    })
    .collect()
}

/// Header names are told in lower case; everything else counts.
fn comparable(raw: &str) -> String {
    let (head, body) = raw.split_once("\r\n\r\n").unwrap_or((raw, ""));
    let mut lines = head.split("\r\n");
    let mut text = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        text.push_str(&format!("\n{}:{value}", name.to_ascii_lowercase()));
    }
    format!("{text}\n\n{body}")
}

#[test]
fn the_record_is_what_a_socket_heard() {
    let server = Recorder::start(reply);
    let session = Session::new().env("TARGET", server.url()).file("wire.yaml", SUITE);
    // What passed keeps its exchanges only where everything is told.
    let output = session.run(&["run", "wire.yaml", "-j", "1", "-vv", "--json", "-"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(report["exit"], 0, "{}", told(&output));
    let heard: Vec<String> = server.heard().iter().map(|raw| comparable(&String::from_utf8_lossy(raw))).collect();
    // A cookie is masked whatever it holds.
    let heard: Vec<String> = heard.iter().map(|text| text.replace("theme=dark", "theme=‹masked›")).collect();
    let recorded: Vec<String> = recorded(&report).iter().map(|text| comparable(text)).collect();
    assert_eq!(heard.len(), 15, "{heard:#?}");
    for (heard, recorded) in heard.iter().zip(&recorded) {
        assert_eq!(recorded, heard);
    }
    assert_eq!(recorded.len(), heard.len());

    // The lines of `-vv` are the same.
    let shown = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = shown.lines().filter_map(|l| l.trim_start().strip_prefix("> ")).collect();
    for request in &heard {
        let line = request.lines().next().unwrap_or_default();
        assert!(lines.contains(&line), "`{line}` is not among {lines:#?}");
    }
}

#[test]
fn a_path_leaves_byte_for_byte() {
    let server = Recorder::start(reply);
    for path in ["/%41/a;b=c/*", "/a//b/./c/..", "/?", "/a?b=%zz&c={}|^`", "/ä/ö?ü"] {
        let suite = format!("target: {}\ncases:\n  - {{ request: 'GET {path}', expect: 299 }}\n", server.url());
        let session = Session::new().file("path.yaml", suite);
        let output = session.run(&["run", "path.yaml"]);
        assert!(output.status.success(), "{path}: {}", told(&output));
        let last = server.heard().pop().unwrap_or_default();
        let line = String::from_utf8_lossy(&last).lines().next().unwrap_or_default().to_owned();
        assert_eq!(line, format!("GET {path} HTTP/1.1"));
    }
}
