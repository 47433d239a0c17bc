//! Texts that have much in common: what is like a secret tells much of it.

use std::collections::HashSet;

/// Tells whether a text is a secret or has most of it in common, and so many bytes at least; what is as long as twelve
/// bytes is much of any secret.
pub fn alike(secret: &str, text: &str, least: usize) -> bool {
    const MUCH: usize = 12;
    if secret == text {
        return true;
    }
    let piece = (secret.len() * 2 / 3).clamp(least, MUCH.max(least));
    let (secret, text) = (secret.to_ascii_lowercase(), text.to_ascii_lowercase());
    let pieces: HashSet<&[u8]> = text.as_bytes().windows(piece).collect();
    !pieces.is_empty() && secret.as_bytes().windows(piece).any(|part| pieces.contains(part))
}

#[cfg(test)]
mod tests {
    use super::alike;

    #[test]
    fn most_of_a_secret_is_like_it() {
        for (secret, text) in [
            ("hunter2", "hunter2"),
            ("wonderland-7", "wonderland-8"),
            ("web-secret-3c9e", "WEB-SECRET-3c9"),
            ("a-very-long-token-of-somebody-1234567890", "xx-somebody-1234xx"),
        ] {
            assert!(alike(secret, text, 8), "{secret} {text}");
        }
        for (secret, text) in
            [("web-secret-3c9e", "wrong-secret-1"), ("hunter2", "hunter3"), ("wonderland-7", "wonder"), ("", "a")]
        {
            assert!(!alike(secret, text, 8), "{secret} {text}");
        }
    }
}
