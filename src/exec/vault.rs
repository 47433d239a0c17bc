//! Access tokens of earlier runs, kept in files that only a key opens.
//!
//! Each identity of a target has one file, sealed with AES-256-GCM under a key that is derived from `AUTHSPEC_KEEP_KEY`
//! for that file alone. It is replaced as a whole, so that runs beside each other lose nothing but each other's news. What
//! cannot be opened is left as it is, and told.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::jose::{decode, encode};
use crate::secret::Secret;

/// How a file begins; another version is another kind of file.
const HEAD: &str = "authspec-kept/1 ";
/// How many tokens of an identity are kept.
const MOST: usize = 4;
/// How long after its end a token is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// A token of a run.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptToken {
    pub(super) token: String,
    /// When it ends, by this machine's clock.
    pub(super) end: Timestamp,
    /// When it was first seen.
    pub(super) made: Timestamp,
    /// When it was last seen being allowed.
    pub(super) alive: Timestamp,
}

/// Where the tokens of one identity lie.
pub(super) struct Vault<'a> {
    path: PathBuf,
    name: String,
    key: &'a Secret,
}

impl<'a> Vault<'a> {
    /// The file of an identity of a target, below the folder of a project.
    pub(super) fn of(folder: &Path, target: &str, identity: &str, key: &'a Secret) -> Self {
        // Neither names nor addresses are read off the folder.
        let known = digest(&SHA256, format!("{target}\n{identity}").as_bytes());
        let name = encode(&known.as_ref()[..12]);
        Self { path: folder.join(".authspec").join("kept").join(&name), name, key }
    }

    /// The file as it is told.
    pub(super) fn shown(&self) -> String {
        format!(".authspec/kept/{}", self.name)
    }

    /// Reads the tokens; none where there is no file.
    pub(super) fn read(&self) -> Result<Vec<KeptToken>, String> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(_) => return Err("it cannot be read".to_owned()),
        };
        let sealed = text.strip_prefix(HEAD).and_then(|rest| decode(rest.trim_end()).ok());
        let sealed = sealed.ok_or("it is no file of kept tokens, or damaged")?;
        let plain = self.open(&sealed).ok_or("it was written with another key, or is damaged")?;
        serde_json::from_slice(&plain).map_err(|_| "it is damaged".to_owned())
    }

    /// Replaces the tokens: the newest are kept, none long after its end.
    pub(super) fn write(&self, mut tokens: Vec<KeptToken>, now: Timestamp) -> io::Result<()> {
        tokens.retain(|kept| kept.end.checked_add(KEPT).is_ok_and(|until| until > now));
        tokens.sort_by_key(|kept| std::cmp::Reverse(kept.made));
        tokens.truncate(MOST);
        let folder = self.path.parent().unwrap_or(Path::new("."));
        make_folder(folder)?;
        let plain = serde_json::to_vec(&tokens)?;
        let sealed = self.seal(plain).ok_or_else(|| io::Error::other("it cannot be sealed"))?;
        // A name of its own, and never one that is there: nobody else reads or writes it.
        let temporary = folder.join(format!("{}.{}", self.name, uuid::Uuid::new_v4().simple()));
        let written = private(&temporary).and_then(|mut file| {
            file.write_all(format!("{HEAD}{}\n", encode(&sealed)).as_bytes())?;
            file.sync_all()
        });
        let placed = written.and_then(|()| fs::rename(&temporary, &self.path));
        if placed.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        placed
    }

    /// The key of this file.
    fn cipher(&self) -> Option<RandomizedNonceKey> {
        let derived = Salt::new(HKDF_SHA256, b"authspec-kept/1").extract(self.key.expose().as_bytes());
        let info = [self.name.as_bytes()];
        let mut key = [0; 32];
        derived.expand(&info, &AES_256_GCM).ok()?.fill(&mut key).ok()?;
        RandomizedNonceKey::new(&AES_256_GCM, &key).ok()
    }

    fn seal(&self, mut text: Vec<u8>) -> Option<Vec<u8>> {
        let nonce = self.cipher()?.seal_in_place_append_tag(Aad::from(HEAD), &mut text).ok()?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend(text);
        Some(sealed)
    }

    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        self.cipher()?.open_in_place(nonce, Aad::from(HEAD), &mut text).ok().map(|plain| plain.to_vec())
    }
}

/// Makes the folder, which says of itself that it belongs into no repository.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    fs::write(folder.join(".gitignore"), "*\n")
}

/// A new file that only its owner reads.
fn private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(token: &str, end: i64) -> KeptToken {
        let at = |second| Timestamp::from_second(second).unwrap();
        KeptToken { token: token.to_owned(), end: at(end), made: at(end - 60), alive: at(end - 30) }
    }

    #[test]
    fn only_the_key_opens_the_file_and_only_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let (key, other) = (Secret::new("k".repeat(32)), Secret::new("l".repeat(32)));
        let vault = Vault::of(folder.path(), "http://a", "alice", &key);
        assert!(vault.read().unwrap().is_empty());
        let now = Timestamp::from_second(1000).unwrap();
        vault.write(vec![kept("token-of-alice", 900)], now).unwrap();
        assert!(vault.read().unwrap() == [kept("token-of-alice", 900)]);
        assert!(Vault::of(folder.path(), "http://a", "alice", &other).read().err().unwrap().contains("another key"));
        let bob = Vault::of(folder.path(), "http://a", "bob", &key);
        fs::copy(&vault.path, &bob.path).unwrap();
        assert!(bob.read().err().unwrap().contains("another key"), "a file is no other's");
        let text = fs::read_to_string(&vault.path).unwrap();
        assert!(!text.contains("alice") && !text.contains("token-of"));
        for damaged in ["", "garbage", "authspec-kept/1 ", "authspec-kept/1 AAAA", "authspec-kept/1 !", &text[..40]] {
            fs::write(&vault.path, damaged).unwrap();
            assert!(vault.read().is_err(), "{damaged}");
        }
        fs::write(&vault.path, [0xff, 0xfe]).unwrap();
        assert!(vault.read().is_err());
    }

    #[test]
    #[cfg(unix)]
    fn nobody_else_reads_it_and_nothing_is_left_beside_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let key = Secret::new("k".repeat(32));
        let vault = Vault::of(folder.path(), "http://a", "alice", &key);
        let now = Timestamp::from_second(1000).unwrap();
        for _ in 0..2 {
            vault.write(vec![kept("t", 900)], now).unwrap();
        }
        assert_eq!(fs::metadata(&vault.path).unwrap().permissions().mode() & 0o777, 0o600);
        let inside = fs::read_dir(vault.path.parent().unwrap()).unwrap().count();
        assert_eq!(inside, 2, "the file and what keeps it out of repositories");
    }

    #[test]
    fn old_ones_and_too_many_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let key = Secret::new("k".repeat(32));
        let vault = Vault::of(folder.path(), "http://a", "alice", &key);
        let week = 7 * 24 * 3600;
        let now = Timestamp::from_second(week + 1000).unwrap();
        let tokens = (0..9).map(|n| kept(&n.to_string(), 997 + n)).collect();
        vault.write(tokens, now).unwrap();
        let left: Vec<String> = vault.read().unwrap().into_iter().map(|kept| kept.token).collect();
        assert_eq!(left, ["8", "7", "6", "5"]);
        vault.write(vec![kept("0", 1000)], now).unwrap();
        assert!(vault.read().unwrap().is_empty());
    }
}
