//! Writes what a run tells: one reporter for people, others for machines.
//!
//! Reporters read [`Event`]s and nothing else; they never run anything and never import the runner.
//! To add a format: a file here with a type that implements [`Reporter`], and a row in [`FORMATS`].

use crate::event::Event;

mod again;
pub mod block;
pub mod curl;
pub mod events;
pub mod file;
#[cfg(test)]
mod fixture;
pub mod har;
pub mod json;
pub mod junit;
pub mod matrix;
#[cfg(test)]
mod sample;
pub mod spool;
pub mod summary;
pub mod terminal;

pub use again::Again;
pub use terminal::{Terminal, TerminalOptions};

/// Takes in what happens, in the order of completion, and writes it somewhere.
pub trait Reporter {
    /// Takes in one event. Errors are those of the stream written to.
    fn event(&mut self, event: &Event) -> std::io::Result<()>;
}

/// A kind of report.
#[derive(Debug)]
pub struct Format {
    /// The name people call it by.
    pub name: &'static str,
    /// One fragment: who reads it.
    pub about: &'static str,
    /// The option that asks for it; none for what is always written.
    pub flag: Option<&'static str>,
}

/// All kinds of reports.
pub const FORMATS: &[Format] = &[
    Format { name: "terminal", about: "for people, while it happens", flag: None },
    Format { name: "junit", about: "JUnit XML, for CI systems", flag: Some("--junit") },
    Format { name: "json", about: "one JSON document with a schema version, for scripts", flag: Some("--json") },
    Format { name: "events", about: "one JSON object a line in the order of completion", flag: Some("--events") },
    Format {
        name: "summary",
        about: "a summary in Markdown for pull requests: numbers, access matrices, what did not pass",
        flag: Some("--summary"),
    },
    Format { name: "har", about: "HTTP archive 1.2 of every exchange, logins too, masked", flag: Some("--har") },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_flags_are_unique() {
        for (i, row) in FORMATS.iter().enumerate() {
            assert!(FORMATS[i + 1..].iter().all(|r| r.name != row.name && (r.flag.is_none() || r.flag != row.flag)));
            assert!(row.flag.is_none_or(|f| f == format!("--{}", row.name)));
        }
    }
}
