//! Runs the program of a scheme, and hears what it prints.

use std::io;
use std::pin::pin;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::exchange::StepRun;
use crate::auth::{Program, Refused};
use crate::term::duration;

/// The most that a program may print.
const MOST: usize = 1 << 20;

/// How long the output of a program that has ended is read, which something it left running keeps open: an agent, say.
const LINGER: Duration = Duration::from_millis(500);

impl StepRun<'_> {
    /// Runs a program to its end, and says how it ended. What it prints on standard output is never told; the last line
    /// of its standard error is, masked, since it says what is wrong.
    pub(super) async fn program(&self, program: &Program) -> (String, Result<String, Refused>) {
        let refused = |message: String, help: Vec<String>| Refused { message, help };
        let Some((name, arguments)) = program.words.split_first() else {
            return ("was not run".to_owned(), Err(refused("the command is empty".to_owned(), Vec::new())));
        };
        let mut command = Command::new(name);
        command.args(arguments).current_dir(&program.folder).stdin(Stdio::null()).kill_on_drop(true);
        command.envs(program.variables.iter().map(|(n, v)| (n, v)));
        let of_talk = self.talking.and_then(|talking| talking.timeout);
        let limit = of_talk.unwrap_or(self.shared.options.timeout);
        let Ok(output) = tokio::time::timeout(limit, run(&mut command)).await else {
            let message = format!("the command `{name}` did not end within {}", duration(limit));
            let why = refused(message, vec!["`--timeout` gives it more".to_owned()]);
            return ("was stopped, for it did not end".to_owned(), Err(why));
        };
        let became = became(&output);
        let text = heard(name, output).map_err(|Unheard { why, says }| {
            refused(why, says.map(|line| format!("it says: {line}")).into_iter().collect())
        });
        let fits = |text: &String| text.len() <= MOST;
        let most = || refused(format!("the command `{name}` printed more than 1 MiB"), Vec::new());
        (became, text.and_then(|text| if fits(&text) { Ok(text) } else { Err(most()) }))
    }
}

/// Runs a program until it has ended, whatever it leaves behind.
async fn run(command: &mut Command) -> io::Result<Output> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let status = {
        let mut read = pin!(async { tokio::join!(fill(out, &mut stdout), fill(err, &mut stderr)) });
        tokio::select! {
            _ = &mut read => child.wait().await?,
            status = child.wait() => {
                // What was printed until then is there; more than that is not waited for.
                let _ = tokio::time::timeout(LINGER, &mut read).await;
                status?
            }
        }
    };
    Ok(Output { status, stdout, stderr })
}

async fn fill(stream: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    if let Some(mut stream) = stream {
        // A pipe that breaks has ended.
        let _ = stream.read_to_end(into).await;
    }
}

/// How a program ended, in a few words.
fn became(output: &io::Result<Output>) -> String {
    match output {
        Ok(output) => match output.status.code() {
            Some(code) => format!("ended with {code}"),
            None => format!("was ended ({})", output.status),
        },
        Err(_) => "was not started".to_owned(),
    }
}

/// Why a program's output cannot be had.
pub(super) struct Unheard {
    pub(super) why: String,
    /// The last line that it printed to standard error.
    pub(super) says: Option<String>,
}

/// Gives what a program printed. Its standard output may hold a secret and is never told; standard error says what is
/// wrong.
pub(super) fn heard(name: &str, output: io::Result<Output>) -> Result<String, Unheard> {
    let unheard = |why: String, says: Option<String>| Unheard { why, says };
    let output = output.map_err(|e| unheard(unstarted(name, &e), None))?;
    if !output.status.success() {
        let why = format!("the command `{name}` failed ({})", output.status);
        return Err(unheard(why, last_line(&output.stderr)));
    }
    let text = String::from_utf8(output.stdout);
    text.map_err(|_| unheard(format!("the command `{name}` printed something that is no text"), None))
}

/// Why a program does not run; the system's word for one that is not there speaks of an entity.
pub(super) fn unstarted(name: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("the command `{name}` cannot be started: there is no such program"),
        kind => format!("the command `{name}` cannot be started ({kind})"),
    }
}

/// Gives the last line of an output that is not empty.
fn last_line(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    Some(last.chars().filter(|c| !c.is_control()).collect())
}
