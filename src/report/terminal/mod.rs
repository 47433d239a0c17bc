//! How a run looks to a person.
//!
//! Calm while all is well: a line a suite. What deviates is told at the end, every cause once and
//! the worst first. Everything goes through `line::Line`, which lets no control character of a
//! server through, and through `screen::Screen`, which owns the stream.

use std::io::{self, Write};
use std::time::Instant;

use super::matrix::{Matrices, Rows};
use super::{Again, Reporter};
use crate::event::{Event, Outcome, OutcomeKind, RunInfo, Summary, Warning};
use crate::term::plural;

mod causes;
mod exchange;
pub(crate) mod line;
mod logins;
mod progress;
mod screen;
mod suites;
mod summary;
#[cfg(test)]
mod tests;

pub use exchange::exchanges;
pub use line::{Colour, Glyphs};
pub(crate) use line::{Line, Page, Role, width};

use causes::Causes;
use logins::Logins;
use progress::Progress;
use screen::Screen;
use suites::Suites;
pub(super) use summary::why_stopped;
use summary::{Times, Told};

/// Where the text of labelled lines begins.
const LABEL: usize = 10;
/// How many causes are told in full.
const BLOCKS: usize = 20;
/// How many with `-v`.
const BLOCKS_VERBOSE: usize = 200;
/// How many warnings are told; the rest are counted.
const WARNINGS: usize = 20;
/// After this many lines, notices are repeated at the end.
const FAR_BACK: usize = 20;

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// `-q`: what did not pass, and the last line.
    Quiet,
    /// A line a suite.
    Normal,
    /// `-v`: a line a case.
    Verbose,
    /// `-vv`: every exchange.
    VeryVerbose,
}

/// Whether something moves while the run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    /// One bar below the lines; only for a terminal.
    Bar,
    /// Lines only.
    Lines,
}

/// What the caller knows about the stream and the reader.
#[derive(Debug, Clone)]
pub struct TerminalOptions {
    /// Whether to write styles; the caller reads `NO_COLOR` and `--color`.
    pub colour: Colour,
    /// Which characters to draw with.
    pub glyphs: Glyphs,
    /// Columns; brought between 40 and 200.
    pub width: usize,
    /// Whether to draw a bar.
    pub live: Live,
    /// How much to tell.
    pub verbosity: Verbosity,
    /// The report that holds what is too much for the terminal, if one is written.
    pub details: Option<String>,
    /// The commands that it may suggest.
    pub again: Again,
    /// Which rows of access matrices are drawn.
    pub rows: Rows,
}

impl Default for TerminalOptions {
    fn default() -> Self {
        Self {
            colour: Colour::Off,
            glyphs: Glyphs::Unicode,
            width: 80,
            live: Live::Lines,
            verbosity: Verbosity::Normal,
            details: None,
            again: Again::default(),
            rows: Rows::Deviating,
        }
    }
}

/// Tells a person what happens, on the stream it was given and nowhere else.
pub struct Terminal {
    screen: Screen,
    options: TerminalOptions,
    suites: Suites,
    causes: Causes,
    matrices: Matrices,
    logins: Logins,
    progress: Progress,
    times: Times,
    told: Told,
    notices: Vec<String>,
    warnings: usize,
}

impl Terminal {
    /// Makes a reporter that writes to a stream.
    pub fn new(out: Box<dyn Write + Send>, options: TerminalOptions) -> Self {
        let page = Page { width: options.width.clamp(40, 200), glyphs: options.glyphs };
        let blocks = if options.verbosity < Verbosity::Verbose { BLOCKS } else { BLOCKS_VERBOSE };
        Self {
            screen: Screen::new(out, page, options.colour),
            suites: Suites::new(&[], page, options.verbosity),
            causes: Causes::new(blocks),
            matrices: Matrices::default(),
            logins: Logins::default(),
            progress: Progress::new(0, Instant::now()),
            times: Times::default(),
            told: Told::default(),
            notices: Vec::new(),
            warnings: 0,
            options,
        }
    }

    /// Redraws the bar, or gives a sign of life after a long silence; to be called a few times a second.
    pub fn tick(&mut self, now: Instant) -> io::Result<()> {
        let page = self.screen.page;
        if self.screen.is_live() {
            self.screen.draw_bar(&self.progress.bar(page, now));
            return Ok(());
        }
        let silent = self.is_quiet() || self.options.live == Live::Bar;
        match self.progress.sign(page, now) {
            Some(line) if !silent => self.screen.wrapped(line, 4),
            Some(_) | None => Ok(()),
        }
    }

    /// Says which reports were written and for how many secrets they were searched in vain.
    pub fn wrote(&mut self, paths: &[String], secrets: usize) -> io::Result<()> {
        if self.is_quiet() || paths.is_empty() {
            return Ok(());
        }
        let searched = match secrets {
            0 => String::new(),
            n => format!("(searched for {}: none)", plural(n, "secret")),
        };
        let mut items: Vec<(Role, &str)> = paths.iter().map(|p| (Role::Plain, p.as_str())).collect();
        items.push((Role::Dim, &searched));
        let page = self.screen.page;
        self.screen.lines(&row(page, "wrote").flow(&items, page.width, LABEL))
    }

    fn is_quiet(&self) -> bool {
        self.options.verbosity == Verbosity::Quiet
    }

