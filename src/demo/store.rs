//! What changes while a demo runs: people, sessions, and the things they own.

use std::collections::HashMap;

use serde::Serialize;

use super::digest::Nonces;
use super::lockout::Lockout;
use super::random;
use super::sessions::Sessions;
use super::users::Users;
use super::web::WebSessions;

/// The number of notes the demo keeps at most.
const MOST_NOTES: usize = 100_000;

/// Whether others than the owner may read a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Owner,
    Everyone,
}

/// A note.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) audience: Audience,
}

/// All notes, in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    by_id: HashMap<String, Note>,
    by_owner: HashMap<String, Vec<String>>,
    shared: Vec<String>,
}

impl Notes {
    pub(crate) fn get(&self, id: &str) -> Option<&Note> {
        self.by_id.get(id)
    }

    /// Puts a note in the place of the one with its id, which has the same owner.
    pub(crate) fn replace(&mut self, note: Note) {
        self.shared.retain(|id| *id != note.id);
        if note.audience == Audience::Everyone {
            self.shared.push(note.id.clone());
        }
        self.by_id.insert(note.id.clone(), note);
    }

    /// All notes.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Note> {
        self.by_id.values()
    }

    /// The notes of a person, oldest first.
    pub(crate) fn of(&self, owner: &str) -> impl Iterator<Item = &Note> {
        self.by_owner.get(owner).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    /// The notes everyone may read, oldest first.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &Note> {
        self.shared.iter().filter_map(|id| self.by_id.get(id))
    }

    /// Keeps a note; false when there are too many already.
    pub(crate) fn add(&mut self, note: Note) -> bool {
        if self.by_id.len() >= MOST_NOTES {
            return false;
        }
        self.by_owner.entry(note.owner.clone()).or_default().push(note.id.clone());
        if note.audience == Audience::Everyone {
            self.shared.push(note.id.clone());
        }
        self.by_id.insert(note.id.clone(), note);
        true
    }

    /// Forgets a note.
    pub(crate) fn remove(&mut self, id: &str) {
        let Some(note) = self.by_id.remove(id) else {
            return;
        };
        if let Some(ids) = self.by_owner.get_mut(&note.owner) {
            ids.retain(|i| i != id);
        }
        self.shared.retain(|i| i != id);
    }
}

/// An account with money in it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) balance: u64,
}

impl Account {
    /// The first account of a person.
    pub(crate) fn first_of(owner: &str, balance: u64) -> Self {
        Self { id: format!("acc-{owner}-1"), owner: owner.to_owned(), balance }
    }
}

/// The store of one demo.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) users: Users,
    pub(crate) lockout: Lockout,
    pub(crate) sessions: Sessions,
    pub(crate) web: WebSessions,
    pub(crate) notes: Notes,
    pub(crate) accounts: Vec<Account>,
    /// The nonces of the Digest area.
    pub(crate) nonces: Nonces,
    /// How often a counted route was asked: `/flaky` and `/jobs`.
    pub(crate) counters: HashMap<String, u64>,
}

impl Store {
    /// The store every demo starts with.
    pub(crate) fn seeded() -> Self {
        let mut notes = Notes::default();
        let seeds = [
            ("note-alice-1", "alice", "Shopping", "tea, cake, a pocket watch", Audience::Owner),
            ("note-bob-1", "bob", "Tools", "hammer, saw, can we fix it", Audience::Owner),
            ("note-shared-1", "root", "House rules", "be kind, lock the door", Audience::Everyone),
        ];
        for (id, owner, title, text, audience) in seeds {
            let (id, owner) = (id.to_owned(), owner.to_owned());
            notes.add(Note { id, owner, title: title.to_owned(), text: text.to_owned(), audience });
        }
        let accounts = [("alice", 1000), ("bob", 500), ("carol", 250), ("lara", 100)];
        Self {
            users: Users::seeded(),
            lockout: Lockout::default(),
            sessions: Sessions::default(),
            web: WebSessions::default(),
            notes,
            accounts: accounts.map(|(owner, balance)| Account::first_of(owner, balance)).into(),
            nonces: Nonces::default(),
            counters: HashMap::new(),
        }
    }

    /// Counts one more request under that name and gives the new number.
    pub(crate) fn count(&mut self, name: String) -> u64 {
        if self.counters.len() >= 10_000 {
            self.counters.clear();
        }
        let counter = self.counters.entry(name).or_insert(0);
        *counter += 1;
        *counter
    }
}

/// A new id for a note.
pub(crate) fn note_id() -> String {
    random::name("note")
}
