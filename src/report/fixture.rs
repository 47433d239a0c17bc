//! Outcomes made by hand, one of every kind a report has to tell; for tests only.

use std::sync::Arc;
use std::time::Duration;

use crate::event::{
    BodyKind, BodyRecord, Event, HopRecord, Login, LoginAction, MessageRecord, MutantRecord, Outcome, OutcomeKind,
    Phase, Proof, Reason, RunInfo, StepRecord, SuiteInfo, Summary, Tally, Verdict, Waiting,
};
use crate::mutate::{Class, Grade, Severity};
use crate::source::Place;

/// A token as masking leaves it.
pub(crate) const TOKEN: &str = "Bearer ‹bob.access_token#1›";

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A place whose carets stand below `meant`.
pub(crate) fn place(file: &str, line: usize, text: &str, meant: &str) -> Place {
    let at = text.find(meant).expect("the meant part stands in the line");
    let start = text[..at].chars().count();
    Place { file: file.into(), line, column: start + 1, text: text.to_owned(), start, width: meant.chars().count() }
}

pub(crate) fn body(kind: BodyKind, text: &str) -> BodyRecord {
    BodyRecord { kind, text: text.to_owned(), bytes: text.len() as u64 }
}

pub(crate) fn message(line: &str, headers: &[(&str, &str)], body: BodyRecord) -> MessageRecord {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    MessageRecord { line: line.to_owned(), headers, body }
}

pub(crate) fn hop(url: &str, request: MessageRecord, response: Option<MessageRecord>) -> HopRecord {
    HopRecord { url: url.to_owned(), request, signed: Vec::new(), response, says: None, error: None, elapsed: ms(3) }
}

/// A `GET` by bob and its answer.
pub(crate) fn get(path: &str, status: &str, headers: &[(&str, &str)], answer: BodyRecord) -> StepRecord {
    let request = message(
        &format!("GET {path} HTTP/1.1"),
        &[("Host", "127.0.0.1:4000"), ("Accept", "*/*"), ("Authorization", TOKEN)],
        body(BodyKind::Empty, ""),
    );
    let response = message(&format!("HTTP/1.1 {status}"), headers, answer);
    let code = status.split(' ').next().and_then(|s| s.parse().ok());
    StepRecord {
        name: None,
        phase: Phase::Case,
        number: String::new(),
        skipped: false,
        flows: Vec::new(),
        with: None,
        grade: None,
        caller: Some("bob".to_owned()),
        role: None,
        request: format!("GET {path}"),
        sent: None,
        ran: None,
        status: code,
        refusal: None,
        place: place("specs/notes.yaml", 30, "  - request: GET", "request"),
        elapsed: ms(3),
        held: 1,
        broken: 0,
        hops: vec![hop(&format!("http://127.0.0.1:4000{path}"), request, Some(response))],
        notes: Vec::new(),
        facts: None,
    }
}

/// A case without any reason.
pub(crate) fn outcome(index: u32, suite: usize, id: &str, verdict: Verdict) -> Outcome {
    Outcome {
        index,
        kind: OutcomeKind::Case,
        suite,
        id: id.into(),
        name: id.split_once('/').map_or(id, |(_, name)| name).to_owned(),
        tags: Vec::new(),
        place: place("specs/notes.yaml", 29, "  - case: x", "case"),
        verdict,
        spared: false,
        reasons: Vec::new(),
        proof: Proof::default(),
        access: None,
        with: None,
        controls: Vec::new(),
        causes: Vec::new(),
        server: None,
        steps: Vec::new(),
        case_steps: 1,
        attempts: 1,
        elapsed: ms(12),
        waited: Duration::ZERO,
        requests: 1,
    }
}

pub(crate) fn defect(id: &str, grade: Grade) -> MutantRecord {
    let (id, expected, severity) = (id.to_owned(), "401".to_owned(), Severity::Low);
    let (class, grade) = (Class::Harmless, Some(grade));
    MutantRecord { id, severity, class, pack: None, change: None, verbatim: false, grade, expected, actual: None }
}

pub(crate) fn reason(code: &'static str, message: &str, place: Place) -> Reason {
    Reason {
        code,
        message: message.to_owned(),
        place,
        expected: None,
        actual: None,
        step: None,
        help: Vec::new(),
        shared_cause: None,
    }
}

