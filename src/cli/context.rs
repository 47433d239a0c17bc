//! The outside world, read once: environment, working folder, and what the streams can show.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::builder::StyledStr;

use super::args::{Args, ColourChoice};
use crate::diag::Drawing;
use crate::report::terminal::{Colour, Glyphs};
use crate::term::{page, paged};

/// What the commands know of the outside world.
pub(super) struct Context {
    /// The process environment.
    pub(super) variables: BTreeMap<String, String>,
    /// The working folder.
    pub(super) folder: PathBuf,
    pub(super) out: Stream,
    pub(super) err: Stream,
}

/// What a stream can show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    pub(super) terminal: bool,
    pub(super) colour: bool,
    pub(super) width: usize,
    pub(super) unicode: bool,
}

impl Stream {
    pub(super) fn colour(self) -> Colour {
        if self.colour { Colour::On } else { Colour::Off }
    }

    pub(super) fn glyphs(self) -> Glyphs {
        if self.unicode { Glyphs::Unicode } else { Glyphs::Ascii }
    }

    pub(super) fn drawing(self) -> Drawing {
        Drawing { colour: self.colour, width: self.width }
    }

    /// The columns that sentences are broken to.
    pub(super) fn page(self) -> usize {
        page(self.width)
    }
}

impl Context {
    pub(super) fn read(args: &Args) -> Self {
        let variables = environment();
        let stream = |terminal: bool| stream(terminal, args.color, &variables);
        Self {
            out: stream(std::io::stdout().is_terminal()),
            err: stream(std::io::stderr().is_terminal()),
            folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            variables,
        }
    }

    /// Writes to standard output as it stands: tables, files, exchanges. A reader that went away is no error.
    pub(super) fn say(&mut self, text: &str) {
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }

    /// Writes sentences to standard error, masked already, broken to its width.
    pub(super) fn complain(&mut self, text: &str) {
        self.show(&paged(text, self.err.page()));
    }

    /// Writes to standard error what is drawn already.
    pub(super) fn show(&mut self, text: &str) {
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Writes what is wrong with the arguments to standard error, broken to its width.
pub(super) fn usage(told: &StyledStr) {
    let err = stream(std::io::stderr().is_terminal(), ColourChoice::Auto, &environment());
    let told = if err.colour { told.ansi().to_string() } else { told.to_string() };
    let _ = std::io::stderr().lock().write_all(paged(&told, err.page()).as_bytes());
}

fn environment() -> BTreeMap<String, String> {
    std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
}

fn stream(terminal: bool, choice: ColourChoice, variables: &BTreeMap<String, String>) -> Stream {
    let set = |name: &str| variables.get(name).is_some_and(|v| !v.is_empty());
    let value = |name: &str| variables.get(name).map_or("", String::as_str);
    let colour = match choice {
        ColourChoice::Always => true,
        ColourChoice::Never => false,
        ColourChoice::Auto if set("NO_COLOR") => false,
        ColourChoice::Auto if set("CLICOLOR_FORCE") && value("CLICOLOR_FORCE") != "0" => true,
        ColourChoice::Auto => terminal && value("TERM") != "dumb",
    };
    let columns = value("COLUMNS").parse().ok().filter(|n| *n > 0);
    let measured = || terminal_size::terminal_size().filter(|_| terminal).map(|(w, _)| usize::from(w.0));
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().map(|n| value(n)).find(|v| !v.is_empty()).unwrap_or("");
    let locale = locale.to_lowercase().replace('-', "");
    Stream {
        terminal,
        colour,
        width: columns.or_else(measured).unwrap_or(100),
        unicode: cfg!(windows) || locale.contains("utf8"),
    }
}
