//! Words of a command: quoted for a shell, masked values read from variables.

use crate::report::terminal::line::is_hostile;
use crate::term::quote;

/// What stands for a value too short to be told from others without giving it away.
const NAMELESS: &str = "‹masked›";

/// The variables of a command: each name with the masked value it stands for.
#[derive(Default)]
pub(super) struct Variables(pub(super) Vec<(String, String)>);

impl Variables {
    /// Gives the variable that stands for a masked value, the same one every time. What has no name may be something
    /// else wherever it stands, so it gets one of its own there.
    fn name(&mut self, masked: &str) -> String {
        if let Some((name, _)) = self.0.iter().find(|(_, m)| m == masked && masked != NAMELESS) {
            return name.clone();
        }
        let inner = masked.trim_start_matches('‹').trim_end_matches('›');
        // The first of a name needs no number, nor where it says how it is encoded.
        let inner = inner.strip_suffix("#1").unwrap_or(inner).replace("#1.", ".");
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let mut base: String = inner.chars().map(upper).collect();
        if !base.contains(|c: char| c.is_ascii_alphabetic()) {
            base = format!("SECRET{base}");
        } else if base.starts_with(|c: char| c.is_ascii_digit()) {
            base.insert(0, '_');
        }
        let mut name = base.clone();
        let mut n = 2;
        while self.0.iter().any(|(taken, _)| *taken == name) {
            name = format!("{base}_{n}");
            n += 1;
        }
        self.0.push((name.clone(), masked.to_owned()));
        name
    }

    /// Quotes a word in which masked values are read from the environment.
    pub(super) fn quote(&mut self, word: &str) -> String {
        let pieces = pieces(word);
        if !pieces.iter().any(|p| matches!(p, Piece::Masked(_))) {
            return quote(word);
        }
        // In double quotes these would be read by the shell (`!` only by an interactive one).
        let plain = !word.contains(['"', '$', '`', '\\', '!']);
        let mut out = String::new();
        for (i, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Masked(masked) => {
                    let name = self.name(masked);
                    let word_follows = match pieces.get(i + 1) {
                        Some(Piece::Text(t)) => t.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'),
                        Some(Piece::Masked(_)) | None => false,
                    };
                    out.push_str(&if plain && !word_follows {
                        format!("${name}")
                    } else if plain {
                        format!("${{{name}}}")
                    } else {
                        format!("\"${name}\"")
                    });
                }
                Piece::Text(text) if plain => out.push_str(text),
                Piece::Text(text) => out.push_str(&format!("'{}'", text.replace('\'', r"'\''"))),
            }
        }
        if plain { format!("\"{out}\"") } else { out }
    }

    /// Spells text that holds control characters as a `printf` of exactly these bytes.
    pub(super) fn printf(&mut self, text: &str) -> String {
        let mut format = String::new();
        let mut arguments = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Masked(masked) => {
                    format.push_str("%s");
                    arguments.push_str(&format!(" \"${}\"", self.name(masked)));
                }
                Piece::Text(text) => text.chars().for_each(|c| push_printf(&mut format, c)),
            }
        }
        // A dash at the start would be read as an option.
        let format = format.strip_prefix('-').map_or(format.clone(), |rest| format!("\\055{rest}"));
        format!("printf '{format}'{arguments}")
    }
}

fn push_printf(format: &mut String, c: char) {
    match c {
        '%' => format.push_str("%%"),
        '\\' => format.push_str(r"\\"),
        '\'' => format.push_str(r"'\''"),
        '\n' => format.push_str(r"\n"),
        '\r' => format.push_str(r"\r"),
        '\t' => format.push_str(r"\t"),
        c if is_hostile(c) => {
            let mut utf8 = [0; 4];
            for byte in c.encode_utf8(&mut utf8).bytes() {
                format.push_str(&format!("\\{byte:03o}"));
            }
        }
        c => format.push(c),
    }
}

pub(super) enum Piece<'a> {
    Text(&'a str),
    Masked(&'a str),
}

/// Parts a masked text at its masked values, `‹alice.access_token#1›`.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('‹') {
        let Some(length) = rest[start..].find('›').map(|i| i + '›'.len_utf8()) else { break };
        if start > 0 {
            out.push(Piece::Text(&rest[..start]));
        }
        out.push(Piece::Masked(&rest[start..start + length]));
        rest = &rest[start + length..];
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest));
    }
    out
}
