//! The one place where volatile text is masked: ports, times, dates, ids that a server makes up, folders.
//!
//! Placeholders have the width of what they stand for where a table depends on it. What somebody wrote into a file
//! is left alone: only measured times are masked, never `timeout: 300ms`.

use std::path::Path;
use std::sync::LazyLock;

use regex::{Captures, Regex};

static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        // Ports the system chose; port 1 and the like were written by somebody.
        (r"(127\.0\.0\.1|localhost|\[::1\]):[1-9][0-9]{3,4}\b", "$1:00000"),
        (r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z", "0000-00-00T00:00:00Z"),
        (r"\b[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT", "Day, 00 Mon 0000 00:00:00 GMT"),
        // The date of a signature, today; one of another day was written by somebody.
        (r"\b20[2-9][0-9]{5}T[0-9]{6}Z", "00000000T000000Z"),
        (r"(Credential=[A-Za-z0-9]+)/20[2-9][0-9]{5}/", "$1/00000000/"),
        (r"\b20[2-9][0-9]{5}(/[a-z0-9-]+/[a-z0-9-]+/aws4_request)", "00000000$1"),
        (r"(aws4_request\n\s*[|=] )[0-9a-f]{64}", "${1}the hash of the canonical request"),
        // What stands in proofs and assertions.
        (r"(?m)^(\s*[|=] (?:iat|exp|nbf): )[0-9]+$", "${1}0"),
        (r"(?m)^(\s*[|=] (?:jti|ath|nonce): )[A-Za-z0-9_-]{36,43}$", "${1}0"),
        (r"(public key with the thumbprint )[A-Za-z0-9_-]{43}", "${1}0"),
        // What the demo makes up.
        (r"\breq-[0-9a-f]+-[0-9]+", "req-0"),
        (r"‹masked:[0-9a-f]{8}›", "‹masked:00000000›"),
        (r#"\bnonce="[A-Za-z0-9_-]{43}""#, r#"nonce="0000000000000000000000000000000000000000000""#),
        (r"MASKED_[0-9A-F]{8}\b", "MASKED_00000000"),
        (r"\bnote-[0-9a-f]{32}", "note-00000000000000000000000000000000"),
        // The name hangs on the port of the target.
        (r"\.authspec/kept/[A-Za-z0-9_-]{16}", ".authspec/kept/0000000000000000"),
        (r"\bsid-[0-9a-f]{32}", "sid-00000000000000000000000000000000"),
        (r#""(iat|exp|nbf|auth_time)": ?[0-9]+"#, r#""$1":0"#),
        (r#"("expires_in\\?": ?)[0-9]+"#, "${1}900"),
        // Measured times: in reports, tables and lines.
        (r#""(ms|at_ms|waited_ms|elapsed|time|wait)":[0-9.e-]+"#, r#""$1":0"#),
        (r#"time="[0-9.]+""#, r#"time="0.000""#),
        (r"\b[0-9]\.[0-9]{2}s", "0.00s"),
        (r"\(([0-9.]+m?s) waiting", "(0s waiting"),
        (r"\b([0-9]+ requests?)   [0-9.]+m?s", "$1   0ms"),
        (r"took [0-9.]+m?s there, [0-9.]+m?s here", "took 0ms there, 0ms here"),
        (r"they were [0-9.]+m?s apart", "they were 0ms apart"),
    ]
    .into_iter()
    .map(|(pattern, with)| (Regex::new(pattern).expect("a rule is a pattern"), with))
    .collect()
});

/// A time in a column of its own or behind an arrow.
static TIME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(  +|, )[0-9.]+m?s(  |$)").expect("a pattern"));

/// The login line's times stand behind names.
static LOGIN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r" [0-9.]+m?s\b").expect("a pattern"));

static BEHIND: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"   [0-9.]+m?s$").expect("a pattern"));

/// Masks everything that changes from run to run.
pub(crate) fn mask(text: &str, folder: &Path) -> String {
    let mut text = text.replace(&*folder.to_string_lossy(), "[folder]");
    for (rule, with) in RULES.iter() {
        text = rule.replace_all(&text, *with).into_owned();
    }
    let mut out = String::with_capacity(text.len());
    let (mut slowest, mut logins) = (false, false);
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |l| (l, "\n"));
        // Which cases were slow, and whether any was, differs from run to run.
        slowest = line.starts_with("slowest ") || (slowest && line.starts_with("          "));
        if slowest {
            continue;
        }
        logins = line.starts_with("logins ") || (logins && line.starts_with("          "));
        if logins {
            // Where it is broken hangs on how long the logins took.
            if let Some(more) = line.strip_prefix("          ") {
                out.truncate(out.trim_end().len());
                out.push_str(if out.ends_with("one each,") || out.ends_with(" one") { " " } else { "   " });
                out.push_str(&LOGIN.replace_all(more, " 0ms"));
            } else {
                out.push_str(&LOGIN.replace_all(line, " 0ms"));
            }
        } else if line.starts_with("    got ") {
            // A slow answer's time is told behind it.
            out.push_str(&BEHIND.replace(line, ""));
        } else if is_source(line) {
            out.push_str(line);
        } else {
            // `    actual    60ms` has a fixed column; elsewhere times are set to the right.
            let labelled = line.starts_with("    ") && !line.starts_with("     ");
            let short = |found: &Captures<'_>| {
                let lead = if labelled || !found[1].starts_with(' ') { &found[1] } else { "  " };
                format!("{lead}0ms{}", &found[2])
            };
            out.push_str(&TIME.replace_all(line, short));
        }
        out.push_str(end);
    }
    out.replace("\n\n\n", "\n\n")
}

/// A line of somebody's file: `12 │     timeout: 300ms`.
fn is_source(line: &str) -> bool {
    let rest = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
    rest.trim_start().starts_with(['│', '|'])
}
