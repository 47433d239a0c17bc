use super::*;

const BOB: IdentityId = IdentityId(1);
const SHARED: Sender = Sender::Identity { id: BOB, ownership: Ownership::Shared };
const FRESH: Sender = Sender::Identity { id: BOB, ownership: Ownership::Fresh };
const STILL: Sender = Sender::Identity { id: BOB, ownership: Ownership::Still };
const ROOT: Sender = Sender::Identity { id: IdentityId(2), ownership: Ownership::Shared };

fn get(url: &str) -> RequestKey {
    RequestKey::of("GET", url, Asked::Plainly)
}

fn refusal(ledger: &Ledger, url: &str, sender: Sender, status: u16) -> Refusal {
    let at = ledger.tick();
    Refusal {
        key: get(url),
        sender,
        status,
        step: 0,
        at,
        weight: Weight::Claim,
        alike: None,
        earlier: Vec::new(),
        handed: Vec::new(),
        after: None,
    }
}

#[test]
fn a_refusal_needs_somebody_allowed_and_the_refused_alive() {
    let ledger = Ledger::default();
    let admin = refusal(&ledger, "/admin", SHARED, 403);
    assert_eq!(ledger.shown(&admin), Shown::Never);
    ledger.allowed(get("/me"), SHARED);
    assert_eq!(ledger.shown(&admin), Shown::Unproven);
    ledger.allowed(get("/admin"), ROOT);
    assert_eq!(ledger.shown(&admin), Shown::Proven);
}

#[test]
fn what_anonymous_gets_too_does_not_make_somebody_alive() {
    let ledger = Ledger::default();
    ledger.allowed(get("/health"), SHARED);
    ledger.allowed(get("/admin"), ROOT);
    let admin = refusal(&ledger, "/admin", SHARED, 403);
    assert!(!ledger.is_settled(&admin), "health may yet turn out to be public");
    ledger.allowed(get("/health"), Sender::Anonymous);
    assert_eq!(ledger.shown(&admin), Shown::Never);
    ledger.allowed(get("/me"), SHARED);
    ledger.guarded(get("/me"));
    assert!(ledger.is_settled(&admin));
}

#[test]
fn a_whoami_is_spoilt_only_by_one_that_holds_for_anonymous() {
    let ledger = Ledger::default();
    let whoami = RequestKey::of("GET", "/session", Asked::Whoami);
    ledger.allowed(whoami, SHARED);
    ledger.allowed(get("/session"), Sender::Anonymous);
    let session = refusal(&ledger, "/session", SHARED, 403);
    assert_eq!(ledger.shown(&session), Shown::Proven);
    ledger.allowed(whoami, Sender::Anonymous);
    assert_eq!(ledger.shown(&session), Shown::Never);
}

#[test]
fn a_401_after_the_session_was_last_seen_working_proves_nothing() {
    let ledger = Ledger::default();
    ledger.allowed(get("/me"), SHARED);
    ledger.allowed(get("/admin"), Sender::Somebody);
    let dead = refusal(&ledger, "/admin", SHARED, 401);
    assert_eq!(ledger.shown(&dead), Shown::Died);
    ledger.allowed(get("/me"), FRESH);
    assert_eq!(ledger.shown(&dead), Shown::Died, "another session says nothing about this one");
    ledger.allowed(get("/me"), SHARED);
    assert_eq!(ledger.shown(&dead), Shown::Proven);
}

#[test]
fn a_403_proves_nothing_when_the_dead_session_gets_one_too() {
    let ledger = Ledger::default();
    ledger.allowed(get("/me"), SHARED);
    ledger.allowed(get("/admin"), ROOT);
    let admin = refusal(&ledger, "/admin", SHARED, 403);
    assert_eq!(ledger.shown(&admin), Shown::Proven);
    ledger.dead(BOB, vec![401]);
    assert_eq!(ledger.shown(&admin), Shown::Proven);
    ledger.dead(BOB, vec![403]);
    assert_eq!(ledger.shown(&admin), Shown::Died);
}

