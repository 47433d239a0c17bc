//! Passwords: argon2id (RFC 9106), hashed on the few blocking threads of the server so that nothing else waits.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::{LazyLock, Mutex};

use argon2::password_hash::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::error::ApiError;
use super::random;
use super::users::{Role, Standing};

/// The least length of a password a person may choose, in characters.
pub(crate) const SHORTEST: usize = 8;

/// A person every demo starts with.
pub(crate) struct Seed {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) standing: Standing,
    /// As the front page tells it.
    pub(crate) password: &'static str,
    pub(crate) phc: &'static str,
}

/// The first people, their hashes computed beforehand: starting a demo must not cost six hashes.
pub(crate) const SEEDED: &[Seed] = &[
    Seed {
        name: "alice",
        role: Role::User,
        standing: Standing::Enabled,
        password: "wonderland-7",
        phc: "$argon2id$v=19$m=7168,t=5,p=1$/Up5etvtmt1CeYmVI0k2CQ$4slgZUxMczYZGGE9UFMu80V39ltmE9HauUW46RCk/qY",
    },
    Seed {
        name: "bob",
        role: Role::User,
        standing: Standing::Enabled,
        password: "builder-8",
        phc: "$argon2id$v=19$m=7168,t=5,p=1$hbAEWTu36ooNtc9rgBk+Zg$wt8BkK8vRh1dZjiI5ZyY1Dyf/B0T67ZE0hT0f5LYg9A",
    },
    Seed {
        name: "carol",
        role: Role::User,
        standing: Standing::Disabled,
        password: "caramel-4",
        phc: "$argon2id$v=19$m=7168,t=5,p=1$8XOdoTImd8+dZDXcOhetuA$vad8TEs6IiB7onsMQbojEgUJPu9FfjMqHO4qdXAOg6M",
    },
    Seed {
        name: "dora",
        role: Role::Auditor,
        standing: Standing::Enabled,
        password: "auditor-3",
        phc: "$argon2id$v=19$m=7168,t=5,p=1$IiBpkaPkuialdBURIVGyaQ$ySil98kD1odpvBpUGgQAPTTyPNoQgvtLsBFoIh4cKhU",
    },
    Seed {
        name: "lara",
        role: Role::User,
        standing: Standing::Enabled,
        password: "lockout-5",
        phc: "$argon2id$v=19$m=7168,t=5,p=1$kgd4sd1ICq6Ovp9lKG9xyw$q4OuZBAy+p6BzYrPMt2TE+TDkpPwrPpGZW4Nr9nl0iQ",
    },
    Seed {
        name: "root",
        role: Role::Admin,
        standing: Standing::Enabled,
        password: "toor-admin-9",
        phc: "$argon2id$v=19$m=7168,t=5,p=1$hgu7kYwKYi33nIGYwRVP6Q$NHKP+7KUfGAb5wFwhi+55lNtwF/WgFqZ5uEqXCHN29Q",
    },
];

/// The hash verified for a name nobody bears, so that the answer takes as long as for any other.
pub(crate) const NOBODY: &str =
    "$argon2id$v=19$m=7168,t=5,p=1$9cqjLFNTS3zJJYAXgw1ZDA$3Kxc28MusLyjcmLxxYEidICIyyaHmsTOJI8rqi5v8v8";

/// The low-memory setting among those OWASP recommends for argon2id: 7 MiB, five passes, one lane.
const MEMORY_KIB: u32 = 7 * 1024;
const PASSES: u32 = 5;
/// How every hash of that setting begins.
const PREFIX: &str = "$argon2id$v=19$m=7168,t=5,p=1$";

/// How many right passwords are remembered at most.
const REMEMBERED: usize = 4096;

/// The digests of hashes with the passwords that are known to be right for them: those of the first people, as a test
/// shows, and what was found since.
static RIGHT: LazyLock<Mutex<HashSet<[u8; SHA256_OUTPUT_LEN]>>> =
    LazyLock::new(|| Mutex::new(SEEDED.iter().map(|seed| fingerprint(seed.phc, seed.password)).collect()));

/// Whether the password belongs to the hash; takes about 10 ms, unless it is known to be right.
///
/// Suites log the same few people in by the hundred. What was wrong is never remembered: how long a refusal takes tells
/// nothing.
pub(crate) async fn verify(phc: String, password: String) -> bool {
    let asked = fingerprint(&phc, &password);
    if RIGHT.lock().is_ok_and(|right| right.contains(&asked)) {
        return true;
    }
    let is_right = tokio::task::spawn_blocking(move || matches(&phc, &password)).await.unwrap_or(false);
    if is_right && let Ok(mut right) = RIGHT.lock() {
        if right.len() >= REMEMBERED {
            right.clear();
        }
        right.insert(asked);
    }
    is_right
}

