//! The one owner of the stream: plain lines, or lines above a live bar.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::line::{Colour, Line, Page};

/// How often the bar may be drawn, per second.
const REDRAWS: u8 = 10;

pub(super) struct Screen {
    sink: Sink,
    bar: Option<ProgressBar>,
    colour: Colour,
    /// The room there is.
    pub(super) page: Page,
    /// Lines written so far.
    pub(super) written: usize,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write + Send>, page: Page, colour: Colour) -> Self {
        let state = State { out, pending: Vec::new(), error: None, held: false, columns: page.width - 1 };
        Self { sink: Sink(Arc::new(Mutex::new(state))), bar: None, colour, page, written: 0 }
    }

    /// Writes lines, above the bar if there is one.
    pub(super) fn lines(&mut self, lines: &[Line]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        self.written += lines.len();
        let mut text = String::new();
        for line in lines {
            text.push_str(&line.render(self.colour));
            text.push('\n');
        }
        if let Some(bar) = &self.bar {
            // Held back until the bar stands again, so that nothing flickers. The bar's own way to
            // print fills lines with blanks up to the width it knows instead of ending them, which
            // garbles them after the window was resized or when they are copied.
            self.sink.state().held = true;
            bar.suspend(|| self.sink.state().pending.extend_from_slice(text.as_bytes()));
            self.sink.state().held = false;
        } else {
            self.sink.state().pending.extend_from_slice(text.as_bytes());
        }
        let mut state = self.sink.state();
        state.flush();
        state.error.take().map_or(Ok(()), Err)
    }

    /// Writes one line.
    pub(super) fn line(&mut self, line: Line) -> io::Result<()> {
        self.lines(&[line])
    }

    /// Writes a line that may need to be broken.
    pub(super) fn wrapped(&mut self, line: Line, hang: usize) -> io::Result<()> {
        let lines = line.wrap(self.page.width, hang);
        self.lines(&lines)
    }

    /// Writes an empty line, unless nothing stands above it.
    pub(super) fn gap(&mut self) -> io::Result<()> {
        if self.written == 0 { Ok(()) } else { self.line(self.page.line()) }
    }

    /// Shows the bar from now on.
    pub(super) fn start_bar(&mut self) {
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(self.sink.clone()), REDRAWS);
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::with_template("{msg}").expect("a fixed template"));
        self.bar = Some(bar);
    }

    /// Redraws the bar, if there is one.
    pub(super) fn draw_bar(&mut self, line: &Line) {
        if let Some(bar) = &self.bar {
            bar.set_message(line.clone().cut(self.page.width - 1).render(self.colour));
        }
    }

    /// Takes the bar away for good.
    pub(super) fn end_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Tells whether a bar is shown.
    pub(super) fn is_live(&self) -> bool {
        self.bar.is_some()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.end_bar();
    }
}

/// The stream as both the screen and the bar hold it.
#[derive(Clone)]
struct Sink(Arc<Mutex<State>>);

struct State {
    out: Box<dyn Write + Send>,
    /// Gathered until the next flush, so that a redraw reaches the terminal in one piece.
    pending: Vec<u8>,
    /// The bar swallows errors; this one is handed to the next caller.
    error: Option<io::Error>,
    /// While set, nothing goes out.
    held: bool,
    /// One less than there are: a full line would make some terminals start the next one.
    columns: usize,
}

impl State {
    fn flush(&mut self) {
        if self.held || self.pending.is_empty() {
            return;
        }
        let result = self.out.write_all(&self.pending).and_then(|()| self.out.flush());
        self.pending.clear();
        if let Err(error) = result {
            self.error.get_or_insert(error);
        }
    }
}

impl Sink {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must not silence the report.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::unnecessary_wraps, reason = "the trait below wants results")]
    fn put(&self, text: &str) -> io::Result<()> {
        self.state().pending.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn control(&self, count: usize, letter: char) -> io::Result<()> {
        if count == 0 { Ok(()) } else { self.put(&format!("\u{1b}[{count}{letter}")) }
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

impl TermLike for Sink {
    fn width(&self) -> u16 {
        u16::try_from(self.state().columns).unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.control(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.control(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.control(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.control(n, 'D')
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.put(s)?;
        self.put("\n")
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.put(s)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.put("\r\u{1b}[2K")
    }

    fn flush(&self) -> io::Result<()> {
        self.state().flush();
        Ok(())
    }
}
