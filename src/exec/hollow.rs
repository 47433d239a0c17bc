//! What a matrix proves less than it seems to: a change that was refused, after which nobody looked whether it was done all
//! the same, and a way in at whose end an error stands.

use serde_json::{Map, Value};

use super::{Shared, leak, record};
use crate::check::{Side, Stance};
use crate::event::{Outcome, Reason, Verdict};
use crate::http::{Response, Trail};
use crate::page::{Guide, Page, leads_in, parts};
use crate::plan::Case;

/// The code of a way in at whose end an error stands.
const CODE: &str = "let-in-to-error";

/// Members that stand around an answer, whatever it says.
const AROUND: &[&str] = &[
    "_links",
    "_meta",
    "apiVersion",
    "api_version",
    "build",
    "description",
    "documentation_url",
    "duration",
    "env",
    "environment",
    "error_code",
    "error_description",
    "errorCode",
    "extensions",
    "hint",
    "host",
    "jsonrpc",
    "links",
    "meta",
    "msg",
    "reason",
    "server",
    "service",
    "status_code",
    "version",
];

/// Members that count what is there.
const COUNTS: &[&str] = &["count", "total", "totalCount", "total_count", "size", "length"];

/// Words by which `detail` alone says that nothing is given.
const REFUSES: &[&str] = &[
    "not ",
    "denied",
    "forbidden",
    "unauthori",
    "unauthenticated",
    "permission",
    "invalid",
    "expired",
    "credential",
    "failed",
];

/// What stands at the end of a way in that is no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// An error, and nothing else.
    Error,
    /// A page to log in on.
    LoginPage,
}

/// How many refusals of a case were proven, after which nobody looked.
pub(super) fn unlooked(shared: &Shared, outcome: &Outcome) -> u32 {
    let row = shared.plan.cases.get(outcome.index as usize).and_then(|case| shared.plan.row_of(case));
    let passed = matches!(outcome.verdict, Verdict::Passed | Verdict::Flaky);
    if passed && row.is_some_and(|row| !row.safe && !row.looks_after) { outcome.proof.proven } else { 0 }
}

/// What stands at the end of a way in, where that is no data.
pub(super) fn end(trail: &Trail) -> Option<End> {
    let (asked, response) = (trail.request()?, trail.response()?);
    if is_error(asked.address.path(), response) {
        return Some(End::Error);
    }
    let page = Page::read(response, &trail.hops.last()?.request.address)?;
    let leads = |action: &String| leads_in(action.split(['?', '#']).next().unwrap_or_default());
    let is_login = page.forms.iter().any(|f| f.password().is_some() && f.action.as_ref().is_some_and(leads));
    (is_login && Guide::shown_again(&page).is_some() && !leads_in(asked.address.path())).then_some(End::LoginPage)
}

/// Tells whether an answer has an error in it and nothing else.
fn is_error(path: &str, response: &Response) -> bool {
    if ["application/problem+json", "application/problem+xml"].contains(&&*response.media_type()) {
        return true;
    }
    let Some(Value::Object(members)) = leak::json(response.body.trim_ascii()) else { return false };
    let is_data = |(name, value): (&String, &Value)| {
        let is_around = leak::ERROR.contains(&name.as_str()) || AROUND.contains(&name.as_str());
        let is_none = COUNTS.contains(&name.as_str()) && value.as_u64() == Some(0);
        let is_id = name == "id" && members.contains_key("jsonrpc");
        !is_around && !is_none && !is_id && says(value)
    };
    !members.iter().any(is_data) && is_told(path, &members)
}