    fn handle(&mut self, event: &Event, now: Instant) -> io::Result<()> {
        match event {
            Event::RunStarted(info) => self.start(info, now),
            Event::Login(login) => {
                self.logins.add(login);
                if self.options.verbosity == Verbosity::VeryVerbose {
                    let page = self.screen.page;
                    self.screen.lines(&exchange::login(page, login))?;
                }
                Ok(())
            }
            Event::Waiting(waiting) => {
                self.progress.waiting(waiting, now);
                Ok(())
            }
            Event::CaseStarted(case) => {
                self.progress.started(case, now);
                Ok(())
            }
            Event::Exchanged(_) => Ok(()),
            Event::CaseFinished(outcome) => self.finished(outcome, now),
            Event::Warning(warning) => self.warn(warning),
            Event::RunFinished(summary) => self.end(summary),
        }
    }

    fn start(&mut self, info: &RunInfo, now: Instant) -> io::Result<()> {
        let page = self.screen.page;
        self.suites = Suites::new(&info.suites, page, self.options.verbosity);
        self.progress = Progress::new(info.cases, now);
        self.notices.clone_from(&info.notices);
        if self.is_quiet() {
            return Ok(());
        }
        let label = if info.targets.len() == 1 { "target" } else { "targets" };
        let targets =
            if info.targets.is_empty() { String::new() } else { format!("{label}: {}", info.targets.join(", ")) };
        let suites = format!("{}, {}", plural(info.suites.len(), "suite"), plural(info.cases, "case"));
        let left_out = [(info.filtered_out, "case", "filtered out"), (info.excluded_files, "file", "excluded")];
        let left_out: Vec<String> = left_out
            .iter()
            .filter(|(n, ..)| *n > 0)
            .map(|(n, noun, how)| format!("{} {how}", plural(*n, noun)))
            .collect();
        let head = page.line().push(Role::Strong, "authspec").text(&format!(" {}", info.version));
        let items = [(Role::Plain, targets.as_str()), (Role::Plain, &suites), (Role::Dim, &left_out.join(", "))];
        self.screen.lines(&head.flow(&items, page.width, LABEL))?;
        self.tell_notices()?;
        if self.options.live == Live::Bar {
            self.screen.start_bar();
            self.screen.draw_bar(&self.progress.bar(page, now));
        }
        Ok(())
    }

    fn tell_notices(&mut self) -> io::Result<()> {
        for notice in &self.notices {
            let line = row(self.screen.page, "notice").push(Role::Doubt, notice);
            self.screen.wrapped(line, LABEL)?;
        }
        Ok(())
    }

    fn warn(&mut self, warning: &Warning) -> io::Result<()> {
        self.warnings += 1;
        if self.is_quiet() || self.warnings > WARNINGS {
            return Ok(());
        }
        let place = warning.place.as_ref().filter(|p| p.line > 0).map(ToString::to_string).unwrap_or_default();
        let line = row(self.screen.page, "warning").push(Role::Doubt, &warning.message);
        self.screen.lines(&line.flow(&[(Role::Place, &place)], self.screen.page.width, LABEL))
    }

    fn finished(&mut self, outcome: &Outcome, now: Instant) -> io::Result<()> {
        let page = self.screen.page;
        let waited_for = self.progress.finished(outcome, now);
        self.causes.add(page, outcome, &self.options.again);
        self.matrices.add(outcome);
        if outcome.kind == OutcomeKind::Case {
            self.times.add(outcome);
            self.told.add(outcome);
        }
        if self.options.verbosity == Verbosity::VeryVerbose {
            self.screen.lines(&exchange::whole(page, outcome))?;
        }
        let lines = self.suites.add(page, outcome, waited_for, now);
        if !lines.is_empty() {
            self.screen.lines(&self.logins.take(page))?;
        }
        self.screen.lines(&lines)
    }

    fn end(&mut self, summary: &Summary) -> io::Result<()> {
        let page = self.screen.page;
        self.screen.end_bar();
        let suites = self.suites.end(page);
        if !self.is_quiet() {
            self.screen.lines(&suites)?;
            self.screen.lines(&self.logins.take(page))?;
            if self.warnings > WARNINGS {
                let text = format!("and {}", plural(self.warnings - WARNINGS, "more warning"));
                self.screen.line(page.line().pad_to(LABEL).text(&text))?;
            }
        }
        for table in self.matrices.draw(page, self.options.rows) {
            self.screen.gap()?;
            self.screen.lines(&table)?;
        }
        for block in self.causes.draw(page) {
            self.screen.gap()?;
            self.screen.lines(&block)?;
        }
        self.tell_untold()?;
        let slowest = if self.is_quiet() { Vec::new() } else { self.times.draw(page) };
        if !slowest.is_empty() {
            self.screen.gap()?;
            self.screen.lines(&slowest)?;
        }
        self.screen.gap()?;
        self.screen.lines(&summary::count(page, summary))?;
        self.screen.lines(&summary::meaning(page, summary, &self.told, self.options.verbosity))?;
        if self.is_quiet() || self.screen.written > FAR_BACK { self.tell_notices() } else { Ok(()) }
    }

    fn tell_untold(&mut self) -> io::Result<()> {
        let more = self.causes.untold();
        if more == 0 {
            return Ok(());
        }
        let text = match (&self.options.details, self.options.verbosity) {
            (Some(file), _) => format!("and {more} more in {file}"),
            (None, Verbosity::Quiet | Verbosity::Normal) => {
                format!("and {more} more; -v shows more of them, --json FILE all")
            }
            (None, Verbosity::Verbose | Verbosity::VeryVerbose) => format!("and {more} more; --json FILE holds all"),
        };
        self.screen.gap()?;
        self.screen.wrapped(page_strong(self.screen.page, &text), 4)
    }
}

fn page_strong(page: Page, text: &str) -> Line {
    page.line().text("   ").push(Role::Strong, text)
}

impl Reporter for Terminal {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.handle(event, Instant::now())
    }
}

/// Starts a line with a label at its beginning.
fn row(page: Page, label: &str) -> Line {
    page.labelled(0, label, LABEL)
}
