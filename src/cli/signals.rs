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
    tokio::select! {
        got = interrupt.recv() => got.is_some(),
        got = terminate.recv() => got.is_some(),
    }
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
