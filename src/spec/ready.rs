//! Flows that are there for everybody, written in the language itself and run by their name with `use`.
//!
//! To add one: 1. `src/spec/ready/<family>.<name>.yaml`, which holds one flow: `args` with a remark on each, `steps`,
//! `returns`. 2. One row in [`READY_FLOWS`],
//! for a life cycle with what it means when it fails. 3. A suite in `specs/` that uses it. Its steps see its arguments and
//! whoever sends them; what a suite declares is not theirs to know. Tests over the table hold names, files and suites
//! together.

use std::sync::Arc;

use super::flow::flow;
use super::model::{FlowSpec, Named};
use super::reader::Reader;
use super::yaml::{self, Words};
use crate::diag::Diagnostics;
use crate::source::{OWN_FILE, SourceMap, Span};

/// A flow that nobody has to declare.
#[derive(Debug)]
pub struct ReadyFlow {
    /// What `use` calls it: its family, a full stop, its name.
    pub name: &'static str,
    /// What it does, one sentence.
    pub about: &'static str,
    /// What it means when it fails, and what to do about that, a few sentences; nothing where it proves nothing.
    pub means: &'static str,
    /// The flow.
    pub text: &'static str,
}

/// A row whose file is called as it is.
macro_rules! ready {
    ($name:literal, $about:literal, $means:literal) => {
        ReadyFlow { name: $name, about: $about, means: $means, text: include_str!(concat!("ready/", $name, ".yaml")) }
    };
}

/// All ready flows.
pub const READY_FLOWS: &[ReadyFlow] = &[
    ready!(
        "lifecycle.access-token-at-refresh-endpoint",
        "an access token refreshes nothing",
        "The refresh endpoint takes an access token: whoever steals one renews it for ever. Tell the two kinds apart, and refuse the other one there."
    ),
    ready!(
        "lifecycle.code-replay",
        "an authorization code is good once (RFC 6749, section 4.1.2)",
        "An authorization code was worth something twice: whoever reads one in a log or a `Referer` has the tokens as well. Strike it out at its first use, and revoke what it gave when it comes again."
    ),
    ready!(
        "lifecycle.logout-replay",
        "after a logout the credential is dead on the server, too",
        "What the session consisted of works on after the logout: whoever copied it stays logged in. End the session on the server and look it up with each request; what cannot be looked up needs a short life."
    ),
    ready!(
        "lifecycle.password-change-ends-other-sessions",
        "a password that is changed ends the sessions that were made with the old one",
        "A session that was made with the old password outlives it: whoever had stolen that stays in. End the other sessions when a password is changed."
    ),
    ready!(
        "lifecycle.reuse-kills-family",
        "a refresh token that comes again ends its whole family (RFC 9700, section 4.14.2)",
        "A refresh token that came a second time left its family alive: whoever stole it goes on unnoticed. When a used one comes, revoke all that descends from it."
    ),
    ready!(
        "lifecycle.revoke-replay",
        "a revoked token is dead (RFC 7009, section 2)",
        "A revoked token is still taken. Whoever takes tokens has to learn of revocations: by introspection, by a list of those that ended, or by tokens with a short life."
    ),
    ready!(
        "lifecycle.rotation",
        "a refresh gives another refresh token, and the used one is dead (RFC 9700, section 4.14.2)",
        "A used refresh token is still good, or nothing is given in its place, so that it stays valid (RFC 6749, section 6): one that was stolen renews itself unnoticed. Give a new one with each refresh, and take each only once."
    ),
    ready!(
        "lifecycle.session-fixation",
        "a login makes the session anew, whatever id was planted before",
        "A session id from before the login opens the account: whoever planted it is logged in as well. Make a new id at each login, and drop the old one."
    ),
    ready!(
        "lifecycle.two-refreshes-at-once",
        "of two refreshes with one token at the same moment one is taken (RFC 9700, section 4.14.2)",
        "One refresh token was taken twice at the same moment: it is looked up and struck out in two steps. Do both in one, as in a transaction."
    ),
    ready!(
        "lifecycle.user-enumeration-by-body",
        "a refused login does not tell by its body whether there is such a user",
        "A refused login tells whether there is such a user, so that names can be gathered before any password is guessed. Answer with the same words in both cases."
    ),
    ready!(
        "lifecycle.user-enumeration-by-headers",
        "a refused login does not tell by its header fields whether there is such a user",
        "A refused login tells by its header fields or cookies whether there is such a user, so that names can be gathered before any password is guessed. Answer with the same fields in both cases."
    ),
    ready!(
        "lifecycle.user-enumeration-by-status",
        "a refused login does not tell by its status whether there is such a user",
        "A refused login tells whether there is such a user, so that names can be gathered before any password is guessed. Answer with the same status in both cases."
    ),
    ready!(
        "lifecycle.user-enumeration-by-time",
        "a refused login does not tell by its time whether there is such a user",
        "A refused login tells by its time whether there is such a user, so that names can be gathered before any password is guessed. Hash a password also where there is none to compare it with."
    ),
    ready!(
        "lifecycle.wrong-password-n-times-then-right",
        "guesses at a password come to an end, or not, as documented",
        "Guesses at a password are not limited as it is documented: after so many wrong ones the right one is answered otherwise than it should be. Refuse it for a while, for one account and for one sender. A server that makes each guess wait, or asks for a captcha with a 200, is not seen to limit them: `limited: false` says so."
    ),
    ready!(
        "lifecycle.wrong-verifier",
        "an authorization code is worth nothing without its verifier (RFC 7636, section 4.6)",
        "A code is exchanged without the verifier of its challenge: whoever intercepts one has the tokens. Compare `code_verifier` with the challenge that the code was asked for with."
    ),
    ready!(
        "oauth2.introspect",
        "asks an authorization server whether a token is good, and what it says (RFC 7662)",
        ""
    ),
    ready!(
        "oauth2.metadata",
        "reads what an authorization server says about itself, such as where its endpoints are",
        ""
    ),
    ready!("oauth2.revoke", "tells an authorization server that a token is needed no longer (RFC 7009)", ""),
];

