//! The command that sends the request of a block again.

use super::{COLUMN, INDENT, bytes, step_of, token};
use crate::event::{BodyKind, CERTIFICATE_SHOWN, Carried, HopRecord, Outcome, Phase, StepRecord};
use crate::report::again::broken;
use crate::report::terminal::line::{Line, Page, Role};
use crate::report::{Again, curl};

/// A JSON body longer than this is left out of a command.
const LONGEST_JSON: usize = 400;

/// Draws the command, what fills its variables, and what has to be known of it; where `curl` cannot send the same, what
/// does.
pub(super) fn lines(page: Page, outcome: &Outcome, again: &Again) -> Vec<Line> {
    let Some(step) = step_of(outcome).map(|i| &outcome.steps[i]) else { return Vec::new() };
    let Some(hop) = step.hops.last() else { return Vec::new() };
    let mutated = step.with.is_some();
    if mutated && outcome.with.as_ref().is_some_and(|with| with.verbatim) {
        return vec![page.labelled(INDENT, "curl", COLUMN).text("none: curl would not send these bytes")];
    }
    if mutated && curl::answers_digest(hop) {
        let none = "none: curl answers a challenge of Digest by itself, without the defect";
        return vec![page.labelled(INDENT, "curl", COLUMN).text(none)];
    }
    let curl = curl::command(hop, step.caller.as_deref());
    let own = step.sent.as_ref().is_some_and(|sent| sent.credential == Carried::Own) && !mutated;
    if is_made_anew(step, hop) && !curl.variables.is_empty() && !(own && curl::signs(hop)) {
        return made_anew(page, (outcome, step, hop), own, again);
    }
    let filled = token::line(&outcome.place.file, step, hop, &curl, again);
    let mut lines = Vec::new();
    if let Some((_, text)) = &filled {
        lines.extend(copied(page, "token", text));
    }
    lines.extend(labelled(page, "curl", &curl.lines(page.width - COLUMN)));
    let remark = |text: &str| page.line().pad_to(COLUMN).push(Role::Dim, text).wrap(page.width, COLUMN + 2);
    if let Some(file) = curl.body_file {
        lines.extend(remark(&format!("# {file}: the {} that were sent", bytes(hop.request.body.bytes))));
    }
    if step.notes.iter().any(|note| note == CERTIFICATE_SHOWN) {
        lines.extend(remark("# with the client certificate: add `--cert FILE --key FILE`, as the scheme names them"));
    }
    let others = curl.variables.iter().map(|(name, _)| name.as_str());
    let names = others.filter(|name| filled.as_ref().is_none_or(|(own, _)| own != name));
    // What a defect made has no name, and nothing to set it to: the run makes it again.
    let (made, names): (Vec<&str>, Vec<&str>) = names.partition(|name| mutated && name.starts_with("MASKED"));
    if !made.is_empty() {
        let text = format!(
            "# {}: what the defect made of the credential, sent again by the run below",
            crate::term::list(&made, "and")
        );
        lines.extend(remark(&text));
    }
    if !names.is_empty() {
        lines.extend(remark(&format!("# set {}", crate::term::list(&names, "and"))));
    }
    lines
}

/// What is taken once in the exchanges of a login, beside proofs.
const ONCE: &[&str] = &["assertion", "client_assertion", "code", "device_code", "refresh_token"];

/// Tells whether what proves the sender was made for this one request: sent once more, it is refused for that.
fn is_made_anew(step: &StepRecord, hop: &HopRecord) -> bool {
    let body = &hop.request.body;
    let mut form = body.text.split('&').filter_map(|pair| pair.split_once('='));
    let once = step.phase == Phase::Login && body.kind == BodyKind::Form && form.any(|(name, _)| ONCE.contains(&name));
    let proof = hop.request.headers.iter().any(|(name, value)| name == "dpop" && value.contains('‹'));
    once || proof || step.sent.as_ref().is_some_and(|sent| sent.per_request)
}

