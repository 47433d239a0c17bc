use proptest::prelude::*;

use super::*;
use crate::report::sample::{Texts, outcome};

fn json_of(spool: &mut Spool, at: usize) -> String {
    let entry = spool.entries()[at];
    let mut out = Vec::new();
    spool.write_json(&entry, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn outcomes_come_out_in_the_order_of_the_plan() {
    let mut spool = Spool::new(SecretSet::new());
    for index in [2, 0, 1] {
        spool.event(&Event::CaseFinished(Box::new(outcome(index, 0, Verdict::Failed)))).unwrap();
    }
    let entries = spool.entries();
    assert_eq!(entries.iter().map(|entry| entry.index).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(spool.outcome(&entries[2]).unwrap().name, "case 2");
    assert_eq!(spool.len(), 3);
}

#[test]
fn a_secret_learned_later_is_masked() {
    let secrets = SecretSet::new();
    let mut spool = Spool::new(secrets.clone());
    let texts = ["{\"t\":\"abc\\\"def\"}".to_owned(), "abc\"def".to_owned()];
    spool.push(&Texts::new(&texts).outcome(0, 0, Verdict::Failed)).unwrap();
    assert!(json_of(&mut spool, 0).contains("abc"));
    secrets.add("alice.token", "abc\"def");
    let entry = spool.entries()[0];
    let kept = format!("{}{:?}", json_of(&mut spool, 0), spool.outcome(&entry).unwrap());
    assert!(!kept.contains("abc") && kept.contains("‹alice.token#1›"), "{kept}");
}

#[test]
fn memory_stays_below_its_bound_and_nothing_is_lost() {
    let mut spool = Spool::with_memory(SecretSet::new(), 20_000);
    for index in 0..200 {
        spool.push(&outcome(index, 0, Verdict::Failed)).unwrap();
        assert!(spool.store.in_memory() <= 20_000);
    }
    assert!(spool.store.in_memory() > 0);
    for entry in spool.entries() {
        assert_eq!(spool.outcome(&entry).unwrap().id, outcome(entry.index, 0, Verdict::Failed).id);
    }
}

#[test]
fn a_plainly_passed_case_has_a_head() {
    let mut spool = Spool::with_memory(SecretSet::new(), 10);
    for index in 0..3 {
        spool.push(&outcome(index, 0, Verdict::Passed)).unwrap();
    }
    let entry = spool.entries()[1];
    let head = spool.head(&entry).unwrap();
    let shown = (&*head.id, &*head.name, &*head.file, head.line, head.unproven);
    assert_eq!(shown, ("shop/orders/case-1", "case 1", "specs/orders.yaml", 5, 1));
    assert_eq!(entry.unproven, 1);
}

#[test]
fn an_entry_is_small() {
    assert!(size_of::<Entry>() <= 64, "{}", size_of::<Entry>());
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(texts in prop::collection::vec(any::<String>(), 1..20), verdict in 0usize..8) {
        let verdict = Verdict::ALL[verdict];
        let mut spool = Spool::with_memory(SecretSet::new(), 100);
        let mut kept = Texts::new(&texts).outcome(0, 0, verdict);
        spool.push(&kept).unwrap();
        let entry = spool.entries()[0];
        if verdict == Verdict::Passed {
            // Nobody reads the lines of a case that passed.
            kept.place.text.clear();
            (kept.place.start, kept.place.width) = (0, 0);
            for step in &mut kept.steps {
                step.place.text.clear();
                (step.place.start, step.place.width) = (0, 0);
            }
        }
        prop_assert_eq!(format!("{kept:?}"), format!("{:?}", spool.outcome(&entry).unwrap()));
        prop_assert_eq!(serde_json::to_string(&kept).unwrap(), json_of(&mut spool, 0));
    }
}