/// A hash has no NUL in it, so no two pairs are written alike.
fn fingerprint(phc: &str, password: &str) -> [u8; SHA256_OUTPUT_LEN] {
    let mut out = [0; SHA256_OUTPUT_LEN];
    let both = [phc.as_bytes(), b"\0", password.as_bytes()].concat();
    out.copy_from_slice(digest(&SHA256, &both).as_ref());
    out
}

/// Hashes a new password; takes about 10 ms.
pub(crate) async fn hash(password: String) -> Result<String, ApiError> {
    let hashed = tokio::task::spawn_blocking(move || phc(&password)).await;
    hashed.ok().flatten().ok_or_else(ApiError::internal)
}

/// Whether the first eight characters are those of the password of one of the first people, as old hashes compare.
pub(crate) fn begins_like(name: &str, password: &str) -> bool {
    const COMPARED: usize = 8;
    let of = SEEDED.iter().find(|seed| seed.name == name).and_then(|seed| seed.password.get(..COMPARED));
    of.is_some() && of == password.get(..COMPARED)
}

fn matches(phc: &str, password: &str) -> bool {
    let expected = || {
        let parsed = PasswordHash::new(phc).ok()?;
        let mut buffer = [0; 64];
        let salt = parsed.salt?.decode_b64(&mut buffer).ok()?;
        let derived = derive(password, salt)?;
        Some(verify_slices_are_equal(&derived, parsed.hash?.as_bytes()).is_ok())
    };
    expected().unwrap_or(false)
}

fn phc(password: &str) -> Option<String> {
    let salt = random::bytes::<16>();
    let derived = derive(password, &salt)?;
    let encoded = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
    Some(format!("{PREFIX}{}${}", encoded(&salt), encoded(&derived)))
}

/// Computes the hash in memory that the thread keeps: getting 7 MiB afresh doubles the time.
fn derive(password: &str, salt: &[u8]) -> Option<[u8; 32]> {
    thread_local! {
        static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
    }
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).ok()?;
    let blocks = params.block_count();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    MEMORY.with_borrow_mut(|memory| {
        memory.resize(blocks, Block::new());
        let mut derived = [0; 32];
        let password = password.as_bytes();
        let done = argon2.hash_password_into_with_memory(password, salt, &mut derived, memory);
        done.ok().map(|()| derived)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeded_hashes_are_those_of_the_documented_passwords() {
        for seed in SEEDED {
            let (name, password) = (seed.name, seed.password);
            assert!(matches(seed.phc, password), "{name}: use {}", phc(password).unwrap());
            assert!(!matches(seed.phc, "wonderland-8"), "{name}");
            assert!(seed.phc.starts_with(PREFIX), "{name}");
        }
        assert!(PasswordHash::new(NOBODY).is_ok() && NOBODY.starts_with(PREFIX));
    }

    #[tokio::test]
    async fn only_what_was_right_is_remembered() {
        let fresh = phc("a new password").unwrap();
        let is_known = |phc: &str, password| RIGHT.lock().unwrap().contains(&fingerprint(phc, password));
        assert!(!is_known(&fresh, "a new password"));
        for _ in 0..2 {
            assert!(verify(fresh.clone(), "a new password".to_owned()).await);
            assert!(!verify(fresh.clone(), "a new passworD".to_owned()).await);
        }
        assert!(is_known(&fresh, "a new password") && !is_known(&fresh, "a new passworD"));
        assert!(is_known(SEEDED[0].phc, SEEDED[0].password) && !is_known(SEEDED[1].phc, SEEDED[0].password));
    }

    #[test]
    fn a_fresh_hash_verifies() {
        use argon2::password_hash::PasswordVerifier as _;
        let fresh = phc("a new password").unwrap();
        let parsed = PasswordHash::new(&fresh).unwrap();
        assert_eq!(Params::try_from(&parsed).unwrap().t_cost(), PASSES);
        assert!(Argon2::default().verify_password(b"a new password", &parsed).is_ok());
        assert!(matches(&fresh, "a new password"));
        assert!(!matches(&fresh, "a new passworD"));
        assert!(!matches("not a hash", "a new password"));
    }
}
