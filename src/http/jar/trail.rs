//! What happened to cookies while a step ran, and what a jar gained since an earlier copy of it.

use jiff::Timestamp;
use url::Url;

use super::Jar;
use super::cookie::{Cookie, CookieName};
use super::send::Selection;
use super::store::Stored;

/// Lists the movements of one jar in order. Raw: it holds values.
#[derive(Clone, Debug, Default)]
pub struct JarTrail {
    /// One entry for each request and for each `Set-Cookie`.
    pub moves: Vec<JarMove>,
}

/// Tells of one movement.
#[derive(Clone, Debug)]
pub enum JarMove {
    /// A request left.
    Requested {
        /// Where to.
        to: Url,
        /// What it took along and what not.
        selection: Selection,
    },
    /// A response set a cookie.
    Received {
        /// Where from.
        from: Url,
        /// What became of it.
        stored: Stored,
    },
}

impl JarTrail {
    /// Notes what a request took along.
    pub fn requested(&mut self, to: &Url, selection: Selection) {
        self.moves.push(JarMove::Requested { to: to.clone(), selection });
    }

    /// Notes what became of a `Set-Cookie`.
    pub fn received(&mut self, from: &Url, stored: Stored) {
        self.moves.push(JarMove::Received { from: from.clone(), stored });
    }

    /// Lists what became of every `Set-Cookie`, in order.
    pub fn stored(&self) -> impl Iterator<Item = &Stored> {
        self.moves.iter().filter_map(|m| match m {
            JarMove::Received { stored, .. } => Some(stored),
            JarMove::Requested { .. } => None,
        })
    }

    /// Tells the story of one cookie, a sentence for each time it was sent, withheld or set.
    pub fn story(&self, name: &str) -> Vec<String> {
        self.moves.iter().flat_map(|m| m.about(name)).collect()
    }
}

impl JarMove {
    fn about(&self, name: &str) -> Vec<String> {
        match self {
            Self::Requested { to, selection } => {
                let host = to.host_str().unwrap_or_default();
                let sent = selection.sent.iter().filter(|c| c.name == *name);
                let sent = sent.map(|_| format!("`{name}` was sent to {host}"));
                let stayed = selection.withheld.iter().filter(|c| c.name == *name);
                let stayed = stayed.map(|c| format!("`{name}` was not sent to {host}: {}", c.why()));
                sent.chain(stayed).collect()
            }
            Self::Received { from, stored } => {
                let host = from.host_str().unwrap_or_default();
                let set = (*stored.name() == *name).then(|| format!("{host} set `{name}`: {}", stored.why()));
                let gone = stored.evicted.iter().filter(|e| e.name == *name);
                let gone = gone.map(|e| format!("`{name}` was dropped: {}", e.why.why()));
                set.into_iter().chain(gone).collect()
            }
        }
    }
}

/// Tells of one cookie that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: CookieName,
    /// Where it is sent.
    pub scope: String,
    /// What changed.
    pub kind: ChangeKind,
}

/// Tells what changed about a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// It has another value.
    Changed,
    /// It is not there any more.
    Removed,
}

impl Jar {
    /// Compares with an earlier copy of this jar; what expired in between counts as removed.
    pub fn changes_since(&self, before: &Jar, was: Timestamp, now: Timestamp) -> Vec<Change> {
        let change = |c: &Cookie, kind| Change { name: c.name.clone(), scope: c.scope(), kind };
        let arrived = self.iter(now).filter_map(|new| match before.iter(was).find(|old| old.same_key(new)) {
            None => Some(change(new, ChangeKind::Added)),
            Some(old) if old.value != new.value => Some(change(new, ChangeKind::Changed)),
            Some(_) => None,
        });
        let left = before.iter(was).filter(|old| !self.iter(now).any(|new| new.same_key(old)));
        arrived.chain(left.map(|old| change(old, ChangeKind::Removed))).collect()
    }
}
