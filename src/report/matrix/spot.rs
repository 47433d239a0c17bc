//! What a table shows of a cell: what came of the request as it is, and of it with each defect.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::event::{AccessCell, Likeness, Outcome, Verdict};
use crate::mutate::Grade;
use crate::report::terminal::line::Role;
use crate::term::list;

/// How much is told in words of a row.
const TOLD: usize = 4;
/// Of how many people the same is told by name.
const PEOPLE: usize = 3;
/// How many defects are named that ended alike.
const NAMED: usize = 2;
/// What a finding is, in words.
const FINDING: &str = "answered otherwise than is due";

/// How a cell ended; the later, the more it has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// As expected.
    Fine,
    /// Left out, as it was asked for or for it has no sense here.
    Skipped,
    /// The run ended before it.
    NotRun,
    /// Answered otherwise than is due: to be known, and no failure.
    Finding,
    /// Not as expected, and milder than what fails the run.
    Spared,
    /// It could not be judged.
    Doubt,
    /// Not as expected.
    Failed,
}

impl State {
    pub(super) const fn role(self) -> Role {
        match self {
            Self::Fine => Role::Plain,
            Self::Skipped | Self::NotRun => Role::Dim,
            Self::Finding | Self::Spared | Self::Doubt => Role::Doubt,
            Self::Failed => Role::Bad,
        }
    }

    /// Readable without colour.
    const fn mark(self) -> &'static str {
        match self {
            Self::Fine | Self::Skipped | Self::NotRun => "",
            Self::Finding | Self::Spared => "*",
            Self::Doubt => "?",
            Self::Failed => "!",
        }
    }

    /// Tells whether a row with such a cell is drawn unasked.
    pub(super) const fn is_told(self) -> bool {
        match self {
            Self::Fine | Self::Skipped | Self::NotRun => false,
            Self::Finding | Self::Spared | Self::Doubt | Self::Failed => true,
        }
    }

    fn of(cell: &AccessCell, outcome: &Outcome) -> Self {
        match outcome.verdict {
            Verdict::Failed if outcome.spared => Self::Spared,
            Verdict::Failed => Self::Failed,
            Verdict::Blocked | Verdict::Inconclusive | Verdict::Errored => Self::Doubt,
            Verdict::Passed | Verdict::Flaky if cell.odd || outcome.has_finding() => Self::Finding,
            Verdict::Passed | Verdict::Flaky => Self::Fine,
            Verdict::Skipped => Self::Skipped,
            Verdict::NotRun => Self::NotRun,
        }
    }
}

/// What became of one case of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    /// The status, or what stands for it.
    status: String,
    state: State,
    /// In words, where it is to be told.
    told: Option<Told>,
}

/// Who it is about, and what is told of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    who: String,
    what: String,
}

/// A cell: the request as it is, and with each of the defects of its row, by their ids.
#[derive(Debug, Default)]
pub(super) struct Spot {
    who: String,
    plain: Option<Mark>,
    defects: BTreeMap<String, Mark>,
}

impl Spot {
    /// Takes in what became of a case of this cell.
    pub(super) fn add(&mut self, cell: &AccessCell, outcome: &Outcome) {
        self.who.clone_from(&cell.column);
        let mark = Mark::of(cell, outcome);
        match &cell.with {
            None => self.plain = Some(mark),
            Some(id) => {
                self.defects.insert(id.clone(), mark);
            }
        }
    }

    /// How the worst of its cases ended.
    pub(super) fn state(&self) -> State {
        // A defect that has no sense here leaves the cell as it is; one that was not run leaves it open.
        let of_defects = self.defects.values().map(|m| m.state).filter(|state| *state != State::Skipped);
        let plain = self.plain.as_ref().map_or(State::Skipped, |mark| mark.state);
        of_defects.fold(plain, State::max)
    }

    /// What stands in the table, without its mark.
    fn status(&self) -> &str {
        self.plain.as_ref().map_or("skip", |mark| &mark.status)
    }

    /// What has to be told of it in words; of defects that ended alike the first ones are named.
    fn told(&self) -> Vec<Told> {
        let mut all: Vec<Told> = self.plain.iter().filter_map(|mark| mark.told.clone()).collect();
        let of = |state| self.defects.iter().filter(move |(_, mark)| mark.state == state);
        all.extend(of(State::Failed).chain(of(State::Spared)).filter_map(|(_, mark)| mark.told.clone()));
        for (state, words) in
            [(State::Doubt, "could not be judged"), (State::Finding, FINDING), (State::NotRun, "not run")]
        {
            let alike: Vec<(&String, &Mark)> = of(state).collect();
            match alike[..] {
                [] => {}
                [(_, mark)] => all.extend(mark.told.clone()),
                _ => {
                    let named = alike.iter().take(NAMED).map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ");
                    let more = alike.len().saturating_sub(NAMED);
                    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                    all.push(Told { who: self.who.clone(), what: format!(" with {named}{more}: {words}") });
                }
            }
        }
        all
    }
}

