//! Interrupts: the first lets running cases finish for a while and tears down, the second leaves at once.

use crate::event::Stopped;
use crate::exec::Stopper;

/// Listens for interrupts until the program ends.
pub(super) async fn listen(stopper: Stopper) {
    for count in 1.. {
        if !wait().await {
            return;
        }
        match count {
            1 => stopper.soon(Stopped::Interrupted),
            _ => stopper.leave(Stopped::Interrupted),
        }
    }
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
