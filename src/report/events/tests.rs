use serde_json::Value;

use super::*;
use crate::event::{CaseStarted, Login, LoginAction, Verdict, Waiting, Warning};
use crate::report::file::{ReportFile, Shape};
use crate::report::sample::{info, outcome, summary};

/// One event of each kind.
pub(in crate::report) fn run() -> Vec<Event> {
    let time = std::time::Duration::from_millis(3);
    let login = Login {
        identity: "alice".into(),
        action: LoginAction::Refresh,
        failure: Some("refused".into()),
        elapsed: time,
        fresh: false,
        steps: Vec::new(),
    };
    vec![
        Event::RunStarted(info(&["shop"])),
        Event::Login(login),
        Event::CaseStarted(CaseStarted { index: 1, id: "shop/a".into() }),
        Event::Warning(Warning { code: "x", message: "m".into(), place: None }),
        Event::Waiting(Waiting { case: "shop/a".into(), what: "a \"pause\"\nof hunter22".into(), time }),
        Event::CaseFinished(Box::new(outcome(1, 0, Verdict::Failed))),
        Event::RunFinished(Box::new(summary(&[]))),
    ]
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    std::str::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_event_is_a_line_with_its_number() {
    let mut writer = EventsWriter::new(Vec::new(), SecretSet::new(), Pace::Live);
    for event in run() {
        writer.event(&event).unwrap();
    }
    let lines = lines(&writer.into_inner());
    assert_eq!(lines.iter().map(|line| line["seq"].clone()).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    let names: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    let wanted = ["run-started", "login", "case-started", "warning", "waiting", "case-finished", "run-finished"];
    assert_eq!(names, wanted);
    let times: Vec<_> = lines.iter().map(|line| line["at_ms"].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(lines[4]["ms"], 3.0);
    assert_eq!(lines[4]["what"], "a \"pause\"\nof hunter22");
}

/// The keys of an object as they come, also those that come twice.
struct Keys(Vec<String>);

impl<'de> serde::Deserialize<'de> for Keys {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Keys;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, serde::de::IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        from.deserialize_map(Visitor)
    }
}

#[test]
fn no_line_has_a_field_twice() {
    let mut writer = EventsWriter::new(Vec::new(), SecretSet::new(), Pace::Live);
    for event in run() {
        writer.event(&event).unwrap();
    }
    for line in String::from_utf8(writer.into_inner()).unwrap().lines() {
        let mut keys = serde_json::from_str::<Keys>(line).unwrap().0;
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count, "{line}");
    }
}

/// Counts what arrives and when it is told to pass it on.
#[derive(Default)]
struct Flushes(usize, usize);

impl Write for Flushes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1 += 1;
        Ok(())
    }
}

#[test]
fn a_reader_along_gets_each_line_whole_and_at_once() {
    for (pace, flushes) in [(Pace::Live, 7), (Pace::AtEnd, 1)] {
        let mut writer = EventsWriter::new(Flushes::default(), SecretSet::new(), pace);
        for event in run() {
            writer.event(&event).unwrap();
        }
        let counted = writer.into_inner();
        assert_eq!((counted.0, counted.1), (7, flushes));
    }
}

#[test]
fn a_file_holds_no_secret_that_came_up_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.ndjson");
    let secrets = SecretSet::new();
    let file = ReportFile::create(&path, Shape::Json).unwrap();
    let mut writer = EventsWriter::new(file, secrets.clone(), Pace::AtEnd);
    for event in run() {
        writer.event(&event).unwrap();
    }
    secrets.add("alice.token", "hunter22");
    assert_eq!(writer.into_inner().finish(&secrets).unwrap().masked, 1);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(lines(&bytes)[4]["what"], "a \"pause\"\nof ‹alice.token#1›");
    assert_eq!(lines(&bytes).len(), 7);
}
