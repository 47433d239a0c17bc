//! How to fill the variable of a `curl` line that stands for the sender's own credential.

use crate::event::{Carried, HopRecord, OTHER_CREDENTIAL, StepRecord};
use crate::report::Again;
use crate::report::curl::{Curl, quote};

/// The variable, and the line of shell that fills it: `BOB_TOKEN=$(authspec token bob …)`. Nothing where another
/// command than `authspec token` would be needed.
pub(super) fn line(
    suite: &str,
    step: &StepRecord,
    hop: &HopRecord,
    curl: &Curl,
    again: &Again,
) -> Option<(String, String)> {
    let (options, caller, sent) = (again.token.as_ref()?, step.caller.as_ref()?, step.sent.as_ref()?);
    if (sent.credential != Carried::Own && step.with.is_none()) || sent.carries.len() != 1 {
        return None;
    }
    // A fresh one is let in whatever became of that one.
    if step.notes.iter().any(|note| note == OTHER_CREDENTIAL) {
        return None;
    }
    let field = sent.carries[0].split(' ').next()?;
    let (_, value) = hop.request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(field))?;
    // What `authspec token` prints: of `Authorization` what stands behind the scheme, else the whole value.
    let credential = if field.eq_ignore_ascii_case("authorization") { value.split_once(' ')?.1 } else { value };
    let with = step.with.as_ref().map(|id| format!(" --with {id}")).unwrap_or_default();
    let mut named = curl.variables.iter().filter(|(_, masked)| masked == credential);
    // What has no name of its own may stand elsewhere, too, for something else.
    let ((name, _), None) = (named.next()?, named.next()) else { return None };
    Some((name.clone(), format!("{name}=$(authspec token {}{with}{options} --suite {})", quote(caller), quote(suite))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::SentRecord;
    use crate::report::curl::command;
    use crate::report::fixture;

    const OWN: &str = "‹alice.access_token#1›";

    fn filled(name: &str, value: &str, change: impl Fn(&mut StepRecord)) -> Option<String> {
        let mut step = fixture::wrong_status(0).steps.remove(0);
        step.caller = Some("alice".to_owned());
        step.hops[0].request.headers = vec![(name.to_owned(), value.to_owned())];
        step.sent = Some(SentRecord {
            origin: "https://api.test".to_owned(),
            credential: Carried::Own,
            carries: vec![name.to_owned()],
            followed: Vec::new(),
            paused: false,
            per_request: false,
        });
        change(&mut step);
        let again = Again { token: Some(" --env ci".to_owned()), ..Again::default() };
        let hop = &step.hops[0];
        line("specs/a b.yaml", &step, hop, &command(hop, None), &again).map(|(_, text)| text)
    }

    #[test]
    fn a_credential_that_token_prints_has_a_line_that_fills_it() {
        let bearer = format!("Bearer {OWN}");
        let text = "ALICE_ACCESS_TOKEN=$(authspec token alice --env ci --suite 'specs/a b.yaml')";
        assert_eq!(filled("authorization", &bearer, |_| ()).as_deref(), Some(text));
        assert_eq!(filled("x-key", OWN, |_| ()).as_deref(), Some(text));
        let with = |s: &mut StepRecord| {
            s.with = Some("jwt-alg-none".to_owned());
            s.sent.iter_mut().for_each(|sent| sent.credential = Carried::Other);
        };
        let text = text.replace("alice --env", "alice --with jwt-alg-none --env");
        assert_eq!(filled("x-key", OWN, with), Some(text));
    }

    #[test]
    fn what_is_not_the_whole_credential_has_none() {
        let bearer = format!("Bearer {OWN}");
        assert_eq!(filled("x-key", &bearer, |_| ()), None);
        assert_eq!(filled("authorization", "Bearer abc", |_| ()), None);
        let other = |s: &mut StepRecord| s.sent.iter_mut().for_each(|sent| sent.credential = Carried::Other);
        assert_eq!(filled("authorization", &bearer, other), None);
        let two = |s: &mut StepRecord| s.sent.iter_mut().for_each(|sent| sent.carries.push("cookie sid".to_owned()));
        assert_eq!(filled("authorization", &bearer, two), None);
        let dead = |s: &mut StepRecord| s.notes.push(OTHER_CREDENTIAL.to_owned());
        assert_eq!(filled("authorization", &bearer, dead), None);
    }
}
