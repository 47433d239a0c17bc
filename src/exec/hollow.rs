//! What a matrix proves less than it seems to: a change that was refused, after which nobody looked whether it was done all
//! the same, and a way in at whose end an error stands.

use serde_json::Value;

use super::{Shared, leak, record};
use crate::check::{Side, Stance};
use crate::event::{Outcome, Reason, Verdict};
use crate::http::Response;
use crate::plan::Case;

/// The code of a way in at whose end an error stands.
const CODE: &str = "let-in-to-error";

/// How many refusals of a case were proven, after which nobody looked.
pub(super) fn unlooked(shared: &Shared, outcome: &Outcome) -> u32 {
    let row = shared.plan.cases.get(outcome.index as usize).and_then(|case| shared.plan.row_of(case));
    let passed = matches!(outcome.verdict, Verdict::Passed | Verdict::Flaky);
    if passed && row.is_some_and(|row| !row.safe && !row.looks_after) { outcome.proof.proven } else { 0 }
}

/// Tells whether an answer has an error in it and nothing else.
pub(super) fn is_error(response: &Response) -> bool {
    let Some(Value::Object(members)) = leak::json(response.body.trim_ascii()) else { return false };
    let says = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    };
    let is_error = |name: &str| ["error", "errors"].contains(&name);
    members.iter().any(|(name, value)| is_error(name) && says(value))
        && members.iter().all(|(name, value)| leak::ERROR.contains(&name.as_str()) || !says(value))
}

/// Tells of a cell that was let in what came, where that is no more than an error: whatever is guarded was not got, and so
/// the refusals of others are shown by little.
pub(super) fn tell(shared: &Shared, case: &Case, outcome: &mut Outcome) {
    let Some((cell, row)) = case.cell.zip(shared.plan.row_of(case)) else { return };
    let step = &case.shape.steps[cell.target];
    let stance = if shared.plan.column_of(case).is_some_and(|column| &*column.name == "anonymous") {
        Stance::Anonymous
    } else {
        Stance::Identity
    };
    // Whoever looks at the body, or says what it is, has seen it.
    let is_looked_at = step.own_word(stance).is_some() || step.expect.checks.len() > 1;
    if outcome.verdict != Verdict::Passed || cell.side != Side::Allowed || case.with.is_some() || is_looked_at {
        return;
    }
    let name = shared.plan.column_of(case).map_or("", |column| &column.name);
    let message = format!("`{name}` was let in to an error: there is nothing else in the answer");
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

    #[test]
    fn an_error_has_nothing_beside_it() {
        let of = |body: &str| {
            let body = body.to_owned().into();
            is_error(&Response { status: 200, version: "HTTP/1.1", headers: Headers::default(), body })
        };
        for error in [
            r#"{"error":"internal","code":500}"#,
            r#"{"errors":[{"message":"no"}],"data":null}"#,
            r#"{"ok":false,"error":{"type":"x"},"message":"no"}"#,
        ] {
            assert!(of(error), "{error}");
        }
        for fine in [
            r#"{"users":[],"error":null}"#,
            r#"{"message":"done"}"#,
            r#"{"errors":[],"data":{}}"#,
            r#"{"error":"one is missing","users":[1]}"#,
            "[]",
            "error",
        ] {
            assert!(!of(fine), "{fine}");
        }
    }
}