impl Mark {
    fn of(cell: &AccessCell, outcome: &Outcome) -> Self {
        let state = State::of(cell, outcome);
        let status = match (cell.got, state) {
            (Some(status), _) => status.to_string(),
            (None, State::Skipped) => "skip".to_owned(),
            (None, State::NotRun | State::Doubt) => "-".to_owned(),
            (None, State::Fine | State::Finding | State::Spared | State::Failed) => "none".to_owned(),
        };
        // Of a defect it is told, for the cell shows the request as it is.
        let is_told = state.is_told() || (state == State::NotRun && cell.with.is_some());
        let told = is_told.then(|| words(cell, outcome, state));
        Self { status, state, told }
    }
}

/// What is told of a cell.
fn words(cell: &AccessCell, outcome: &Outcome, state: State) -> Told {
    let got = cell.got.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let with = cell.with.as_ref().map(|id| format!(" with {id}")).unwrap_or_default();
    let reason = outcome.reasons.first();
    let code = reason.map_or("", |r| r.code);
    let grade = outcome.with.as_ref().and_then(|with| with.grade).map(Grade::word);
    let why = if code.is_empty() { String::new() } else { format!(" ({code})") };
    let what = match state {
        State::Doubt if cell.got.is_none() => format!(": {}{why}", outcome.verdict.word()),
        State::Doubt => format!(" got {got}: {}{why}", outcome.verdict.word()),
        _ if code == "let-in-to-error" && reason.is_some_and(|r| r.message.contains("let in to a login page")) => {
            format!(" got {got}, and a login page")
        }
        _ if code == "let-in-to-error" => format!(" got {got}, and nothing but an error in it"),
        _ if cell.odd && cell.with.is_none() => {
            let due = if cell.got == Some(401) { 403 } else { 401 };
            format!(" got {got} instead of {due}")
        }
        State::Finding => format!(" got {got} instead of {}", cell.want),
        State::Spared | State::Failed if code == "refused-with-data" => {
            let all = "the body of whoever is allowed";
            let part = reason.and_then(|r| r.message.split_once(": ")).map_or(all, |(_, part)| part);
            format!(" got {got}, with {part}")
        }
        State::Spared | State::Failed if code == "changed" => format!(" got {got}, and yet something changed"),
        State::Spared | State::Failed if code.starts_with("mutant-") && grade.is_some() => {
            format!(" got {got}, {}", grade.unwrap_or_default())
        }
        State::Spared | State::Failed => match reason.map(|r| &*r.message) {
            Some(message) if code == "check-failed" && !message.starts_with("status ") => {
                format!(" got {got}, but {message}")
            }
            _ => format!(" got {got}, want {}{}", cell.want, body(cell)),
        },
        State::NotRun => ": not run".to_owned(),
        State::Fine | State::Skipped => String::new(),
    };
    let spared = if state == State::Spared { ", spared" } else { "" };
    Told { who: cell.column.clone(), what: format!("{with}{what}{spared}") }
}

fn body(cell: &AccessCell) -> String {
    let Some(loot) = &cell.body else { return String::new() };
    match (loot.is, &loot.beside) {
        (Likeness::Same, Some(name)) => format!(", the body of {name}"),
        (Likeness::Differs, Some(name)) => format!(", another body than {name}"),
        (Likeness::Empty, _) => ", no body".to_owned(),
        (Likeness::Alone, _) => ", and nobody who may got a body to compare with".to_owned(),
        (Likeness::Same | Likeness::Differs, None) => String::new(),
    }
}

/// What has to be told of several cells; of whom the same is told, that is told once.
pub(super) fn in_words<'m>(spots: impl Iterator<Item = &'m Spot>) -> String {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    // The worst first, for the end may be cut off.
    let mut spots: Vec<&Spot> = spots.collect();
    spots.sort_by_key(|spot| Reverse(spot.state()));
    for Told { who, what } in spots.into_iter().flat_map(Spot::told) {
        match all.iter_mut().find(|(known, _)| *known == what) {
            Some((_, people)) => people.push(who),
            None => all.push((what, vec![who])),
        }
    }
    let told = all.iter().take(TOLD).map(|(what, people)| {
        let more = people.len().saturating_sub(PEOPLE);
        let mut names = people[..people.len() - more].to_vec();
        names.extend((more > 0).then(|| format!("{more} more")));
        format!("{}{what}", list(&names, "and"))
    });
    let mut words = told.collect::<Vec<_>>().join("; ");
    if all.len() > TOLD {
        let more: usize = all[TOLD..].iter().map(|(_, people)| people.len()).sum();
        words.push_str(&format!("; and {more} more"));
    }
    words
}

/// Several cells in one: that which is worst, or what all are.
pub(super) fn together<'m>(spots: impl Iterator<Item = &'m Spot>) -> (String, State) {
    let all: Vec<&Spot> = spots.collect();
    let Some(worst) = all.iter().rev().max_by_key(|spot| spot.state()) else { return (String::new(), State::Fine) };
    let (state, alike) = (worst.state(), all.iter().all(|spot| spot.status() == worst.status()));
    let text = match state {
        State::Fine if !alike => "ok".to_owned(),
        // Some ran, and those are as expected.
        State::Skipped if !alike => "ok/skip".to_owned(),
        State::NotRun if !alike => "ok/-".to_owned(),
        State::Fine
        | State::Skipped
        | State::NotRun
        | State::Finding
        | State::Spared
        | State::Doubt
        | State::Failed => {
            format!("{}{}", worst.status(), state.mark())
        }
    };
    (text, state)
}
