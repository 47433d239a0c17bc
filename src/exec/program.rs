//! Runs the program of a scheme, and hears what it prints.

use std::process::Stdio;

use tokio::process::Command;

use super::talk::StepRun;
use crate::auth::{Program, Refused};
use crate::term::duration;

/// The most that a program may print.
const MOST: usize = 1 << 20;

impl StepRun<'_> {
    /// Runs a program to its end. What it prints on standard output is never told; the last line of its standard
    /// error is, masked, since it says what is wrong.
    pub(super) async fn program(&self, program: &Program) -> Result<String, Refused> {
        let refused = |message: String, help: Vec<String>| Refused { message, help };
        let Some((name, arguments)) = program.words.split_first() else {
            return Err(refused("the command is empty".to_owned(), Vec::new()));
        };
        let mut command = Command::new(name);
        command.args(arguments).current_dir(&program.folder).stdin(Stdio::null()).kill_on_drop(true);
        command.envs(program.variables.iter().map(|(n, v)| (n, v)));
        let limit = self.shared.options.timeout;
        let output = match tokio::time::timeout(limit, command.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => {
                let message = format!("the command `{name}` cannot be started ({})", error.kind());
                return Err(refused(message, Vec::new()));
            }
            Err(_) => {
                return Err(refused(
                    format!("the command `{name}` did not end within {}", duration(limit)),
                    vec!["`--timeout` gives it more".to_owned()],
                ));
            }
        };
        if !output.status.success() {
            let help = last_line(&output.stderr).map(|line| format!("it says: {line}")).into_iter().collect();
            return Err(refused(format!("the command `{name}` failed ({})", output.status), help));
        }
        if output.stdout.len() > MOST {
            return Err(refused(format!("the command `{name}` printed more than 1 MiB"), Vec::new()));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| refused(format!("the command `{name}` printed something that is no text"), Vec::new()))
    }
}

/// Gives the last line of an output that is not empty.
pub(super) fn last_line(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    Some(last.chars().filter(|c| !c.is_control()).collect())
}
