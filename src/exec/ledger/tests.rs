use super::*;

const BOB: IdentityId = IdentityId(1);
const BOBS: SessionId = SessionId(0);
const SHARED: Sender = Sender::Identity { id: BOB, session: BOBS, ownership: Ownership::Shared };
const FRESH: Sender = Sender::Identity { id: BOB, session: SessionId(1), ownership: Ownership::Fresh };
const STILL: Sender = Sender::Identity { id: BOB, session: BOBS, ownership: Ownership::Still };
/// The session that he has after the shared one.
const NEXT: Sender = Sender::Identity { id: BOB, session: SessionId(2), ownership: Ownership::Shared };
const ROOT: Sender = Sender::Identity { id: IdentityId(2), session: SessionId(3), ownership: Ownership::Shared };

fn get(url: &str) -> RequestKey {
    RequestKey::of("GET", url, Asked::Plainly)
}

/// Notes what was sent and allowed now.
fn allowed(ledger: &Ledger, key: RequestKey, sender: Sender) {
    ledger.allowed(key, sender, ledger.tick());
}

fn refusal(ledger: &Ledger, url: &str, sender: Sender, status: u16) -> Refusal {
    let at = ledger.tick();
    Refusal::new((get(url), sender), at, status, Weight::Claim)
}

#[test]
fn a_refusal_needs_somebody_allowed_and_the_refused_alive() {
    let ledger = Ledger::default();
    let admin = refusal(&ledger, "/admin", SHARED, 403);
    assert_eq!(ledger.shown(&admin), Shown::Never);
    allowed(&ledger, get("/me"), SHARED);
    assert_eq!(ledger.shown(&admin), Shown::Unproven);
    allowed(&ledger, get("/admin"), ROOT);
    assert_eq!(ledger.shown(&admin), Shown::Proven);
}

#[test]
fn what_anonymous_gets_too_does_not_make_somebody_alive() {
    let ledger = Ledger::default();
    allowed(&ledger, get("/health"), SHARED);
    allowed(&ledger, get("/admin"), ROOT);
    let admin = refusal(&ledger, "/admin", SHARED, 403);
    assert!(!ledger.is_settled(&admin), "health may yet turn out to be public");
    allowed(&ledger, get("/health"), Sender::Anonymous);
    assert_eq!(ledger.shown(&admin), Shown::Never);
    allowed(&ledger, get("/me"), SHARED);
    ledger.guarded(get("/me"));
    assert!(ledger.is_settled(&admin));
}

#[test]
fn a_whoami_is_spoilt_only_by_one_that_holds_for_anonymous() {
    let ledger = Ledger::default();
    let whoami = RequestKey::of("GET", "/session", Asked::Whoami);
    allowed(&ledger, whoami, SHARED);
    allowed(&ledger, get("/session"), Sender::Anonymous);
    let session = refusal(&ledger, "/session", SHARED, 403);
    assert_eq!(ledger.shown(&session), Shown::Proven);
    allowed(&ledger, whoami, Sender::Anonymous);
    assert_eq!(ledger.shown(&session), Shown::Never);
}

#[test]
fn a_401_after_the_session_was_last_seen_working_proves_nothing() {
    let ledger = Ledger::default();
    allowed(&ledger, get("/me"), SHARED);
    allowed(&ledger, get("/admin"), Sender::Somebody);
    let dead = refusal(&ledger, "/admin", SHARED, 401);
    assert_eq!(ledger.shown(&dead), Shown::Died);
    allowed(&ledger, get("/me"), FRESH);
    assert_eq!(ledger.shown(&dead), Shown::Died, "another session says nothing about this one");
    allowed(&ledger, get("/me"), SHARED);
    assert_eq!(ledger.shown(&dead), Shown::Proven);
}

#[test]
fn a_403_proves_nothing_when_the_dead_session_gets_one_too() {
    let ledger = Ledger::default();
    allowed(&ledger, get("/me"), SHARED);
    allowed(&ledger, get("/admin"), ROOT);
    let admin = refusal(&ledger, "/admin", SHARED, 403);
    assert_eq!(ledger.shown(&admin), Shown::Proven);
    ledger.dead(BOBS, vec![401]);
    assert_eq!(ledger.shown(&admin), Shown::Proven);
    ledger.dead(BOBS, vec![403]);
    assert_eq!(ledger.shown(&admin), Shown::Died);
}

