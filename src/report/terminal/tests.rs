//! Whole outputs, compared with the files in `tests/fixtures/terminal`; `AUTHSPEC_BLESS=1` writes them anew.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::event::{CaseStarted, Stopped, Verdict, Waiting};
use crate::report::fixture::{self, ms};

/// A stream that can be looked at afterwards.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn told(events: &[Event], options: TerminalOptions) -> String {
    let paper = Paper::default();
    let mut terminal = Terminal::new(Box::new(paper.clone()), options);
    let mut now = Instant::now();
    for event in events {
        if let Event::CaseFinished(outcome) = event {
            now += outcome.elapsed;
        }
        terminal.handle(event, now).unwrap();
    }
    terminal.wrote(&["junit.xml".to_owned(), "results.json".to_owned()], 9).unwrap();
    paper.text()
}

fn at(width: usize) -> TerminalOptions {
    TerminalOptions { width, ..TerminalOptions::default() }
}

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/terminal").join(name);
    if std::env::var_os("AUTHSPEC_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(wanted == text, "{name} differs; AUTHSPEC_BLESS=1 takes the new text over:\n{text}");
}

#[test]
fn a_run_with_everything_in_it() {
    let events = fixture::run();
    golden("mixed-80.txt", &told(&events, at(80)));
    golden("mixed-120.txt", &told(&events, at(120)));
    golden("mixed-40.txt", &told(&events, at(40)));
    golden("mixed-ascii-80.txt", &told(&events, TerminalOptions { glyphs: Glyphs::Ascii, ..at(80) }));
    golden("mixed-colour-80.txt", &told(&events, TerminalOptions { colour: Colour::On, ..at(80) }));
}

#[test]
fn more_and_less_of_it() {
    let events = fixture::run();
    golden("verbose-80.txt", &told(&events, TerminalOptions { verbosity: Verbosity::Verbose, ..at(80) }));
    golden("quiet-80.txt", &told(&events, TerminalOptions { verbosity: Verbosity::Quiet, ..at(80) }));
    let few = fixture::events(
        &["login", "sessions", "notes"],
        vec![fixture::html_page(0), fixture::third_step(1), fixture::hostile(2)],
        1,
    );
    golden("whole-exchange-80.txt", &told(&few, TerminalOptions { verbosity: Verbosity::VeryVerbose, ..at(80) }));
}

#[test]
fn the_end_says_what_the_numbers_mean() {
    let passed = |i| fixture::outcome(i, 0, &format!("login/case {i}"), Verdict::Passed);
    let mut text = told(&fixture::events(&["login"], vec![passed(0), passed(1)], 0), at(80));
    let mut events = fixture::events(&["login", "notes"], vec![], 4);
    let Some(Event::RunStarted(info)) = events.first_mut() else { panic!("starts") };
    info.notices = vec!["TLS verification is off for https://staging.example.com".to_owned()];
    (info.filtered_out, info.excluded_files) = (7, 1);
    text += "\n";
    text += &told(&events, at(80));
    let mut cases: Vec<Outcome> = (0..4).map(passed).collect();
    cases[0].proof.unproven = 1;
    cases[1].proof.unproven = 2;
    cases[2].proof.proven = 1;
    cases[3].verdict = Verdict::Inconclusive;
    cases.extend((4..9).map(|i| fixture::outcome(i, 1, &format!("notes/case {i}"), Verdict::NotRun)));
    let mut events = fixture::events(&["login", "notes"], cases, 130);
    let Some(Event::RunFinished(summary)) = events.last_mut() else { panic!("ends") };
    summary.stopped = Some(Stopped::Interrupted);
    summary.tolerated = vec![Verdict::Inconclusive];
    summary.tally.teardowns = 1;
    text += "\n";
    text += &told(&events, at(80));
    golden("ends-80.txt", &text);
}

#[test]
fn success_is_one_line_when_quiet() {
    let cases = (0..3).map(|i| fixture::outcome(i, 0, "login/x", Verdict::Passed)).collect();
    let quiet = TerminalOptions { verbosity: Verbosity::Quiet, ..at(80) };
    assert_eq!(
        told(&fixture::events(&["login"], cases, 0), quiet),
        "3 cases: all passed   3 requests   2.60s   exit 0\n"
    );
}

