//! A form in which masked values stand: curl encodes what the variables hold.

use super::words::{Piece, Variables, pieces};
use crate::http::percent_decoded;

/// The options that send a form; none where a pair with a masked value cannot be told apart.
pub(super) fn options(body: &str, variables: &mut Variables) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut plain: Vec<&str> = Vec::new();
    for pair in body.split('&') {
        if !pair.contains('‹') {
            plain.push(pair);
            continue;
        }
        let (name, value) = pair.split_once('=').filter(|(name, _)| !name.contains('‹'))?;
        parts.extend(written(&plain, variables));
        plain.clear();
        // The name is sent as it stands, the value is encoded.
        parts.push(format!("--data-urlencode {}", variables.quote(&format!("{name}={}", decoded(value)))));
    }
    parts.extend(written(&plain, variables));
    Some(parts)
}

fn written(plain: &[&str], variables: &mut Variables) -> Option<String> {
    (!plain.is_empty()).then(|| format!("--data-raw {}", variables.quote(&plain.join("&"))))
}

/// What stands beside a masked value, without the encoding of forms.
fn decoded(value: &str) -> String {
    let plain = |piece: Piece<'_>| match piece {
        Piece::Masked(masked) => masked.to_owned(),
        Piece::Text(text) => percent_decoded(text.replace('+', " ").as_bytes()),
    };
    pieces(value).into_iter().map(plain).collect()
}
