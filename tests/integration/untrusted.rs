//! TLS that is refused, through the binary: a certificate of nobody's authority, and what makes it trusted.

use std::io::{BufRead, BufReader};
use std::process::Child;

use crate::support::{Session, told};

/// The demo with a certificate of its own; it ends with the test.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SUITE: &str = "cases: [ { request: GET /health, expect: 200 } ]\n";

/// Starts it, and gives its address once it listens.
fn demo(session: &Session, args: &[&str]) -> (Demo, String) {
    let demo = session.command(&[&["demo", "--port", "0", "--tls"], args].concat()).spawn();
    let mut demo = Demo(demo.expect("the binary starts"));
    let mut line = String::new();
    BufReader::new(demo.0.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let url = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
    assert!(url.starts_with("https://"), "{line}");
    (demo, url)
}

/// The suite of `docs/schemes.md`, with the files that the demo writes for it.
#[test]
fn the_demo_gives_the_certificates_that_its_example_shows() {
    let session = Session::new().file("suite.yaml", include_str!("../../src/auth/examples/mtls.yaml"));
    let lacking = session.run(&["run", "suite.yaml"]);
    assert_eq!(lacking.status.code(), Some(2), "{}", told(&lacking));
    drop(demo(&session, &["--client-certs", "."]));
    let run = session.run(&["run", "suite.yaml"]);
    assert_eq!(run.status.code(), Some(0), "{}", told(&run));
}

#[test]
fn a_certificate_of_no_known_authority_is_refused_until_it_is_named() {
    let session = Session::new();
    let (_demo, url) = demo(&session, &["--ca-out", "ca.pem"]);
    let session = session
        .file("plain.yaml", SUITE)
        .file("named.yaml", format!("tls: {{ ca: ca.pem }}\n{SUITE}"))
        .file("off.yaml", format!("tls: {{ verify: false }}\n{SUITE}"));
    let refused = session.run(&["run", "plain.yaml", "--target", &url]);
    let text = told(&refused);
    assert_eq!(refused.status.code(), Some(3), "{text}");
    assert!(text.contains("certificate") && text.contains("authspec explain tls"), "{text}");
    let named = session.run(&["run", "named.yaml", "--target", &url]);
    assert_eq!(named.status.code(), Some(0), "{}", told(&named));
    let off = session.run(&["run", "off.yaml", "--target", &url]);
    assert_eq!(off.status.code(), Some(0), "{}", told(&off));
    assert!(told(&off).contains("not verified"), "{}", told(&off));
}