#[test]
fn a_credential_of_the_cases_own_must_have_worked_in_it() {
    let ledger = Ledger::default();
    ledger.allowed(get("/me"), SHARED);
    ledger.allowed(get("/me"), FRESH);
    for sender in [FRESH, STILL] {
        let gone = refusal(&ledger, "/me", sender, 401);
        assert_eq!(ledger.shown(&gone), Shown::Died);
        assert_eq!(ledger.shown(&Refusal { earlier: vec![get("/me")], ..gone }), Shown::Proven);
    }
    for (status, after, shown) in [
        (401, None, Shown::Proven),
        (401, Some(401), Shown::Died),
        (403, Some(403), Shown::Died),
        (404, Some(401), Shown::Died),
        (403, Some(401), Shown::Proven),
        (401, Some(429), Shown::Proven),
    ] {
        let seen = refusal(&ledger, "/me", FRESH, status);
        let seen = Refusal { earlier: vec![get("/me")], after, ..seen };
        assert_eq!(ledger.shown(&seen), shown, "{status} {after:?}");
    }
}

#[test]
fn what_was_not_asked_for_needs_no_proof_but_life() {
    let ledger = Ledger::default();
    let missing = Refusal { weight: Weight::Hint, ..refusal(&ledger, "/x", SHARED, 404) };
    assert_eq!(ledger.shown(&missing), Shown::Never);
    ledger.allowed(get("/me"), SHARED);
    assert_eq!(ledger.shown(&missing), Shown::Fine);
    ledger.dead(BOB, vec![404]);
    assert_eq!(ledger.shown(&missing), Shown::Fine, "what was deleted is found by nobody");
    ledger.dead(BOB, vec![401]);
    assert_eq!(ledger.shown(&missing), Shown::Died, "a dead session finds as little");
    let away = Refusal { weight: Weight::Remark, ..refusal(&ledger, "/x", SHARED, 302) };
    assert_eq!(ledger.shown(&away), Shown::Died);
}

#[test]
fn nobody_needs_no_life() {
    let ledger = Ledger::default();
    let anonymous = refusal(&ledger, "/me", Sender::Anonymous, 401);
    assert_eq!(ledger.shown(&anonymous), Shown::Unproven);
    ledger.allowed(get("/me"), Sender::Somebody);
    assert_eq!(ledger.shown(&anonymous), Shown::Proven);
}

#[test]
fn a_new_session_says_nothing_about_the_one_before() {
    let ledger = Ledger::default();
    ledger.allowed(get("/me"), SHARED);
    ledger.allowed(get("/admin"), Sender::Somebody);
    let before = refusal(&ledger, "/admin", SHARED, 401);
    ledger.cut(BOB);
    ledger.allowed(get("/me"), SHARED);
    assert_eq!(ledger.shown(&before), Shown::Died, "it was another session that was allowed");
    let after = refusal(&ledger, "/admin", SHARED, 401);
    assert_eq!(ledger.shown(&after), Shown::Died);
    ledger.allowed(get("/me"), SHARED);
    assert_eq!(ledger.shown(&after), Shown::Proven);
    assert_eq!(ledger.shown(&before), Shown::Died);
}

#[test]
fn a_session_that_was_seen_alive_before_it_was_given_up_was_alive() {
    let ledger = Ledger::default();
    ledger.allowed(get("/admin"), ROOT);
    let refused = refusal(&ledger, "/admin", SHARED, 403);
    ledger.allowed(get("/me"), SHARED);
    ledger.cut(BOB);
    assert_eq!(ledger.shown(&refused), Shown::Proven);
    ledger.dead(BOB, vec![403]);
    assert_eq!(ledger.shown(&refused), Shown::Proven, "the new one is dead, not that one");
}