/// Gives the life cycle of this name.
pub fn life_cycle(name: &str) -> Option<&'static ReadyFlow> {
    READY_FLOWS.iter().find(|row| row.name == name && !row.means.is_empty())
}

/// Reads all ready flows; they stand below whatever a project declares.
pub(super) fn flows(sources: &mut SourceMap, diags: &mut Diagnostics) -> Vec<Named<Arc<FlowSpec>>> {
    let mut all = Vec::with_capacity(READY_FLOWS.len());
    for row in READY_FLOWS {
        let file = sources.add(&format!("{OWN_FILE}{}", row.name), row.text);
        let Some(node) = yaml::parse(file, row.text, &mut Words::default(), diags) else { continue };
        let read = flow(&mut Reader::new(sources, diags), &node);
        let span = Span::new(file, 0, row.text.find('\n').unwrap_or_default());
        all.extend(read.map(|value| Named { name: row.name.into(), span, value }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_flow_that_says_what_it_takes() {
        let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::default());
        let all = flows(&mut sources, &mut diags);
        assert!(diags.is_empty() && all.len() == READY_FLOWS.len());
        assert!(READY_FLOWS.windows(2).all(|w| w[0].name < w[1].name), "in the order of their names");
        for row in READY_FLOWS {
            let (family, name) = row.name.split_once('.').unwrap();
            assert_eq!(life_cycle(row.name).is_some(), family == "lifecycle", "{}: what a failure means", row.name);
            assert!(!family.is_empty() && !name.is_empty() && !name.contains('.'), "{}", row.name);
            for key in ["args:", "takes:"] {
                let args = row.text.lines().skip_while(|l| *l != key).skip(1).take_while(|l| l.starts_with("  "));
                args.for_each(|line| assert!(line.contains(" # "), "{}: a remark on `{}`", row.name, line.trim()));
            }
        }
    }

    #[test]
    fn every_row_is_used_by_a_suite() {
        let specs = concat!(env!("CARGO_MANIFEST_DIR"), "/specs");
        let files = std::fs::read_dir(specs).unwrap().filter_map(|e| std::fs::read_to_string(e.unwrap().path()).ok());
        let all: String = files.collect();
        for row in READY_FLOWS {
            let ends = [",", "\n", " }"].map(|end| format!("use: {}{end}", row.name));
            assert!(ends.iter().any(|used| all.contains(used)), "{}", row.name);
        }
    }
}
