//! Reads expectations as a suite would and judges answers that were made up.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Checked, Expectations, Fetched, Seen, read_expect, remember};
use crate::answer::response_value;
use crate::diag::Diagnostics;
use crate::http::jar::Jar;
use crate::http::{Address, Exchange, Headers, Request, Response, Trail};
use crate::source::SourceMap;
use crate::spec::{Input, Reader, load};
use crate::template::{Members, Names, Scope, Value};

/// When all answers are judged: 2026-01-01T00:00:00Z.
pub(super) const NOW: i64 = 1_767_225_600;

/// Reads what stands behind `expect:`, indented or in one line; the suite around it must be readable.
fn parse(written: &str) -> (Option<Expectations>, Vec<String>) {
    try_parse(written).unwrap_or_else(|faults| panic!("{written}: {faults:?}"))
}

/// Reads any text; nothing when it is no YAML or has faults.
pub(super) fn read_anything(written: &str) -> Option<Expectations> {
    try_parse(written).ok().filter(|(_, faults)| faults.is_empty())?.0
}

fn try_parse(written: &str) -> Result<(Option<Expectations>, Vec<String>), Diagnostics> {
    let body = written.lines().collect::<Vec<_>>().join("\n      ");
    let suite = format!("target: demo\ncases:\n  - name: t\n    request: GET /\n    expect:\n      {body}\n");
    let input = Input { paths: vec!["-".into()], stdin: Some(suite), folder: ".".into(), at: None };
    let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
    let suites = load(&input, &mut sources, &mut diags);
    let node = suites.suites.first().and_then(|s| s.cases.first()).and_then(|c| c.steps[0].expect.clone());
    let (Some(node), true) = (node, diags.is_empty()) else { return Err(diags) };
    let mut names = Names::default();
    names.add("who");
    names.add("n");
    names.add("nothing");
    names.object("env", Members::Any);
    names.object("response", Members::Any);
    names.add_step("earlier");
    names.add_step("unknown user");
    names.add_step(super::MISSING);
    names.set_files(Path::new(env!("CARGO_MANIFEST_DIR")), Path::new(env!("CARGO_MANIFEST_DIR")));
    let mut reader = Reader::new(&sources, &mut diags);
    reader.names = names.into();
    let read = read_expect(&node, &mut reader);
    let told = diags.sorted().iter().map(|d| format!("{}: {} {:?}", d.code.name, d.message, d.help)).collect();
    Ok((read, told))
}

/// The messages of all faults.
pub(super) fn faults(written: &str) -> Vec<String> {
    parse(written).1
}

/// Reads an expectation without faults.
pub(super) fn read(written: &str) -> Option<Expectations> {
    let (read, faults) = parse(written);
    assert!(faults.is_empty(), "{written}: {faults:?}");
    read
}

/// An answer to `GET http://api.test:8080/start?x=1`, and what came before it.
#[derive(Debug)]
pub(super) struct Answer {
    trail: Trail,
    jar: Jar,
    earlier: Vec<(String, Arc<Trail>)>,
    fetched: Fetched,
    winners: Option<u32>,
}

impl Answer {
    pub(super) fn status(status: u16) -> Self {
        let (trail, jar) = (Trail::default(), Jar::default());
        let mut answer = Self { trail, jar, earlier: Vec::new(), fetched: Fetched::new(), winners: None };
        answer.hop("http://api.test:8080/start?x=1", status);
        answer
    }

    pub(super) fn winners(self, winners: u32) -> Self {
        Self { winners: Some(winners), ..self }
    }

    pub(super) fn ok() -> Self {
        Self::status(200)
    }

    fn hop(&mut self, address: &str, status: u16) {
        let request = Request {
            method: "GET".into(),
            address: Address::parse(address).unwrap(),
            headers: Headers::default(),
            body: bytes::Bytes::new(),
        };
        let response = Response { status, version: "HTTP/1.1", headers: Headers::default(), body: bytes::Bytes::new() };
        self.trail.hops.push(Exchange {
            request,
            response: Ok(response),
            started: now(),
            elapsed: Duration::from_millis(40),
        });
    }