#[test]
fn no_line_is_wider_than_the_page_but_commands() {
    let events = fixture::run();
    for width in (40..=200).step_by(7) {
        for verbosity in [Verbosity::Normal, Verbosity::VeryVerbose] {
            let text = told(&events, TerminalOptions { verbosity, ..at(width) });
            // A command that was broken within a word could not be copied, and an id is one word.
            let mut in_command = false;
            for text in text.lines() {
                in_command = text.contains("curl ")
                    || (width < 80 && text.contains("authspec run"))
                    || (in_command && text.starts_with("                "));
                assert!(in_command || line::width(text) <= width, "at {width}: {text}");
            }
        }
    }
}

#[test]
fn a_thousand_suites_are_no_flood() {
    let names: Vec<String> = (0..1000).map(|i| format!("suite {i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let case = |i: u32| {
        let id = format!("suite {i}/case");
        let mut case = fixture::wrong_status(i);
        case.suite = i as usize;
        case.id = id.as_str().into();
        if i < 900 { fixture::outcome(i, i as usize, &id, Verdict::Passed) } else { case }
    };
    let text = told(&fixture::events(&names, (0..1000).map(case).collect(), 1), at(80));
    assert_eq!(text.matches("  ok    suite").count(), 50);
    assert_eq!(text.matches(" FAIL   suite").count(), 100);
    assert!(text.contains("        and 850 more suites   850 cases\n"), "{text}");
    assert_eq!(text.matches("FAILED").count(), 20);
    assert!(text.contains("and 80 more; -v shows more of them, --json FILE all"), "{text}");
    let details = TerminalOptions { details: Some("results.json".to_owned()), ..at(80) };
    let text = told(&fixture::events(&names, (0..1000).rev().map(case).collect(), 1), details);
    assert!(
        text.contains("and 80 more in results.json") && text.contains(" 1 FAILED") && text.contains("'suite 919/case'")
    );
    assert!(!text.contains("'suite 920/case'"), "the first ones of the plan are told, whichever came first");
}

#[test]
fn a_cause_is_told_once_and_by_its_first_case() {
    let text = |order: [u32; 7]| {
        let cases = order.map(fixture::blocked).to_vec();
        told(&fixture::events(&["a", "b", "c", "legacy"], cases, 3), at(80))
    };
    let (one, other) = (text([3, 1, 2, 6, 5, 4, 7]), text([7, 6, 5, 4, 3, 2, 1]));
    assert_eq!(one.matches("BLOCKED").count(), 1);
    assert!(one.contains("7 cases") && one.contains("and 2 more") && one.contains("--id 'legacy/case 1'"), "{one}");
    let block = |text: &str| text.split("\n\n").nth(1).map(str::to_owned);
    assert_eq!(block(&one), block(&other));
}

fn waiting(case: &str, seconds: u64) -> Event {
    let time = Duration::from_secs(seconds);
    Event::Waiting(Waiting { case: case.into(), what: "a pause the suite asks for".to_owned(), time })
}

fn started(index: u32, id: &str) -> Event {
    Event::CaseStarted(CaseStarted { index, id: id.into() })
}

#[test]
fn silence_is_broken_without_a_bar() {
    let paper = Paper::default();
    let mut terminal = Terminal::new(Box::new(paper.clone()), at(80));
    let t0 = Instant::now();
    let mut cases: Vec<Outcome> =
        (0..3).map(|i| fixture::outcome(i, 0, &format!("login/{i}"), Verdict::Passed)).collect();
    cases[0].elapsed = Duration::ZERO;
    let events = fixture::events(&["login"], cases, 0);
    for event in
        [&events[0], &events[4], &events[5], &started(1, "login/1"), &waiting("login/1", 34), &started(2, "login/2")]
    {
        terminal.handle(event, t0).unwrap();
    }
    let before = paper.text();
    for second in 0..31 {
        terminal.tick(t0 + Duration::from_secs(second)).unwrap();
    }
    let after = paper.text();
    assert_eq!(
        after.strip_prefix(&before).unwrap(),
        "... 1 of 3 cases, waiting for: login/1 (a pause the suite asks for, 24s left),\n    login/2 (10s)\n\
         ... 1 of 3 cases, waiting for: login/1 (a pause the suite asks for, 4s left),\n    login/2 (30s)\n"
    );
}

#[test]
fn a_bar_shows_what_waits_and_leaves_nothing_behind() {
    let paper = Paper::default();
    let options = TerminalOptions { live: Live::Bar, ..at(100) };
    let mut terminal = Terminal::new(Box::new(paper.clone()), options.clone());
    let t0 = Instant::now();
    let events = fixture::run();
    terminal.handle(&events[0], t0).unwrap();
    terminal.handle(&started(99, "sessions/expiry"), t0).unwrap();
    terminal.handle(&waiting("sessions/expiry", 40), t0).unwrap();
    std::thread::sleep(ms(150));
    terminal.tick(t0 + ms(2000)).unwrap();
    let bar = "0 of 35   sessions/expiry (a pause the suite asks for, 38s left)";
    assert!(paper.text().contains(bar), "{}", paper.text());
    let mut now = t0;
    for event in &events[1..] {
        if let Event::CaseFinished(outcome) = event {
            now += outcome.elapsed;
        }
        terminal.handle(event, now).unwrap();
    }
    let text = paper.text();
    // Whatever was drawn is cleared, so what is left is what a run without a bar gives.
    let rows = text.split('\n').map(|row| row.rsplit("\u{1b}[2K").next().unwrap_or(row).trim_end_matches(['\r', ' ']));
    let plain = told(&events, TerminalOptions { live: Live::Lines, ..options });
    let plain = plain.split('\n').filter(|row| !row.starts_with("wrote"));
    assert_eq!(rows.collect::<Vec<_>>(), plain.collect::<Vec<_>>());
}

/// A pipe whose reader went away.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stream_that_fails_is_told_to_the_caller() {
    for live in [Live::Lines, Live::Bar] {
        let mut terminal = Terminal::new(Box::new(Gone), TerminalOptions { live, ..at(80) });
        let results = fixture::run().iter().map(|e| terminal.event(e)).collect::<Vec<_>>();
        let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        assert!(errors.iter().all(|e| e.kind() == io::ErrorKind::BrokenPipe) && !errors.is_empty());
    }
}

