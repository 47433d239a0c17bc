//! Outcomes for the tests of the report files.

use std::sync::Arc;
use std::time::Duration;

use crate::event::{
    BodyKind, BodyRecord, Carried, Certainty, Explanation, HopRecord, MessageRecord, Outcome, OutcomeKind, Phase,
    Proof, REASONS, Reason, RefusalProof, RunInfo, SentRecord, ServerOutput, SignedRecord, StepRecord, SuiteInfo,
    Summary, Tally, Verdict,
};
use crate::source::Place;

/// Gives out texts one after the other, from the beginning again when they are used up.
pub(crate) struct Texts<'a> {
    texts: &'a [String],
    next: usize,
}

impl<'a> Texts<'a> {
    pub(crate) fn new(texts: &'a [String]) -> Self {
        Self { texts, next: 0 }
    }

    fn text(&mut self) -> String {
        self.next += 1;
        self.texts.get((self.next - 1) % self.texts.len().max(1)).cloned().unwrap_or_default()
    }

    fn shared(&mut self) -> Arc<str> {
        self.text().into()
    }

    fn place(&mut self, line: usize) -> Place {
        Place { file: self.shared(), line, column: 3, text: self.text(), start: 2, width: 4 }
    }

    fn message(&mut self) -> MessageRecord {
        let text = self.text();
        MessageRecord {
            line: self.text(),
            headers: vec![(self.text(), self.text()), (self.text(), self.text())],
            body: BodyRecord { kind: BodyKind::Text, bytes: text.len() as u64, text },
        }
    }

    fn step(&mut self) -> StepRecord {
        let request = self.message();
        StepRecord {
            name: Some(self.text()),
            phase: Phase::Case,
            number: String::new(),
            skipped: false,
            flows: Vec::new(),
            with: None,
            grade: None,
            caller: Some(self.text()),
            role: Some(self.text()),
            request: self.text(),
            sent: Some(SentRecord {
                origin: self.text(),
                credential: Carried::Own,
                carries: vec![self.text()],
                followed: vec![302],
                paused: true,
                per_request: false,
            }),
            ran: Some(self.text()),
            status: Some(401),
            refusal: Some(RefusalProof::Proven),
            place: self.place(9),
            elapsed: Duration::from_micros(1_234),
            held: 1,
            broken: 1,
            hops: vec![HopRecord {
                url: self.text(),
                request,
                signed: vec![SignedRecord { what: self.text(), text: self.text() }],
                response: Some(self.message()),
                says: Some(SignedRecord { what: self.text(), text: self.text() }),
                error: Some(self.text()),
                elapsed: Duration::from_millis(1),
            }],
            notes: vec![self.text()],
            facts: None,
        }
    }

    fn explanation(&mut self) -> Explanation {
        Explanation {
            code: "token-expired".into(),
            certainty: Certainty::Likely,
            cause: self.text(),
            evidence: vec![self.text()],
            next: vec![self.text()],
            step: Some(0),
        }
    }

    fn reason(&mut self, nth: usize) -> Reason {
        Reason {
            code: REASONS[nth % REASONS.len()].name,
            message: self.text(),
            place: self.place(7),
            expected: Some(self.text()),
            actual: Some(self.text()),
            step: Some(nth),
            help: vec![self.text()],
            shared_cause: Some(self.shared()),
        }
    }

    /// Makes an outcome with a text in every field that holds one.
    pub(crate) fn outcome(&mut self, index: u32, suite: usize, verdict: Verdict) -> Outcome {
        let plain = verdict == Verdict::Passed;
        let reasons = if plain { 0 } else { 2 };
        Outcome {
            index,
            kind: OutcomeKind::Case,
            suite,
            id: self.shared(),
            name: self.text(),
            tags: vec![self.text()],
            place: self.place(5),
            verdict,
            spared: false,
            reasons: (0..reasons).map(|nth| self.reason(nth)).collect(),
            proof: Proof {
                proven: 1,
                unproven: index % 2,
                uncontrolled: 0,
                unverified: 0,
                odd: 0,
                unlooked: 0,
                hollow: 0,
            },
            access: None,
            with: None,
            controls: Vec::new(),
            causes: (0..reasons).map(|_| self.explanation()).collect(),
            server: (!plain).then(|| ServerOutput { about: self.text(), lines: vec![self.text(), self.text()] }),
            steps: (0..2).map(|_| self.step()).collect(),
            case_steps: 2,
            attempts: 1,
            elapsed: Duration::from_micros(20_499),
            waited: Duration::ZERO,
            requests: 2,
        }
    }

    pub(crate) fn info(&mut self, suites: usize) -> RunInfo {
        let suite =
            |texts: &mut Self| SuiteInfo { id: texts.text(), name: texts.text(), file: texts.shared(), cases: 3 };
        RunInfo {
            version: "1.0.0".into(),
            started: "2026-01-02T03:04:05Z".into(),
            targets: vec![self.text()],
            suites: (0..suites).map(|_| suite(self)).collect(),
            cases: suites * 3,
            filtered_out: 1,
            excluded_files: 2,
            notices: vec![self.text()],
        }
    }
}

/// Makes an outcome of plain texts.
pub(crate) fn outcome(index: u32, suite: usize, verdict: Verdict) -> Outcome {
    let mut outcome = Texts::new(&["text".to_owned()]).outcome(index, suite, verdict);
    outcome.id = format!("shop/orders/case-{index}").into();
    outcome.name = format!("case {index}");
    outcome.place.file = "specs/orders.yaml".into();
    outcome
}

/// Makes a run of plain texts.
pub(crate) fn info(suites: &[&str]) -> RunInfo {
    let mut info = Texts::new(&["text".to_owned()]).info(suites.len());
    for (suite, id) in info.suites.iter_mut().zip(suites) {
        suite.id = (*id).to_owned();
        suite.name = format!("suite {id}");
        suite.file = format!("specs/{id}.yaml").into();
    }
    info
}

/// Sums up outcomes as the runner does.
pub(crate) fn summary(outcomes: &[Outcome]) -> Summary {
    let mut tally = Tally::default();
    for outcome in outcomes {
        tally.add(outcome);
    }
    Summary {
        tally,
        elapsed: Duration::from_millis(1_500),
        exit: 1,
        stopped: None,
        tolerated: Vec::new(),
        fail_on: None,
    }
}