/// Whether a value says something: no emptiness, however it is nested.
fn says(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => members.values().any(says),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// Whether the members of an answer tell an error.
fn is_told(path: &str, members: &Map<String, Value>) -> bool {
    let has = |name: &str| members.get(name).filter(|value| says(value));
    let text = |name: &str| has(name).and_then(Value::as_str).map(str::to_lowercase);
    // Whoever asks for errors gets errors.
    let is_asked = |name: &str| parts(path).any(|part| part.trim_end_matches('s') == name.trim_end_matches('s'));
    if ["error", "errors"].iter().any(|name| has(name).is_some() && !is_asked(name)) {
        return true;
    }
    if ["success", "ok"].iter().any(|name| members.get(*name) == Some(&Value::Bool(false))) {
        return true;
    }
    let is_failure = |name: &str| match members.get(name) {
        Some(Value::Number(code)) => code.as_u64().is_some_and(|code| (400..600).contains(&code)),
        Some(Value::String(text)) => ["error", "fail"].contains(&&*text.to_lowercase()),
        _ => false,
    };
    let explains = ["message", "msg", "title", "detail", "reason", "code"].iter().any(|name| text(name).is_some());
    if explains && ["status", "statusCode", "status_code", "code"].iter().any(|name| is_failure(name)) {
        return true;
    }
    let refuses = |detail: String| REFUSES.iter().any(|word| detail.contains(word));
    members.len() == 1 && text("detail").is_some_and(refuses)
}

/// Tells of a cell that was let in what came, where that is no more than an error: whatever is guarded was not got, and so
/// the refusals of others are shown by little.
pub(super) fn tell(shared: &Shared, case: &Case, outcome: &mut Outcome, end: End) {
    let Some((cell, row)) = case.cell.zip(shared.plan.row_of(case)) else { return };
    let step = &case.shape.steps[cell.target];
    let stance = if shared.plan.column_of(case).is_some_and(|column| &*column.name == "anonymous") {
        Stance::Anonymous
    } else {
        Stance::Identity
    };
    // Whoever looks at the body, or says what it is, has seen it.
    let is_looked_at = step.own_word(stance).is_some() || step.expect.checks.len() > 1;
    // A public page may have a form to log in beside all else.
    let is_open = end == End::LoginPage && stance == Stance::Anonymous;
    if is_open
        || outcome.verdict != Verdict::Passed
        || cell.side != Side::Allowed
        || case.with.is_some()
        || is_looked_at
    {
        return;
    }
    let name = shared.plan.column_of(case).map_or("", |column| &column.name);
    let message = match end {
        End::Error => format!("`{name}` was let in to an error: there is nothing else in the answer"),
        End::LoginPage => format!("`{name}` was let in to a login page, as if it were not logged in"),
    };
    let help = vec!["look at the body as well (`json`), or say under `outcomes:` what a refusal looks like".to_owned()];
    let at = outcome.steps.iter().position(|s| s.number == (cell.target + 1).to_string());
    let reason = Reason { step: at, ..record::reason(shared, CODE, &message, cell.span, help) };
    outcome.reasons.insert(0, reason);
    outcome.access.iter_mut().for_each(|told| told.odd = true);
    if row.strict {
        outcome.verdict = Verdict::Failed;
    } else {
        outcome.proof.hollow += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::is_error;
    use crate::http::{Headers, Response};

    fn of(kind: &str, path: &str, body: &str) -> bool {
        let mut headers = Headers::default();
        headers.add("content-type", kind.to_owned());
        let body = body.to_owned().into();
        is_error(path, &Response { status: 200, version: "HTTP/1.1", headers, body })
    }

    #[test]
    fn an_error_has_nothing_beside_it() {
        for error in [
            r#"{"error":"internal","code":500}"#,
            r#"{"errors":[{"message":"no"}],"data":null}"#,
            r#"{"errors":[{"message":"no","path":["users"]}],"data":{"users":null}}"#,
            r#"{"ok":false,"error":{"type":"x"},"message":"no"}"#,
            r#"{"statusCode":403,"message":"Forbidden resource"}"#,
            r#"{"status":"error","message":"not allowed"}"#,
            r#"{"status":"fail","code":"E17","data":null}"#,
            r#"{"success":false,"message":"you may not do this"}"#,
            r#"{"code":403,"msg":"no"}"#,
            r#"{"detail":"Not authenticated"}"#,
            r#"{"apiVersion":"1","error":{"code":403}}"#,
            r#"{"data":[],"error":"denied","total":0}"#,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32001,"message":"no"}}"#,
        ] {
            assert!(of("application/json", "/users", error), "{error}");
        }
        assert!(of("application/problem+json", "/users", r#"{"type":"about:blank","title":"Forbidden"}"#));
        for fine in [
            r#"{"users":[],"error":null}"#,
            r#"{"message":"done"}"#,
            r#"{"errors":[],"data":{}}"#,
            r#"{"error":"one is missing","users":[1]}"#,
            r#"{"errors":[{"message":"one is missing"}],"data":{"users":[1],"teams":null}}"#,
            r#"{"status":"active"}"#,
            r#"{"status":"failed","message":"the disk is full"}"#,
            r#"{"id":7,"status":"failed","message":"the disk is full"}"#,
            r#"{"success":true,"message":"done"}"#,
            r#"{"code":404}"#,
            r#"{"detail":"Successfully logged out."}"#,
            r#"{"detail":"not in stock","id":7}"#,
            r#"{"warning":"expired soon","users":[]}"#,
            r#"{"status":200,"message":"OK"}"#,
            "[]",
            "error",
        ] {
            assert!(!of("application/json", "/users", fine), "{fine}");
        }
        assert!(
            !of("application/json", "/apps/7/errors", r#"{"errors":[{"at":"12:00","message":"disk"}]}"#),
            "asked for"
        );
    }
}
