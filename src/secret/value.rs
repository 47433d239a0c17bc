//! One secret value.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use zeroize::Zeroizing;

/// Holds a text that must not be shown: it cannot be displayed or serialised, and it is wiped from memory when the
/// last copy is dropped.
///
/// ```compile_fail
/// println!("{}", authspec::secret::Secret::new("hunter2"));
/// ```
///
/// Copies share one allocation.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Zeroizing<String>>);

/// Says that bytes given as a secret are not UTF-8; it does not repeat them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret is not UTF-8 text")]
pub struct NotText;

impl Secret {
    /// Takes over a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    /// Takes over bytes that must be UTF-8; bytes that are refused are wiped too.
    pub fn from_utf8(bytes: Vec<u8>) -> Result<Self, NotText> {
        String::from_utf8(bytes).map(Self::new).map_err(|refused| {
            drop(Zeroizing::new(refused.into_bytes()));
            NotText
        })
    }

    /// Gives the text away; only the modules on the allow-list of the layering test may call it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Counts the bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_text() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "Secret(***) Some(\n    Secret(***),\n)");
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(secret.len(), 7);
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(Secret::from_utf8(vec![0xff, 0xfe]), Err(NotText));
        assert_eq!(Secret::from_utf8(b"hunter2".to_vec()), Ok(Secret::new("hunter2")));
    }
}
