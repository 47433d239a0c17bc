//! Interrupts: the first lets running cases finish for a while and tears down, the second leaves at once.

use std::io::Write as _;

use super::context::Stream;
use crate::event::Stopped;
use crate::exec::{GRACE, Stopper};

/// Listens for interrupts until the program ends; a run says what it still waits for.
pub(super) async fn listen(stopper: Stopper, run: Option<Stream>) {
    for count in 1.. {
        if !wait().await {
            return;
        }
        match count {
            1 => {
                run.inspect(|err| say(stopper.running(), *err));
                stopper.soon(Stopped::Interrupted);
            }
            _ => stopper.leave(Stopped::Interrupted),
        }
    }
}

/// Says at once that the interrupt was heard, and what is still waited for.
fn say(running: usize, err: Stream) {
    let (dash, clear) = (if err.unicode { "—" } else { "-" }, if err.terminal { "\r\x1b[K" } else { "" });
    let grace = GRACE.as_secs();
    let what = match running {
        0 => "no case runs".to_owned(),
        1 => format!("1 case is finishing, at most {grace} s"),
        n => format!("{n} cases are finishing, at most {grace} s"),
    };
    let text = format!("{clear}stopping {dash} {what}; interrupt again to leave at once\n");
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(unix)]
async fn wait() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return false;
    };
    let mut hangup = if ignores_hangup() { None } else { signal(SignalKind::hangup()).ok() };
    let hung_up = async {
        match &mut hangup {
            Some(hangup) => hangup.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        got = interrupt.recv() => got.is_some(),
        got = terminate.recv() => got.is_some(),
        got = hung_up => got.is_some(),
    }
}

/// `nohup` was asked to let the program live on.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    static IGNORES: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
        ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
    });
    *IGNORES
}

#[cfg(windows)]
async fn wait() -> bool {
    use tokio::signal::windows::{ctrl_break, ctrl_c};
    let (Ok(mut interrupt), Ok(mut brk)) = (ctrl_c(), ctrl_break()) else { return false };
    tokio::select! {
        got = interrupt.recv() => got.is_some(),
        got = brk.recv() => got.is_some(),
    }
}
