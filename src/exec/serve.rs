//! Targets that the run starts itself: a command in a process group of its own, its last output, and its end.

use std::collections::VecDeque;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::value;
use super::world::{NotReady, WorldRun};
use crate::event::ServerOutput;
use crate::http::Address;
use crate::plan::Plan;
use crate::secret::{SecretSet, TextKind};
use crate::source::Span;

/// How much of the output is kept.
const KEPT: usize = 64 * 1024;

/// How many of its last lines are shown when the run is over.
const SHOWN: usize = 20;

/// How many of them stand with a case.
const TOLD: usize = 6;

/// Between being asked to end and being made to.
const GRACE: Duration = Duration::from_secs(3);

/// Between two looks.
const EVERY: Duration = Duration::from_millis(20);

/// The last of what a command printed.
#[derive(Debug, Default)]
struct Tail {
    bytes: VecDeque<u8>,
    /// Whether something before it was let go.
    cut: bool,
}

/// What the commands of a run printed, for telling when something went wrong.
#[derive(Debug, Clone, Default)]
pub struct Printed(Vec<(String, Arc<Mutex<Tail>>)>);

/// A command that serves a target.
#[derive(Debug)]
struct Served {
    /// What tells it from others: the words, the folder and the address.
    key: (Vec<String>, PathBuf, String),
    child: Child,
    ended: Option<ExitStatus>,
    tail: Arc<Mutex<Tail>>,
    span: Span,
}

/// The commands of a run; they are stopped with all their children when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Serving(Arc<Servers>);

/// The commands of a run, for looking at them.
#[derive(Debug, Default)]
pub(crate) struct Servers(Mutex<Vec<Served>>);

/// Starts the commands of all worlds, each once, and notes those that cannot serve.
pub(super) async fn start_all(plan: &Plan, worlds: &mut [Option<WorldRun>]) -> Serving {
    let serving = Serving::default();
    let mut failed = Vec::new();
    for (index, run) in worlds.iter_mut().enumerate() {
        let (Some(run), Some(target)) = (run, &plan.worlds[index].target) else { continue };
        let Some(command) = &target.command else { continue };
        let words: Result<Vec<String>, _> = command.words.iter().map(|w| w.render(&run.scope)).collect();
        let words = match words {
            Ok(words) => words,
            Err(error) => {
                let message = value::variable(&error, "the command of the target").message;
                run.not_ready = Some(NotReady { message, span: command.span });
                continue;
            }
        };
        let key = (words, command.folder.clone(), run.base.clone());
        let known = serving.0.all().iter().position(|s| s.key == key);
        let started = match (known, failed.iter().find(|(k, _)| *k == key)) {
            (Some(at), _) => Ok(at),
            (None, Some((_, why))) => Err(String::clone(why)),
            (None, None) => serving.start(key.clone(), command.span).await,
        };
        match started {
            Ok(at) => run.served = Some(at),
            Err(message) => {
                run.not_ready = Some(NotReady { message: message.clone(), span: command.span });
                failed.push((key, message));
            }
        }
    }
    serving
}

/// Tells whether somebody accepts connections at an address.
pub(super) async fn answers(base: &str) -> bool {
    let Some((host, port)) = Address::parse(base).ok().and_then(|a| match a.origin() {
        url::Origin::Tuple(_, host, port) => Some((host.to_string(), port)),
        url::Origin::Opaque(_) => None,
    }) else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let connecting = TcpStream::connect((host, port));
    matches!(tokio::time::timeout(Duration::from_secs(2), connecting).await, Ok(Ok(_)))
}

impl Serving {
    async fn start(&self, key: (Vec<String>, PathBuf, String), span: Span) -> Result<usize, String> {
        let (words, folder, base) = &key;
        if answers(base).await {
            return Err(format!(
                "something already answers at {base}, so `{}` was not started: another server would be tested",
                words[0]
            ));
        }
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(|e| super::program::unstarted(&words[0], &e))?;
        let tail = Arc::default();
        if let Some(stream) = child.stdout.take() {
            read(stream, Arc::clone(&tail));
        }
        if let Some(stream) = child.stderr.take() {
            read(stream, Arc::clone(&tail));
        }
        let mut all = self.0.all();
        all.push(Served { key, child, ended: None, tail, span });
        Ok(all.len() - 1)
    }

    /// Says how a command ended, if it did.
    pub(super) fn ended(&self, at: usize) -> Option<String> {
        self.0.all()[at].how()
    }

    /// Gives the commands to look at while they serve.
    pub(super) fn servers(&self) -> Arc<Servers> {
        Arc::clone(&self.0)
    }