/// Somebody reads what is not theirs: the case this program is for.
pub(crate) fn wrong_status(index: u32) -> Outcome {
    let line = "  GET /notes/{{ alices_note }}: { alice: 200, bob: hidden }";
    let mut case = outcome(index, 2, "notes/a note is private[as=bob]", Verdict::Failed);
    case.name = "a note is private [as=bob]".to_owned();
    case.reasons = vec![Reason {
        expected: Some("404 (integer)".to_owned()),
        actual: Some("200 (integer)".to_owned()),
        step: Some(0),
        help: vec!["let the route compare the note's owner with the caller".to_owned()],
        ..reason("check-failed", "status is 200, not 404", place("specs/notes.yaml", 31, line, "hidden"))
    }];
    let note = r#"{"id":"7f3a","owner":"alice","title":"shopping","text":"milk, bread, and a birthday cake for bob","shared":false}"#;
    case.steps =
        vec![get("/notes/7f3a", "200 OK", &[("Content-Type", "application/json")], body(BodyKind::Json, note))];
    case
}

/// The third step of five fails, after a refresh.
pub(crate) fn third_step(index: u32) -> Outcome {
    let mut case = outcome(index, 1, "sessions/rotation", Verdict::Failed);
    case.name = "a refresh ends the old token".to_owned();
    case.case_steps = 5;
    let mut first = get("/me", "200 OK", &[], body(BodyKind::Empty, ""));
    first.name = Some("works at first".to_owned());
    let mut second = get("/refresh", "200 OK", &[], body(BodyKind::Empty, ""));
    second.request = "POST /refresh".to_owned();
    let mut third =
        get("/me", "200 OK", &[("Content-Type", "application/json")], body(BodyKind::Json, r#"{"username":"bob"}"#));
    third.name = Some("old token is dead".to_owned());
    third.notes = vec!["cookie `sid` was not sent: its path is /admin".to_owned()];
    case.steps = vec![first, second, third];
    let at = place("specs/sessions.yaml", 44, "      expect: 401", "401");
    case.reasons = vec![Reason {
        expected: Some("401 (integer)".to_owned()),
        actual: Some("200 (integer)".to_owned()),
        step: Some(2),
        ..reason("check-failed", "status is 200, not 401", at)
    }];
    case
}

/// Two checks of one answer fail, one of them on a long object.
pub(crate) fn long_values(index: u32) -> Outcome {
    let mut case = outcome(index, 2, "notes/profile", Verdict::Failed);
    let side = |name: &str, roles: &str| {
        format!(
            r#"{{"id":17,"name":"{name}","mail":"a@example.com","roles":[{roles}],"active":true,"since":"2024-05-01"}} (object)"#
        )
    };
    let first = place("specs/notes.yaml", 70, "      json: { $: { equals: \"{{ profile }}\" } }", "equals");
    let second =
        place("specs/notes.yaml", 71, "      headers: { Cache-Control: { contains: no-store } }", "contains: no-store");
    case.reasons = vec![
        Reason {
            expected: Some(side("alice", "\"user\"")),
            actual: Some(side("bob", "\"user\",\"admin\"")),
            step: Some(0),
            ..reason("check-failed", "$ is another object", first)
        },
        Reason {
            expected: Some("a text that contains \"no-store\" (string)".to_owned()),
            actual: Some("\"public, max-age=3600\" (string)".to_owned()),
            step: Some(0),
            ..reason("check-failed", "header `Cache-Control` does not contain `no-store`", second)
        },
    ];
    case.steps = vec![get(
        "/profile",
        "200 OK",
        &[("content-type", "application/json; charset=utf-8")],
        body(BodyKind::Json, "{}"),
    )];
    case
}

/// A form login that ends on a page that says why, after a redirect.
pub(crate) fn html_page(index: u32) -> Outcome {
    let mut case = outcome(index, 0, "login/by form", Verdict::Failed);
    let form = body(BodyKind::Form, "user=bob&password=‹bob.password#1›&csrf=‹csrf#1›");
    let post = message(
        "POST /login HTTP/1.1",
        &[
            ("host", "127.0.0.1:4000"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("cookie", "sid=‹bob.sid#1›"),
        ],
        form,
    );
    let away = message("HTTP/1.1 303 See Other", &[("location", "/login?again")], body(BodyKind::Empty, ""));
    let page = "<!doctype html><html><head><title>Sign in</title><script>x()</script></head><body><h1>Sign in</h1>\
                <p class=error>Your form was too old,\n please try <b>again</b>.</p><form><label>Name</label><input></form></body>";
    let step = get(
        "/login?again",
        "403 Forbidden",
        &[("Content-Type", "text/html; charset=utf-8"), ("Retry-After", "30")],
        body(BodyKind::Html, page),
    );
    let mut step = StepRecord { request: "POST /login".to_owned(), ..step };
    step.hops.insert(0, hop("http://127.0.0.1:4000/login", post, Some(away)));
    case.steps = vec![step];
    case.reasons = vec![Reason {
        expected: Some("one of 200, 302".to_owned()),
        actual: Some("403 (integer)".to_owned()),
        step: Some(0),
        help: vec!["the page mentions an old form: capture the CSRF token in a step right before".to_owned()],
        ..reason(
            "check-failed",
            "status is 403, not one of 200, 302",
            place("specs/login.yaml", 12, "    expect: [200, 302]", "[200, 302]"),
        )
    }];
    case
}

/// One of the cases that a failed login takes with it.
pub(crate) fn blocked(index: u32) -> Outcome {
    let mut case = outcome(index, 3, &format!("legacy/case {index}"), Verdict::Blocked);
    let mut step = get(
        "/login",
        "500 Internal Server Error",
        &[("content-type", "text/plain")],
        body(BodyKind::Text, "out of cheese\nredo from start\n"),
    );
    step.phase = Phase::Login;
    step.caller = Some("carol".to_owned());
    step.hops[0].request.headers.pop();
    step.hops[0].request.line = "POST /login HTTP/1.1".to_owned();
    step.hops[0].request.body = body(BodyKind::Json, r#"{"username":"carol","password":"‹carol.password#1›"}"#);
    step.place = place("specs/authspec.yaml", 9, "      request: POST /login", "request");
    let login = place("specs/authspec.yaml", 9, "      request: POST /login", "POST /login");
    case.steps = vec![step];
    case.elapsed = ms(1);
    case.requests = 0;
    case.reasons = vec![Reason {
        step: Some(0),
        shared_cause: Some("login:carol".into()),
        help: vec!["see whether the account `carol` exists".to_owned()],
        ..reason("login-failed", "carol could not log in: status is 500, not 200", login)
    }];
    case
}

/// The server is not there.
pub(crate) fn no_answer(index: u32) -> Outcome {
    let mut case = outcome(index, 3, "legacy/health", Verdict::Errored);
    let mut step = get("/health?verbose=[1]", "0", &[], body(BodyKind::Empty, ""));
    step.status = None;
    step.hops[0].response = None;
    step.hops[0].error = Some("connection refused by 127.0.0.1:4000".to_owned());
    step.hops[0].request.headers.pop();
    step.caller = Some("anonymous".to_owned());
    case.steps = vec![step];
    let at = place("specs/legacy.yaml", 3, "  - request: GET /health?verbose=[1]", "GET /health?verbose=[1]");
    case.reasons = vec![Reason { step: Some(0), ..reason("connection", "nothing listens on 127.0.0.1:4000", at) }];
    case
}

/// A refusal that proves nothing.
pub(crate) fn proves_nothing(index: u32) -> Outcome {
    let mut case = outcome(index, 3, "legacy/mallory stays out", Verdict::Inconclusive);
    let at = place("specs/legacy.yaml", 20, "    as: mallory", "mallory");
    let message = "mallory was refused everything in this run, so this refusal shows nothing";
    case.reasons = vec![Reason {
        help: vec!["let mallory do one thing that is allowed".to_owned()],
        ..reason("never-allowed", message, at)
    }];
    case
}

/// A server, and a user, that mean harm.
pub(crate) fn hostile(index: u32) -> Outcome {
    let mut case = outcome(index, 2, "notes/it's \u{1b}[2Jhostile", Verdict::Failed);
    let evil = "\u{1b}]0;owned\u{7}\r\n94 cases: all passed   exit 0\n\u{202e}drowssap\u{9b}31m";
    let mut step = get(
        "/x",
        "200 \u{1b}[32mOK",
        &[("Content-Type", "text/\u{1b}plain"), ("Location", evil)],
        body(BodyKind::Text, evil),
    );
    step.notes = vec![evil.to_owned()];
    step.hops[0].request.body = body(BodyKind::Text, "a=‹x#1›\n'b'\u{1b}100%");
    step.hops[0].request.line = "PUT /x HTTP/1.1".to_owned();
    case.steps = vec![step];
    case.reasons = vec![Reason {
        expected: Some("\"ok\" (string)".to_owned()),
        actual: Some(format!("\"{evil}\" (string)")),
        step: Some(0),
        ..reason("check-failed", "body is \u{1b}[8mhidden", place("specs/notes.yaml", 80, "\tbody: \u{202e}ok", "ok"))
    }];
    case
}

/// Names in other scripts and a body that does not end.
pub(crate) fn unicode_and_huge(index: u32) -> Outcome {
    let mut case = outcome(index, 2, "notes/日本語のノート", Verdict::Failed);
    let huge = format!("{{\"items\":[{}", "{\"id\":1234567890123456789012,\"name\":\"日本語\"},".repeat(2_000));
    let huge = huge[..huge.floor_char_boundary(crate::event::BODY_KEPT)].to_owned();
    let answer = BodyRecord { kind: BodyKind::Json, text: huge, bytes: 9_437_184 };
    case.steps = vec![get("/%E6%97%A5", "200 OK", &[("Content-Type", "application/json")], answer)];
    let line = "      json: { $.名前: { equals: 日本 }, $.items: { length: { below: 100 } } }   # the list is paged, nobody gets all of it at once";
    case.reasons = vec![Reason {
        expected: Some("below 100 (integer)".to_owned()),
        actual: Some("1000 (integer)".to_owned()),
        step: Some(0),
        ..reason("check-failed", "$.items has 1000 members", place("specs/notes.yaml", 90, line, "below: 100"))
    }];
    case
}

/// A whole run that holds all of them, 40 cases in 5 suites.
pub(crate) fn run() -> Vec<Event> {
    let names = ["login", "sessions", "notes", "legacy", "later"];
    let mut cases: Vec<Outcome> = Vec::new();
    for i in 0..20 {
        let mut case = outcome(i, i as usize % 3, &format!("{}/case {i}", names[i as usize % 3]), Verdict::Passed);
        case.proof.proven = 2;
        cases.push(case);
    }
    cases[4].elapsed = ms(2310);
    cases[4].waited = ms(2100);
    cases[5].proof.unproven = 1;
    cases[6].verdict = Verdict::Flaky;
    cases[6].reasons = vec![reason("retried", "passed when run again", cases[6].place.clone())];
    cases.extend([html_page(20), third_step(21), wrong_status(22), long_values(23), hostile(24), unicode_and_huge(25)]);
    cases.extend((26..31).rev().map(blocked));
    cases.extend([no_answer(31), proves_nothing(32)]);
    for i in 33..35 {
        let mut case = outcome(i, 4, &format!("later/case {i}"), Verdict::Skipped);
        case.elapsed = Duration::ZERO;
        case.requests = 0;
        case.reasons = vec![reason("skipped", "waits for the new API", case.place.clone())];
        cases.push(case);
    }
    events(&names, cases, 1)
}

/// Wraps cases into the events of a run.
pub(crate) fn events(suites: &[&str], cases: Vec<Outcome>, exit: u8) -> Vec<Event> {
    let suite = |(i, id): (usize, &&str)| SuiteInfo {
        id: (*id).to_owned(),
        name: (*id).to_owned(),
        file: format!("specs/{id}.yaml").into(),
        cases: cases.iter().filter(|c| c.suite == i).count(),
    };
    let info = RunInfo {
        version: "0.1.0".to_owned(),
        started: "2030-01-01T00:00:00Z".to_owned(),
        targets: vec!["demo http://127.0.0.1:4000".to_owned()],
        suites: suites.iter().enumerate().map(suite).collect(),
        cases: cases.len(),
        filtered_out: 0,
        excluded_files: 0,
        notices: Vec::new(),
    };
    let login = |who: &str, failure: Option<&str>| {
        let failure = failure.map(str::to_owned);
        Event::Login(Login {
            identity: who.to_owned(),
            action: LoginAction::Login,
            failure,
            elapsed: ms(11),
            fresh: false,
            steps: Vec::new(),
        })
    };
    let mut tally = Tally::default();
    let mut events =
        vec![Event::RunStarted(info), login("alice", None), login("bob", None), login("carol", Some("500"))];
    for case in cases {
        tally.add(&case);
        let (index, id) = (case.index, Arc::clone(&case.id));
        events.push(Event::CaseStarted(crate::event::CaseStarted { index, id }));
        if case.waited > Duration::ZERO {
            let what = "a real token to expire".to_owned();
            events.push(Event::Waiting(Waiting { case: Arc::clone(&case.id), what, time: case.waited }));
        }
        events.push(Event::CaseFinished(Box::new(case)));
    }
    events.push(Event::RunFinished(Box::new(Summary {
        tally,
        elapsed: ms(2600),
        exit,
        stopped: None,
        tolerated: Vec::new(),
        fail_on: None,
    })));
    events
}
