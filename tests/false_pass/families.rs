//! Refresh tokens and planted sessions: servers that refuse for another reason than the one that is asked for, or let
//! nobody see what they do wrong.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::runs::{COOKIES, PEOPLE, Project, REFRESHING, Run};
use crate::server::{Reply, Request, Server, json, status};

/// What a server makes of refreshes.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// How many refreshes a login is good for.
    limit: usize,
    /// Whether a used token ends its family.
    detects: bool,
    /// Whether a used token is dead.
    rotates: bool,
    /// Whether the access tokens of a family end with it.
    ends: bool,
    /// How it refuses.
    refuses: Refuses,
    /// Whether an access token in the header renews itself.
    bearer: Bearer,
    /// How long a used token is taken, in milliseconds.
    grace: u64,
}

/// How a server says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refuses {
    ByStatus,
    /// With a 200, and a body that says what it means.
    Softly,
    /// With a 200, and such a body beside new tokens.
    InWords,
    /// With a 200, and a body that says nothing of it.
    Oddly,
}

/// What a refresh endpoint makes of an access token in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bearer {
    Nothing,
    /// It looks there first.
    First,
    /// It looks there where the body has no field for it.
    Without,
}

const GOOD: Rules = Rules {
    limit: 99,
    detects: true,
    rotates: true,
    ends: true,
    refuses: Refuses::ByStatus,
    bearer: Bearer::Nothing,
    grace: 0,
};

/// Refresh tokens, each of a family.
#[derive(Debug, Default)]
struct Families {
    /// The family of a token, and whether the token was used.
    tokens: HashMap<String, (usize, bool)>,
    /// The family of an access token.
    access: HashMap<String, usize>,
    /// Refreshes by family.
    refreshes: HashMap<usize, usize>,
    dead: Vec<usize>,
    issued: usize,
    used: HashMap<String, Instant>,
}