    fn response(&mut self) -> &mut Response {
        self.trail.hops.last_mut().unwrap().response.as_mut().unwrap()
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<bytes::Bytes>) -> Self {
        self.response().headers.add(name, value);
        self
    }

    /// A redirect from the first address, and the answer of the second.
    pub(super) fn redirected(address: &str, status: u16) -> Self {
        Self::status(302).header("Location", address.to_owned()).then(address, status)
    }

    pub(super) fn then(mut self, address: &str, status: u16) -> Self {
        self.hop(address, status);
        self
    }

    /// Adds a field to a request.
    pub(super) fn sent(mut self, hop: usize, name: &str, value: &'static str) -> Self {
        self.trail.hops[hop].request.headers.add(name, value);
        self
    }

    /// Sets a cookie from the last hop, as the wire does.
    pub(super) fn set_cookie(mut self, set: &str) -> Self {
        let from = self.trail.hops.last().unwrap().request.address.url().clone();
        let stored = self.jar.store(set.as_bytes(), &from, now());
        self.trail.jar.received(&from, stored);
        self.header("Set-Cookie", set.to_owned())
    }

    /// Sets the method of the last request.
    pub(super) fn method(mut self, method: &str) -> Self {
        self.trail.hops.last_mut().unwrap().request.method = method.to_owned();
        self
    }

    /// Puts the answer of an earlier step before it.
    pub(super) fn after(mut self, step: &str, other: Self) -> Self {
        self.earlier.push((step.to_owned(), Arc::new(other.trail)));
        self
    }

    /// Adds what was fetched from an address.
    pub(super) fn fetched(mut self, address: &str, text: Result<String, String>) -> Self {
        self.fetched.insert(address.to_owned(), text);
        self
    }

    pub(super) fn body(mut self, body: impl Into<bytes::Bytes>) -> Self {
        self.response().body = body.into();
        self
    }

    pub(super) fn json(self, body: &serde_json::Value) -> Self {
        self.body(body.to_string())
    }

    pub(super) fn judge(&self, written: &str) -> Vec<Checked> {
        let expectations = read(written).unwrap_or_else(|| panic!("{written}"));
        self.judge_read(&expectations)
    }

    pub(super) fn judge_read(&self, expectations: &Expectations) -> Vec<Checked> {
        let mut scope = Scope::default();
        scope.set("who", Value::from("alice"));
        scope.set("n", Value::from(3));
        scope.set("nothing", Value::from(()));
        scope.set("response", response_value(&self.trail, self.trail.response().unwrap()));
        self.earlier.iter().for_each(|(step, trail)| remember(&mut scope, step, Arc::clone(trail)));
        let seen = Seen::new(&self.trail, self.trail.response().unwrap(), &scope, &self.fetched, now());
        let seen = Seen { winners: self.winners, ..seen };
        expectations.checks.iter().map(|placed| placed.check.judge(&seen)).collect()
    }

    pub(super) fn holds(&self, written: &str) -> bool {
        self.judge(written).iter().all(|c| *c == Checked::Held)
    }

    /// Expected and actual of what is broken.
    pub(super) fn broken(&self, written: &str) -> Vec<(String, String)> {
        self.judge(written)
            .into_iter()
            .filter_map(|checked| match checked {
                Checked::Held => None,
                Checked::Broken { expected, actual } => Some((expected, actual)),
                Checked::Unjudgeable { why } => panic!("{written}: {why}"),
            })
            .collect()
    }

    /// The reasons of what cannot be judged.
    pub(super) fn unjudgeable(&self, written: &str) -> Vec<String> {
        self.judge(written)
            .into_iter()
            .filter_map(|checked| match checked {
                Checked::Held | Checked::Broken { .. } => None,
                Checked::Unjudgeable { why } => Some(why),
            })
            .collect()
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}