    /// Gives what the commands printed and will print.
    pub(super) fn printed(&self) -> Printed {
        Printed(self.0.all().iter().map(|s| (s.key.0.join(" "), Arc::clone(&s.tail))).collect())
    }
}

impl Servers {
    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Served>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says which commands ended by themselves, and where they are written.
    pub(super) fn gone(&self) -> Vec<(usize, String, Span)> {
        self.all().iter_mut().enumerate().filter_map(|(at, s)| Some((at, s.how()?, s.span))).collect()
    }

    /// Gives the last of what a command printed, masked, and how it ended if it did.
    pub(super) fn said(&self, at: usize, secrets: &SecretSet) -> Option<ServerOutput> {
        let mut all = self.all();
        let served = all.get_mut(at)?;
        let lines = served.tail.lock().unwrap_or_else(PoisonError::into_inner).last(TOLD, secrets);
        let how = served.how();
        if lines.is_empty() && how.is_none() {
            return None;
        }
        let about = match how {
            Some(how) => {
                format!("{how}{}", if lines.is_empty() { " and printed nothing" } else { "; the last it printed" })
            }
            None => format!("the last that the command `{}` printed", served.key.0[0]),
        };
        Some(ServerOutput { about: secrets.mask_text(TextKind::Plain, &about), lines })
    }
}

impl Served {
    /// Says how it ended, if it did.
    fn how(&mut self) -> Option<String> {
        self.look().map(|status| format!("the command `{}` ended ({status})", self.key.0[0]))
    }

    fn look(&mut self) -> Option<ExitStatus> {
        self.ended = self.ended.or_else(|| self.child.try_wait().ok().flatten());
        self.ended
    }

    /// Tells whether it is gone with all its children.
    #[cfg(unix)]
    fn gone(&mut self) -> bool {
        self.look().is_some() && self.group().is_none_or(|g| rustix::process::test_kill_process_group(g).is_err())
    }

    #[cfg(unix)]
    fn group(&self) -> Option<rustix::process::Pid> {
        i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw)
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(group) = self.group() {
            // Nobody left to hear it is what is wanted.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

impl Drop for Serving {
    #[cfg(unix)]
    fn drop(&mut self) {
        use rustix::process::Signal;
        let mut all = self.0.all();
        all.iter().for_each(|s| s.signal(Signal::TERM));
        let clock = Instant::now();
        while !all.iter_mut().all(Served::gone) && clock.elapsed() < GRACE {
            std::thread::sleep(EVERY);
        }
        for served in all.iter_mut().filter_map(|s| (!s.gone()).then_some(s)) {
            served.signal(Signal::KILL);
            let _ = served.child.wait();
        }
    }

    #[cfg(not(unix))]
    fn drop(&mut self) {
        for served in self.0.all().iter_mut() {
            let _ = served.child.kill();
            let _ = served.child.wait();
        }
    }
}

impl Tail {
    /// Gives the last lines, masked.
    fn last(&self, most: usize, secrets: &SecretSet) -> Vec<String> {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        // The first line may be the rest of a secret.
        let whole = if self.cut { text.split_once('\n').map_or("", |(_, rest)| rest) } else { &text };
        let masked = secrets.mask_text(TextKind::Plain, whole);
        let lines: Vec<&str> = masked.lines().collect();
        let last = &lines[lines.len().saturating_sub(most)..];
        last.iter().map(|line| line.chars().filter(|c| !c.is_control() || *c == '\t').collect()).collect()
    }
}

/// Keeps the last of a stream, until it ends.
fn read(mut stream: impl Read + Send + 'static, tail: Arc<Mutex<Tail>>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
            tail.bytes.extend(&buffer[..count]);
            let over = tail.bytes.len().saturating_sub(KEPT);
            tail.cut |= over > 0;
            tail.bytes.drain(..over);
        }
    });
}

impl Printed {
    /// Gives the last lines of each command, masked; nothing when nothing was started.
    pub fn text(&self, secrets: &SecretSet) -> String {
        let mut out = String::new();
        for (command, tail) in &self.0 {
            let command = secrets.mask_text(TextKind::Plain, command);
            let lines = tail.lock().unwrap_or_else(PoisonError::into_inner).last(SHOWN, secrets);
            if lines.is_empty() {
                out.push_str(&format!("`{command}` printed nothing\n"));
                continue;
            }
            out.push_str(&format!("the last that `{command}` printed:\n"));
            lines.iter().for_each(|line| out.push_str(&format!("  │ {line}\n")));
        }
        out
    }
}