impl Families {
    fn issue(&mut self, family: usize) -> Reply {
        self.issued += 1;
        let token = format!("refresh-token-{}", self.issued);
        self.tokens.insert(token.clone(), (family, false));
        let access = format!("access-token-{}", self.issued);
        self.access.insert(access.clone(), family);
        json(200, &format!(r#"{{"access_token":"{access}","refresh_token":"{token}"}}"#))
    }

    fn answer(&mut self, r: &Request, rules: Rules) -> Reply {
        let reply = self.decide(r, rules);
        match rules.refuses {
            _ if reply.status < 400 => reply,
            Refuses::ByStatus => reply,
            Refuses::Softly => json(200, r#"{"ok":false,"code":401}"#),
            Refuses::InWords if r.path == "/refresh" => {
                json(200, r#"{"ok":false,"code":401,"access_token":"access-x","refresh_token":"refresh-x"}"#)
            }
            Refuses::InWords => json(200, r#"{"ok":false,"code":401}"#),
            Refuses::Oddly if r.path == "/refresh" => json(200, r#"{"hello":"world"}"#),
            Refuses::Oddly => json(200, r#"{"ok":false,"code":401}"#),
        }
    }

    fn decide(&mut self, r: &Request, rules: Rules) -> Reply {
        match r.path.as_str() {
            "/login" => {
                let family = self.issued;
                self.issue(family)
            }
            "/refresh" => {
                let taken = match rules.bearer {
                    Bearer::Nothing => false,
                    Bearer::First => true,
                    Bearer::Without => !r.body.contains("refresh_token"),
                };
                match self.access.get(r.bearer()).copied().filter(|_| taken) {
                    Some(family) => self.issue(family),
                    None => self.refresh(&r.field("refresh_token"), rules),
                }
            }
            "/logout" => {
                let family = self.access.get(r.bearer()).copied();
                self.dead.extend(family);
                status(204)
            }
            _ => match self.access.get(r.bearer()) {
                Some(family) if !(rules.ends && self.dead.contains(family)) => json(200, "{}"),
                Some(_) | None => status(401),
            },
        }
    }

    fn refresh(&mut self, token: &str, rules: Rules) -> Reply {
        let Some((family, used)) = self.tokens.get(token).copied() else { return status(400) };
        let used = used && self.used.get(token).is_none_or(|at| at.elapsed() >= Duration::from_millis(rules.grace));
        if used && rules.rotates {
            self.dead.extend(rules.detects.then_some(family));
            return status(400);
        }
        let count = self.refreshes.entry(family).or_default();
        if *count >= rules.limit || self.dead.contains(&family) {
            return status(400);
        }
        *count += 1;
        self.tokens.insert(token.to_owned(), (family, true));
        self.used.entry(token.to_owned()).or_insert_with(Instant::now);
        self.issue(family)
    }
}

fn refreshes(rules: Rules, flow: &str) -> Run {
    let args = if flow == "rotation" { ", args: { probe: GET /me }" } else { "" };
    refreshes_with(rules, flow, args)
}

fn refreshes_with(rules: Rules, flow: &str, args: &str) -> Run {
    let families = Mutex::new(Families::default());
    let server = Server::start(move |r| families.lock().unwrap().answer(r, rules));
    let suite = format!("cases:\n  - {{ name: it, as: alice, use: lifecycle.{flow}{args} }}\n");
    Project::new(&server.url, &format!("{REFRESHING}{PEOPLE}"), &suite).run("")
}

/// A login may be refreshed so often: what is refused afterwards was ended by nobody.
#[test]
fn a_limit_of_refreshes_is_no_detection() {
    for limit in [1, 2, 3] {
        let rules = Rules { limit, detects: false, ..GOOD };
        refreshes(rules, "reuse-kills-family").must(3, &[("it", "inconclusive: premise")]);
    }
    refreshes(Rules { detects: false, ..GOOD }, "reuse-kills-family").must(1, &[("it", "failed: check-failed")]);
    refreshes(GOOD, "reuse-kills-family").must(0, &[("it", "proven")]);
    // As many as are needed, and not one more.
    refreshes(Rules { limit: 4, ..GOOD }, "reuse-kills-family").must(0, &[("it", "proven")]);
}

/// Whoever stole a refresh token holds the access token that it gave as well.
#[test]
fn the_access_tokens_of_a_family_are_looked_at_where_they_are_said_to_end() {
    const ENDS: &str = ", args: { ends_tokens: true, probe: GET /me }";
    let keeps = Rules { ends: false, ..GOOD };
    refreshes(keeps, "reuse-kills-family").must(0, &[("it", "proven")]);
    refreshes_with(keeps, "reuse-kills-family", ENDS).must(1, &[("it", "failed: check-failed")]);
    refreshes_with(GOOD, "reuse-kills-family", ENDS).must(0, &[("it", "proven")]);
}

#[test]
fn a_limit_of_refreshes_is_no_rotation() {
    refreshes(Rules { limit: 1, rotates: false, ..GOOD }, "rotation").must(3, &[("it", "inconclusive: premise")]);
    refreshes(Rules { rotates: false, ..GOOD }, "rotation").must(1, &[("it", "failed: check-failed")]);
    refreshes(GOOD, "rotation").must(0, &[("it", "proven")]);
}

/// Whoever steals an access token sends it in whatever way the endpoint reads.
#[test]
fn an_access_token_refreshes_nothing_as_a_bearer_either() {
    const FLOW: &str = "access-token-at-refresh-endpoint";
    for bearer in [Bearer::First, Bearer::Without] {
        refreshes(Rules { bearer, ..GOOD }, FLOW).must(1, &[("it", "failed: check-failed")]);
    }
    refreshes(GOOD, FLOW).must(0, &[("it", "proven")]);
}

/// All flows in which a refresh is refused, against a server that answers 200 to everybody.
fn softly(refuses: Refuses, flow: &str, detects: bool) -> Run {
    let families = Mutex::new(Families::default());
    let rules = Rules { detects, refuses, ..GOOD };
    let server = Server::start(move |r| families.lock().unwrap().answer(r, rules));
    let args = match flow {
        "access-token-at-refresh-endpoint" => "",
        "revoke-replay" => ", args: { probe: GET /me, revoke: POST /logout }",
        _ => ", args: { probe: GET /me }",
    };
    let scheme = REFRESHING.replace("    send:", "    logout: { request: POST /logout }\n    send:");
    // A dead refresh token is nobody's: the word that counts may be that for anonymous.
    let suite = format!(
        "outcomes:
  deny:
    anonymous: {{ status: 200, json: {{ $.ok: false, $.code: 401 }} }}
    identity: [{{ status: 200, json: {{ $.ok: false, $.code: 403 }} }}, {{ status: 200, json: {{ $.ok: false, $.code: 401, $.a: {{ exists: false }} }} }}]
cases:
  - {{ name: it, as: alice, session: fresh, use: lifecycle.{flow}{args} }}
"
    );
    Project::new(&server.url, &format!("{scheme}{PEOPLE}"), &suite).run("")
}

#[test]
fn a_refresh_that_is_refused_as_outcomes_say_is_refused() {
    const FLOWS: &[&str] = &[
        "access-token-at-refresh-endpoint",
        "logout-replay",
        "reuse-kills-family",
        "revoke-replay",
        "rotation",
        "two-refreshes-at-once",
    ];
    for flow in FLOWS {
        let run = softly(Refuses::Softly, flow, true);
        assert_eq!(run.code, 0, "{flow}: {}", run.said);
    }
    // Neither a declared refusal nor one by its status, and one that gives what it refuses.
    for refuses in [Refuses::Oddly, Refuses::InWords] {
        for flow in FLOWS.iter().filter(|flow| **flow != "revoke-replay") {
            let run = softly(refuses, flow, true);
            assert_ne!(run.code, 0, "{refuses:?} {flow}: {}", run.said);
        }
    }
    // What is not refused is found as before.
    softly(Refuses::Softly, "reuse-kills-family", false).must(1, &[("it", "failed: check-failed")]);
}

/// Some providers take a used token for a moment, and say for how long.
#[test]
fn a_used_token_is_dead_when_its_grace_is_over() {
    for (flow, args) in [("rotation", "probe: GET /me, "), ("reuse-kills-family", "")] {
        let with = |grace: u64, seconds: u64| {
            refreshes_with(Rules { grace, ..GOOD }, flow, &format!(", args: {{ {args}grace: {seconds} }}"))
        };
        with(1500, 2).must(0, &[("it", "proven")]);
        with(1500, 0).must(
            if flow == "rotation" { 1 } else { 3 },
            &[("it", if flow == "rotation" { "failed: check-failed" } else { "inconclusive: premise" })],
        );
        let longer = with(9000, 1);
        assert_ne!(longer.code, 0, "{flow}: {}", longer.said);
    }
}

/// Sessions of a site that gives each browser an id before it logs in.
#[derive(Debug, Default)]
struct Sessions {
    users: HashMap<String, Option<String>>,
    issued: usize,
}

impl Sessions {
    fn give(&mut self, user: Option<&str>, reply: Reply) -> Reply {
        self.issued += 1;
        let id = format!("session-id-{}", self.issued);
        self.users.insert(id.clone(), user.map(ToOwned::to_owned));
        reply.header("set-cookie", format!("sid={id}; Path=/"))
    }

    /// Keeps the id of before the login, or not; whoever asks with an id that is nobody's loses it.
    fn answer(&mut self, r: &Request, keeps: bool) -> Reply {
        let id = r.header("cookie").split("; ").find_map(|c| c.strip_prefix("sid=")).unwrap_or_default().to_owned();
        match r.method.as_str() {
            "GET" if r.path == "/login" => self.give(None, json(200, "{}")),
            "POST" if keeps && self.users.contains_key(&id) => {
                self.users.insert(id, Some(r.field("username")));
                json(200, "{}")
            }
            "POST" => self.give(Some(&r.field("username")), json(200, "{}")),
            _ if self.users.get(&id).is_some_and(Option::is_some) => json(200, "{}"),
            _ => {
                self.users.remove(&id);
                status(401)
            }
        }
    }
}

#[test]
fn asking_with_an_id_does_not_use_up_the_one_that_is_planted() {
    for (keeps, code, verdict) in [(true, 1, "failed: check-failed"), (false, 0, "proven")] {
        let sessions = Mutex::new(Sessions::default());
        let server = Server::start(move |r| sessions.lock().unwrap().answer(r, keeps));
        let suite = |cookie: &str| {
            format!(
                "cases:
  - name: it
    as: alice
    use: lifecycle.session-fixation
    args: {{ cookie: {cookie}, page: GET /login, probe: GET /me }}
"
            )
        };
        let run = |cookie: &str| Project::new(&server.url, &format!("{COOKIES}{PEOPLE}"), &suite(cookie)).run("");
        run("sid").must(code, &[("it", verdict)]);
        // A name that the server never sets plants nothing.
        let other = run("session");
        other.must(3, &[("it", "inconclusive: premise")]);
        assert!(other.said.contains("`sid`") && other.said.contains("`session`"), "{}", other.said);
    }
}

/// Races two refreshes against a server.
fn at_once(answer: impl Fn(&mut Families, &Request) -> Reply + Send + Sync + 'static, args: &str) -> (Run, Server) {
    let families = Mutex::new(Families::default());
    let server = Server::start(move |r| answer(&mut families.lock().unwrap(), r));
    let suite = format!(
        "cases:\n  - {{ name: it, as: alice, use: lifecycle.two-refreshes-at-once, args: {{ probe: GET /me{args} }} }}\n"
    );
    let run = Project::new(&server.url, &format!("{REFRESHING}{PEOPLE}"), &suite).run("");
    (run, server)
}

/// A used token stays good for a moment: both of two who come at once are served.
fn racing(families: &mut Families, r: &Request, detects: bool) -> Reply {
    let token = r.field("refresh_token");
    if r.path == "/refresh" && r.in_flight > 1 {
        // The first one was marked a moment ago, by somebody who is not answered yet.
        let family = families.tokens.get(&token).map_or(0, |(family, _)| *family);
        return families.issue(family).after(50);
    }
    families.answer(r, Rules { detects, ..GOOD }).after(50)
}

#[test]
fn two_refreshes_at_once_leave_together_and_both_are_told() {
    let (run, server) = at_once(|families, r| racing(families, r, true), "");
    run.must(1, &[("it", "failed: check-failed")]);
    assert!(run.said.contains("2 × 200"), "{}", run.said);
    let raced = server.seen().iter().filter(|r| r.path == "/refresh" && r.in_flight == 2).count();
    assert_eq!(raced, 1, "the first race is the last one");
    // Where a time is documented in which a used token stays good, that is no fault.
    let (run, _) = at_once(|families, r| racing(families, r, true), ", grace: true");
    run.must(0, &[("it", "passed")]);
}

#[test]
fn of_two_refreshes_at_once_one_is_taken() {
    for detects in [true, false] {
        let answer = move |families: &mut Families, r: &Request| {
            let reply = families.answer(r, Rules { detects, ..GOOD });
            if r.path == "/refresh" { reply.after(30) } else { reply }
        };
        let (run, server) = at_once(answer, "");
        run.must(0, &[("it", "proven")]);
        let raced = server.seen().iter().filter(|r| r.path == "/refresh" && r.in_flight == 2).count();
        assert_eq!(raced, 3, "in each of three races both are under way together");
    }
}

/// A limit that meets the second of two shows nothing, and neither does a server that takes one at a time and forgets
/// nothing: the used token still works afterwards.
#[test]
fn a_limit_of_refreshes_at_the_same_moment_is_no_rotation() {
    for (limit, code, verdict) in
        [(429, 3, "inconclusive: premise"), (503, 3, "inconclusive: premise"), (409, 1, "failed: check-failed")]
    {
        let answer = move |families: &mut Families, r: &Request| match r.path.as_str() {
            "/refresh" if r.in_flight > 1 => status(limit),
            "/refresh" => families.answer(r, Rules { rotates: false, ..GOOD }).after(50),
            _ => families.answer(r, GOOD),
        };
        at_once(answer, "").0.must(code, &[("it", verdict)]);
    }
}
