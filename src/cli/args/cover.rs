//! The arguments of `cover`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::cover::{METRICS, ROLES_KEY, metric};
use crate::term::did_you_mean;

/// The exit codes of `cover`.
pub(super) const COVER_CODES: &str = "Exit codes:\n    0  nothing is below its bound or worse than the baseline\n    1  something is\n    2  the command line or a file is faulty\n    5  a file could not be written";

/// Arguments of `cover`.
#[derive(Debug, ClapArgs)]
pub struct CoverArgs {
    /// Results of `authspec run --json`, of one run or several.
    #[arg(value_name = "RESULTS", required = true)]
    pub results: Vec<PathBuf>,

    /// The document that says which operations there are: OpenAPI 3.0 or 3.1, YAML or JSON.
    #[arg(long, value_name = "FILE")]
    pub openapi: PathBuf,

    /// Fail below a bound: `METRIC=PERCENT`, or one number for the least of authentication, role-denial and object.
    #[arg(long, value_name = "BOUND", value_parser = bound, help_heading = "Verdict")]
    pub fail_under: Vec<Bound>,

    /// Fail if something became worse: an earlier `--json` of `cover`, or an earlier state of the document.
    #[arg(long, value_name = "FILE", help_heading = "Verdict")]
    pub baseline: Option<PathBuf>,

    /// Write the missing cases as a suite; a file that is there is left alone.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub write_missing: Option<PathBuf>,

    /// Write everything as one JSON document; `-` is standard output.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub json: Option<PathBuf>,

    /// Write a summary in Markdown; `-` is standard output.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub summary: Option<PathBuf>,

    /// Show every operation, also those without a gap.
    #[arg(long, help_heading = "Reports")]
    pub full: bool,

    /// How many untested cells are named.
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Reports")]
    pub top: usize,

    /// The key of an operation that names the roles that may call it.
    #[arg(long, value_name = "KEY", default_value = ROLES_KEY)]
    pub roles_key: String,
}

/// The least that a metric may be, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// The metric; none for the least of those that one number bounds.
    pub metric: Option<&'static str>,
    /// In percent.
    pub percent: f64,
}

fn bound(text: &str) -> Result<Bound, String> {
    let (name, number) = text.split_once('=').map_or((None, text), |(name, number)| (Some(name.trim()), number));
    let percent: f64 = number.trim().trim_end_matches('%').parse().map_err(|_| format!("`{number}` is no number"))?;
    if !(0.0..=100.0).contains(&percent) {
        return Err("a bound is from 0 to 100".to_owned());
    }
    let Some(name) = name else { return Ok(Bound { metric: None, percent }) };
    if let Some(found) = metric(name) {
        return Ok(Bound { metric: Some(found.name), percent });
    }
    let names: Vec<&str> = METRICS.iter().map(|m| m.name).collect();
    Err(match did_you_mean(name, names.iter().copied()) {
        Some(near) => format!("there is no metric `{name}`; did you mean `{near}`?"),
        None => format!("there is no metric `{name}`; there are {}", names.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_name_a_metric_or_none() {
        assert_eq!(bound("80"), Ok(Bound { metric: None, percent: 80.0 }));
        assert_eq!(bound("object=99.5%"), Ok(Bound { metric: Some("object"), percent: 99.5 }));
        assert!(bound("role-deniel=5").is_err_and(|e| e.contains("did you mean `role-denial`?")));
        for text in ["", "many", "101", "-1", "NaN", "object="] {
            assert!(bound(text).is_err(), "{text}");
        }
    }
}
