//! `same_time_as`: that the answer takes as long as that of an earlier step. One pair of answers says nothing about
//! that, so both steps are sent in turn, many times, by `exec`; here stands how it is written and how it is judged.

use std::sync::Arc;
use std::time::Duration;

use crate::spec::{Data, Key, Node, Reader, Shape, key, parse_duration};
use crate::template::{Scope, Template};

use super::rank::{Compared, compare, median};
use super::{Check, Checked, Placed, Seen, diags};

/// The keys of its long form.
pub(super) const KEYS: &[Key] = &[
    key("step", "the name of an earlier step beside this one").is(Shape::Text),
    key("pairs", "how many times both are sent in one round, 20 by default; there are up to three rounds")
        .is(Shape::Count(10, 100)),
    key("above", "differences up to this are none, 30ms by default")
        .is(Shape::Either(&[Shape::Duration, Shape::Like(r"\{\{")])),
];

/// How the times of two steps are compared.
#[derive(Debug, Clone)]
pub struct Times {
    /// The other step.
    pub step: Arc<str>,
    /// How many pairs are sent in a round.
    pub pairs: u32,
    /// Differences up to this are none.
    above: Above,
}

/// Up to what a difference is none.
#[derive(Debug, Clone)]
enum Above {
    Fixed(Duration),
    /// What a template gives.
    Late(Template),
}

impl Times {
    /// Up to what a difference is none; the error is one sentence.
    pub fn above(&self, names: &Scope) -> Result<Duration, String> {
        match &self.above {
            Above::Fixed(above) => Ok(*above),
            Above::Late(template) => {
                let text = template.render(names).map_err(|e| e.message)?;
                parse_duration(&text).ok_or_else(|| format!("`{text}` is no duration; write `30ms`"))
            }
        }
    }
}

/// How often a difference has to be seen, one time and two that confirm it.
const ROUNDS: usize = 3;

/// The times of the two steps in milliseconds, round by round.
#[derive(Debug, Default)]
pub struct Rounds(Vec<(Vec<f64>, Vec<f64>)>);

#[derive(Debug)]
struct SameTime(Times);

/// Reads the row `same_time_as`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    out.extend(times(node, reader).map(|times| Placed {
        subject: format!("the time beside `{}`", times.step),
        check: Box::new(SameTime(times)),
        span: node.span,
    }));
}

fn times(node: &Node, reader: &mut Reader<'_>) -> Option<Times> {
    let (named, fields) = if let Data::Text(_) = &node.data {
        (node, None)
    } else {
        let fields = reader.fields(node, KEYS, "`same_time_as`")?;
        (reader.need(fields, node, "step", "`same_time_as`")?, Some(fields))
    };
    let step = reader.word(named)?;
    if !reader.names.has_step(&step.value) {
        let known: Vec<String> = reader.names.steps().map(ToOwned::to_owned).collect();
        reader.fault(diags::unknown_step(step.span, &step.value, &known));
        return None;
    }
    let pairs = fields.and_then(|f| f.get("pairs")).map_or(Some(20), |n| reader.count(n, 10..=100))?;
    let above = fields
        .and_then(|f| f.get("above"))
        .map_or(Some(Above::Fixed(Duration::from_millis(30))), |n| above(n, reader))?;
    Some(Times { step: step.value, pairs: u32::try_from(pairs).unwrap_or(100), above })
}

fn above(node: &Node, reader: &mut Reader<'_>) -> Option<Above> {
    match &node.data {
        Data::Text(text) if text.contains("{{") => reader.template(node).map(Above::Late),
        _ => reader.duration(node).map(Above::Fixed),
    }
}

impl Check for SameTime {
    fn judge(&self, _: &Seen<'_>) -> Checked {
        Checked::Unjudgeable { why: "one answer says nothing about it".to_owned() }
    }

    fn times(&self) -> Option<&Times> {
        Some(&self.0)
    }
}

impl Rounds {
    /// Adds the times of a round: of the other step, and of this one.
    pub fn add(&mut self, there: Vec<f64>, here: Vec<f64>) {
        self.0.push((there, here));
    }