/// Puts a text into every place of an outcome that can hold one.
fn filled(text: &str) -> Outcome {
    let mut case = fixture::hostile(0);
    let put = |to: &mut String| to.clone_from(&text.to_owned());
    put(&mut case.name);
    case.id = text.into();
    case.place.text = text.to_owned();
    let mut more = case.reasons[0].clone();
    more.expected = Some(format!("{text}{text}{text}{text}\n{text}"));
    more.actual = Some(format!("{text}\n{text}"));
    case.reasons.push(more);
    for reason in &mut case.reasons {
        put(&mut reason.message);
        reason.place.file = text.into();
        reason.place.text = format!("a{text}b");
        reason.help = vec![text.to_owned()];
    }
    case.reasons[0].actual = Some(text.to_owned());
    let step = &mut case.steps[0];
    (step.name, step.caller) = (Some(text.to_owned()), Some(text.to_owned()));
    step.notes = vec![text.to_owned()];
    let hop = &mut step.hops[0];
    (hop.url, hop.error) = (text.to_owned(), Some(text.to_owned()));
    for message in [Some(&mut hop.request), hop.response.as_mut()].into_iter().flatten() {
        put(&mut message.line);
        put(&mut message.body.text);
        message.headers = vec![(text.to_owned(), text.to_owned()), ("Location".to_owned(), text.to_owned())];
    }
    let earlier = step.clone();
    case.steps.insert(0, earlier);
    case
}

proptest::proptest! {
    #[test]
    fn no_text_steers_the_terminal(
        text in "(\\PC|[\\x00-\\x1f\\x7f-\\u{9f}\\u{202a}-\\u{202e}<>{}\\[\\]\"‹›]){0,40}",
        width in 30usize..130,
        kind in 0..6usize,
    ) {
        use crate::event::BodyKind;
        let kinds = [BodyKind::Empty, BodyKind::Json, BodyKind::Html, BodyKind::Form, BodyKind::Text, BodyKind::Binary];
        let mut case = filled(&text);
        case.steps.iter_mut().for_each(|s| s.hops[0].response.as_mut().unwrap().body.kind = kinds[kind]);
        let mut events = fixture::events(&[&text], vec![case], 1);
        events.push(Event::Warning(Warning { code: "x", message: text.clone(), place: None }));
        let styles = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
        for verbosity in [Verbosity::Normal, Verbosity::VeryVerbose] {
            let out = told(&events, TerminalOptions { verbosity, ..at(width) });
            proptest::prop_assert!(!out.contains(|c| c != '\n' && line::is_hostile(c)), "{out:?}");
            let out = told(&events, TerminalOptions { verbosity, colour: Colour::On, ..at(width) });
            proptest::prop_assert!(!styles.replace_all(&out, "").contains(|c| c != '\n' && line::is_hostile(c)), "{out:?}");
        }
    }
}
