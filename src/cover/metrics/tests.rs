use super::*;
use crate::cover::testing::operation;

#[test]
fn names_are_unique_and_nothing_is_whole_that_is_not() {
    for (i, row) in METRICS.iter().enumerate() {
        assert!(METRICS[i + 1..].iter().all(|o| o.name != row.name));
        assert!(metric(row.name).is_some());
    }
    assert_eq!(Share { covered: 1999, of: 2000 }.percent(), Some(99.9));
    assert_eq!(Share { covered: 2, of: 3 }.percent(), Some(66.6));
    assert_eq!(Share { covered: 0, of: 0 }.percent(), None);
}

#[test]
fn what_writes_sensitive_data_for_everybody_is_the_greatest_risk() {
    let risk = |method: &str, path: &str, stance: Stance| risk(&operation(method, path), &stance);
    assert_eq!(risk("DELETE", "/admin/users/{id}", Stance::Anonymous), 18);
    assert_eq!(risk("GET", "/notes", Stance::Expired), 1);
    assert!(risk("POST", "/notes", Stance::Peer) > risk("GET", "/notes", Stance::Anonymous));
}