    /// Judges what was seen so far; nothing where another round has to be sent. A difference is only told when it was
    /// seen and confirmed twice, the same way; that there is none, when it was ruled out.
    pub fn judge(&self, times: &Times, above: Duration) -> Option<Checked> {
        let above = above.as_secs_f64() * 1000.0;
        let each: Vec<Compared> = self.0.iter().map(|(there, here)| compare(there, here, above)).collect();
        let seen: Vec<f64> =
            each.iter().filter_map(|c| if let Compared::Different(by) = c { Some(*by) } else { None }).collect();
        let same_way = seen.iter().all(|by| *by > 0.0) || seen.iter().all(|by| *by < 0.0);
        if seen.is_empty() {
            let there: Vec<f64> = self.0.iter().flat_map(|(there, _)| there.clone()).collect();
            let here: Vec<f64> = self.0.iter().flat_map(|(_, here)| here.clone()).collect();
            if compare(&there, &here, above) == Compared::Alike {
                return Some(Checked::Held);
            }
        }
        if seen.len() < each.len() && !seen.is_empty() || !same_way {
            return Some(Self::unclear("a difference was seen, and not again"));
        }
        if each.len() < ROUNDS {
            return None;
        }
        if seen.is_empty() {
            return Some(Self::unclear("the times vary too much to rule a difference out"));
        }
        let by = seen.iter().map(|by| by.abs()).fold(f64::INFINITY, f64::min);
        let expected = format!("times that differ by at most {above:.0} ms from those of `{}`", times.step);
        let by = crate::term::duration(Duration::from_secs_f64(by / 1000.0));
        Some(Checked::Broken { expected, actual: format!("they were {by} apart or more, seen in {ROUNDS} rounds") })
    }

    fn unclear(why: &str) -> Checked {
        Checked::Unjudgeable { why: why.to_owned() }
    }

    /// The medians of both in each round, for people.
    pub fn told(&self) -> Vec<String> {
        let told = |times: &[f64]| crate::term::duration(Duration::from_secs_f64(median(times) / 1000.0));
        let rounds = self.0.iter();
        rounds
            .map(|(there, here)| format!("took {} there, {} here, {} pairs", told(there), told(here), here.len()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::faults;
    use super::*;

    const ABOVE: Duration = Duration::from_millis(30);

    fn times() -> Times {
        Times { step: "known".into(), pairs: 20, above: Above::Fixed(ABOVE) }
    }

    /// Twenty times around a middle.
    fn around(middle: f64) -> Vec<f64> {
        (0..20).map(|i| middle + f64::from(i % 7)).collect()
    }

    /// Judges rounds of such times until there is a verdict; gives it and the number of rounds.
    fn judged(rounds: &[(f64, f64)]) -> (Option<Checked>, usize) {
        let mut all = Rounds::default();
        for (i, (there, here)) in rounds.iter().enumerate() {
            all.add(around(*there), around(*here));
            if let Some(checked) = all.judge(&times(), ABOVE) {
                return (Some(checked), i + 1);
            }
        }
        (None, rounds.len())
    }

    #[test]
    fn a_difference_is_told_when_it_was_confirmed_twice() {
        assert_eq!(judged(&[(10.0, 90.0)]), (None, 1));
        assert_eq!(judged(&[(10.0, 90.0), (10.0, 90.0)]), (None, 2));
        let (checked, rounds) = judged(&[(10.0, 90.0), (10.0, 80.0), (10.0, 90.0)]);
        assert!(
            rounds == 3
                && matches!(&checked, Some(Checked::Broken { actual, .. }) if actual.starts_with("they were 70ms apart")),
            "{checked:?}"
        );
        for again in [(10.0, 10.0), (90.0, 10.0)] {
            let (checked, rounds) = judged(&[(10.0, 90.0), again, (10.0, 90.0)]);
            assert!(rounds == 2 && matches!(checked, Some(Checked::Unjudgeable { .. })), "{again:?}: {checked:?}");
        }
    }

    #[test]
    fn likeness_is_told_at_once_and_noise_never() {
        assert_eq!(judged(&[(10.0, 12.0)]), (Some(Checked::Held), 1));
        let wild = |from: u32| (0..20).map(|i| f64::from((i * 37 + from) % 20) * 30.0).collect::<Vec<f64>>();
        let mut all = Rounds::default();
        for round in 1..=3 {
            all.add(wild(1), wild(2));
            let checked = all.judge(&times(), ABOVE);
            assert!(
                round < 3 && checked.is_none() || matches!(checked, Some(Checked::Unjudgeable { .. })),
                "{checked:?}"
            );
        }
    }

    #[test]
    fn noise_is_never_reported() {
        let mut chance = super::super::rank::tests::Chance(11);
        for trial in 0..3_000 {
            let noise = f64::from(trial % 80);
            let mut all = Rounds::default();
            let checked = loop {
                all.add(chance.times(20, 12.0, noise), chance.times(20, 12.0, noise));
                if let Some(checked) = all.judge(&times(), ABOVE) {
                    break checked;
                }
            };
            assert!(!matches!(checked, Checked::Broken { .. }), "noise of {noise} ms: {checked:?}");
        }
    }

    #[test]
    fn it_is_never_judged_by_one_answer_and_names_a_step() {
        assert_eq!(faults("same_time_as: nobody").len(), 1);
        assert_eq!(faults("same_time_as: { pairs: 20 }").len(), 1);
    }
}