#[test]
fn a_credential_of_the_cases_own_must_have_worked_in_it() {
    let ledger = Ledger::default();
    allowed(&ledger, get("/me"), SHARED);
    allowed(&ledger, get("/me"), FRESH);
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
    allowed(&ledger, get("/me"), SHARED);
    assert_eq!(ledger.shown(&missing), Shown::Fine);
    ledger.dead(BOBS, vec![404]);
    assert_eq!(ledger.shown(&missing), Shown::Fine, "what was deleted is found by nobody");
    ledger.dead(BOBS, vec![401]);
    assert_eq!(ledger.shown(&missing), Shown::Died, "a dead session finds as little");
    let away = Refusal { weight: Weight::Remark, ..refusal(&ledger, "/x", SHARED, 302) };
    assert_eq!(ledger.shown(&away), Shown::Died);
}

#[test]
fn nobody_needs_no_life() {
    let ledger = Ledger::default();
    let anonymous = refusal(&ledger, "/me", Sender::Anonymous, 401);
    assert_eq!(ledger.shown(&anonymous), Shown::Unproven);
    allowed(&ledger, get("/me"), Sender::Somebody);
    assert_eq!(ledger.shown(&anonymous), Shown::Proven);
}

#[test]
fn a_new_session_says_nothing_about_the_one_before() {
    let ledger = Ledger::default();
    allowed(&ledger, get("/me"), SHARED);
    allowed(&ledger, get("/admin"), Sender::Somebody);
    let before = refusal(&ledger, "/admin", SHARED, 401);
    allowed(&ledger, get("/me"), NEXT);
    assert_eq!(ledger.shown(&before), Shown::Died, "it was another session that was allowed");
    let after = refusal(&ledger, "/admin", NEXT, 401);
    assert_eq!(ledger.shown(&after), Shown::Died);
    allowed(&ledger, get("/me"), NEXT);
    assert_eq!(ledger.shown(&after), Shown::Proven);
    assert_eq!(ledger.shown(&before), Shown::Died);
}

#[test]
fn a_session_that_was_seen_alive_before_it_was_given_up_was_alive() {
    let ledger = Ledger::default();
    allowed(&ledger, get("/admin"), ROOT);
    let refused = refusal(&ledger, "/admin", SHARED, 403);
    allowed(&ledger, get("/me"), SHARED);
    allowed(&ledger, get("/me"), NEXT);
    assert_eq!(ledger.shown(&refused), Shown::Proven);
    ledger.dead(SessionId(2), vec![403]);
    assert_eq!(ledger.shown(&refused), Shown::Proven, "the new one is dead, not that one");
}

#[test]
fn what_was_sent_before_a_refusal_shows_nothing_after_it() {
    let ledger = Ledger::default();
    allowed(&ledger, get("/admin"), ROOT);
    let since = ledger.tick();
    let refused = refusal(&ledger, "/admin", SHARED, 401);
    ledger.allowed(get("/me"), SHARED, since);
    assert_eq!(ledger.shown(&refused), Shown::Died, "the answer was only late");
    allowed(&ledger, get("/me"), SHARED);
    assert_eq!(ledger.shown(&refused), Shown::Proven);
}

#[test]
fn another_body_is_another_request_unless_it_holds_the_credential() {
    let key = |outline: &str| RequestKey::of("POST", "/graphql", Asked::Plainly).with(outline);
    let ledger = Ledger::default();
    let refused = |key: RequestKey, sender: Sender| Refusal { key, ..refusal(&ledger, "/", sender, 403) };
    allowed(&ledger, get("/me"), SHARED);
    allowed(&ledger, key("{ me }"), ROOT);
    assert_eq!(ledger.shown(&refused(key("{ me }"), SHARED)), Shown::Proven);
    let other = refused(key("{ usrs }"), SHARED);
    assert_eq!(ledger.shown(&other), Shown::Unproven);
    assert!(ledger.is_allowed_otherwise(&other));
    // Whoever writes a credential may have written it into the body.
    assert_eq!(ledger.shown(&refused(key("{ usrs }"), Sender::Somebody)), Shown::Unproven);
    allowed(&ledger, key("{ login }"), Sender::Somebody);
    assert_eq!(ledger.shown(&refused(key("{ usrs }"), Sender::Somebody)), Shown::Proven);
    assert_eq!(ledger.shown(&other), Shown::Unproven);
    ledger.entered(key("{ login }"));
    assert_eq!(ledger.shown(&other), Shown::Proven, "a login that an identity sends");
    // Anybody may ask: that is no proof of a credential, unless just that was refused.
    allowed(&ledger, key("{ open }"), Sender::Anonymous);
    assert_eq!(ledger.access(key("{ me }")), Access::Public);
    ledger.guarded(key("{ me }"));
    assert_eq!(ledger.access(key("{ me }")), Access::Guarded);
}
