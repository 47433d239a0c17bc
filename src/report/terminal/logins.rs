//! Who logged in, in one line.

use std::time::Duration;

use super::line::{Line, Page, Role};
use super::{LABEL, row};
use crate::event::{Login, LoginAction};
use crate::term::{duration, plural};

/// How many logins that worked are named; the rest are counted.
const NAMED: usize = 12;

/// The logins that were not told yet.
#[derive(Default)]
pub(super) struct Logins {
    shared: Vec<(String, Duration)>,
    failed: Vec<String>,
    fresh: usize,
    refreshes: usize,
}

impl Logins {
    pub(super) fn add(&mut self, login: &Login) {
        match login.action {
            _ if login.failure.is_some() => {
                let word = match login.action {
                    LoginAction::Login => "failed",
                    LoginAction::Refresh => "refresh failed",
                };
                let text = format!("{} {word}", login.identity);
                if !self.failed.contains(&text) {
                    self.failed.push(text);
                }
            }
            LoginAction::Refresh => self.refreshes += 1,
            LoginAction::Login if login.fresh => self.fresh += 1,
            LoginAction::Login => self.shared.push((login.identity.clone(), login.elapsed)),
        }
    }

    /// Draws what has come together since the last time; nothing when nothing has.
    pub(super) fn take(&mut self, page: Page) -> Vec<Line> {
        let Self { mut shared, mut failed, fresh, refreshes } = std::mem::take(self);
        // Which of them ends first is chance, and two runs of one suite are to be compared.
        shared.sort();
        failed.sort();
        let mut items: Vec<(Role, String)> = shared
            .iter()
            .take(NAMED)
            .map(|(name, time)| (Role::Plain, format!("{name} {}", duration(*time))))
            .collect();
        if shared.len() > NAMED {
            items.push((Role::Plain, format!("and {} more", shared.len() - NAMED)));
        }
        items.extend(failed.iter().take(NAMED).map(|text| (Role::Bad, text.clone())));
        if failed.len() > NAMED {
            items.push((Role::Bad, format!("{} more failed", failed.len() - NAMED)));
        }
        let quiet = [
            (shared.len().min(2), ["", "shared", "one each, shared"][shared.len().min(2)].to_owned()),
            (fresh, plural(fresh, "fresh session")),
            (refreshes, plural(refreshes, "refresh")),
        ];
        items.extend(quiet.into_iter().filter(|(n, _)| *n > 0).map(|(_, text)| (Role::Dim, text)));
        if items.is_empty() {
            return Vec::new();
        }
        let items: Vec<(Role, &str)> = items.iter().map(|(role, text)| (*role, text.as_str())).collect();
        row(page, "logins").flow(&items, page.width, LABEL)
    }
}