/// What to send in place of a request that nobody else can sign.
fn made_anew(
    page: Page,
    (outcome, step, hop): (&Outcome, &StepRecord, &HopRecord),
    own: bool,
    again: &Again,
) -> Vec<Line> {
    let label = page.labelled(INDENT, "curl", COLUMN);
    let Some(caller) = step.caller.as_deref().filter(|_| own || step.phase == Phase::Login) else {
        let text = "none: what proves the sender is made anew for each request";
        return label.text(text).wrap(page.width, COLUMN);
    };
    let who = curl::quote(caller);
    let (options, suite) = (again.token.as_deref().unwrap_or_default(), curl::quote(&outcome.place.file));
    let (why, text) = if step.phase == Phase::Login {
        let text = format!("authspec login {who} -v{options} --suite {suite}");
        ("a part of it is taken once; this logs in anew and shows each exchange:".to_owned(), text)
    } else {
        let (line, body) = (curl::quote(&step.request), &hop.request.body);
        let fits = body.kind == BodyKind::Json && body.text.len() <= LONGEST_JSON && !body.text.contains('‹');
        let json = if fits { format!(" --json {}", curl::quote(&body.text)) } else { String::new() };
        let why = format!("what proves `{caller}` is made anew for each request; this sends one with its own:");
        (why, format!("authspec try {line} --as {who}{json}{options} --suite {suite}"))
    };
    let mut lines = label.text(&format!("none: {why}")).wrap(page.width, COLUMN);
    lines.extend(copied(page, "", &text));
    lines
}

/// A command to be copied: no line of it is broken within a word.
pub(super) fn copied(page: Page, label: &str, command: &str) -> Vec<Line> {
    labelled(page, label, &broken(command, page.width - COLUMN))
}

/// Lines as they stand, the first behind a label.
fn labelled(page: Page, label: &str, lines: &[String]) -> Vec<Line> {
    let line = |(i, text): (usize, &String)| {
        let label = if i == 0 { label } else { "" };
        page.labelled(INDENT, label, COLUMN).exact(Role::Plain, text)
    };
    lines.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::SentRecord;
    use crate::report::fixture;
    use crate::report::terminal::line::{Colour, Glyphs};

    fn drawn(header: (&str, &str), with: Option<&str>, per_request: bool) -> String {
        let mut outcome = fixture::wrong_status(0);
        let step = &mut outcome.steps[0];
        step.caller = Some("alice".to_owned());
        step.with = with.map(str::to_owned);
        step.hops[0].request.headers = vec![(header.0.to_owned(), header.1.to_owned())];
        step.sent = Some(SentRecord {
            origin: "https://api.test".to_owned(),
            credential: Carried::Own,
            carries: vec![header.0.to_owned()],
            followed: Vec::new(),
            paused: false,
            per_request,
        });
        let page = Page { width: 300, glyphs: Glyphs::Unicode };
        let again = Again { token: Some(" --env ci".to_owned()), ..Again::default() };
        lines(page, &outcome, &again).iter().map(|line| line.render(Colour::Off) + "\n").collect()
    }

    #[test]
    fn what_is_signed_for_one_request_is_asked_for_by_try() {
        let text = drawn(("x-signature", "‹alice.signature#1›"), None, true);
        assert!(text.contains("none: what proves `alice` is made anew"), "{text}");
        assert!(text.contains(" --as alice --env ci --suite specs/notes.yaml\n"), "{text}");
        assert!(!text.contains("authspec token"), "{text}");
        let plain = drawn(("x-signature", "‹alice.signature#1›"), None, false);
        assert!(plain.contains("authspec token alice") && plain.contains("curl -i"), "{plain}");
        let bad = drawn(("x-signature", "‹alice.signature#1›"), Some("hmac-body"), true);
        assert!(!bad.contains("authspec") && bad.contains("none:"), "{bad}");
    }

    #[test]
    fn what_curl_can_sign_it_signs() {
        let aws = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-1/s3/aws4_request, SignedHeaders=host, Signature=‹a›";
        let text = drawn(("authorization", aws), None, true);
        assert!(text.contains(r#"--aws-sigv4 aws:amz:eu-1:s3 -u "AKID:$ALICE_SECRET_KEY""#), "{text}");
        assert!(text.contains("# set ALICE_SECRET_KEY"), "{text}");
        assert!(drawn(("authorization", aws), Some("aws-body"), true).contains("none:"));
        assert!(drawn(("authorization", r#"Digest username="x""#), None, true).contains("--digest"));
    }
}
