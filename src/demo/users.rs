//! The people of the demo and what they may do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::password;

/// The number of people the demo keeps at most.
const MOST_USERS: usize = 10_000;

/// What a person may do beyond their own things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// An ordinary person.
    User,
    /// May read what concerns others and change nothing.
    Auditor,
    /// May manage users, and read and remove notes.
    Admin,
}

impl Role {
    /// All roles.
    pub(crate) const ALL: &[Self] = &[Self::User, Self::Auditor, Self::Admin];

    /// The role's name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

/// Whether a person may log in at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// May log in.
    Enabled,
    /// May not, and all sessions are dead.
    Disabled,
}

/// A person.
#[derive(Debug, Clone)]
pub(crate) struct User {
    /// The stable id, `u-` and the name.
    pub(crate) id: String,
    /// The name used to log in.
    pub(crate) name: String,
    /// The argon2id hash of the password, as a PHC string.
    pub(crate) phc: String,
    /// What the person may do.
    pub(crate) roles: Vec<Role>,
    /// Whether the person may log in.
    pub(crate) standing: Standing,
}

impl User {
    /// A new, enabled person.
    pub(crate) fn new(name: &str, phc: &str, role: Role) -> Self {
        Self {
            id: format!("u-{name}"),
            name: name.to_owned(),
            phc: phc.to_owned(),
            roles: vec![role],
            standing: Standing::Enabled,
        }
    }
}

/// All people, by name.
#[derive(Debug)]
pub(crate) struct Users(BTreeMap<String, User>);

/// Why a person could not be added.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotAdded {
    /// The name is taken.
    Taken,
    /// The demo keeps no more people.
    Full,
}

impl Users {
    /// The people every demo starts with; their passwords stand in `password::SEEDED`.
    pub(crate) fn seeded() -> Self {
        let mut users = BTreeMap::new();
        for seed in password::SEEDED {
            let mut user = User::new(seed.name, seed.phc, seed.role);
            user.standing = seed.standing;
            users.insert(user.name.clone(), user);
        }
        Self(users)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&User> {
        self.0.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut User> {
        self.0.get_mut(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &User> {
        self.0.values()
    }

    /// Adds a person unless the name is taken.
    pub(crate) fn add(&mut self, user: User) -> Result<(), NotAdded> {
        if self.0.contains_key(&user.name) {
            return Err(NotAdded::Taken);
        }
        if self.0.len() >= MOST_USERS {
            return Err(NotAdded::Full);
        }
        self.0.insert(user.name.clone(), user);
        Ok(())
    }
}
