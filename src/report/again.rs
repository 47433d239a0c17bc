//! The commands of this run that its reports suggest.

use serde::{Deserialize, Serialize};

/// What a reader may type next.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Again {
    /// Runs the same files again; `--id` is added to it.
    pub run: String,
    /// The options that `authspec token` takes to print a credential for the same target; none where that would be of
    /// no use, as with a demo that ends with its run.
    pub token: Option<String>,
}

impl Default for Again {
    fn default() -> Self {
        Self { run: "authspec run".to_owned(), token: None }
    }
}

/// A command on one line if that is narrow enough, else on several with backslashes, broken between words alone: what is
/// copied stays one command. A value stays with its option.
pub(crate) fn broken(command: &str, columns: usize) -> Vec<String> {
    let width = |text: &str| text.chars().count();
    if width(command) <= columns {
        return vec![command.to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    for part in parts(command) {
        match lines.last_mut() {
            // The mark of a line that goes on takes two columns.
            Some(line) if width(line) + 1 + width(&part) + 2 <= columns => *line = format!("{line} {part}"),
            Some(line) => {
                line.push_str(" \\");
                lines.push(format!("  {part}"));
            }
            None => lines.push(part),
        }
    }
    lines
}

/// The words of a command, those in quotes whole, each option with what follows it.
fn parts(command: &str) -> Vec<String> {
    let mut parts: Vec<String> = vec![String::new()];
    let (mut quote, mut escaped) = (None, false);
    for c in command.chars() {
        if c == ' ' && quote.is_none() && !escaped {
            parts.push(String::new());
            continue;
        }
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', None | Some('"')) => escaped = true,
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    let mut out: Vec<String> = Vec::new();
    for part in parts {
        let takes = |last: &String| last.starts_with('-') && !last.contains([' ', '=']);
        match out.last_mut() {
            Some(last) if takes(last) && !part.starts_with('-') => *last = format!("{last} {part}"),
            _ => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn a_long_command_is_broken_between_words_and_stays_one() {
        let command = "authspec run specs/orders --id 'orders/an order is private[as=bob]' --env ci -vv";
        assert_eq!(broken(command, 80), [command]);
        let lines = broken(command, 50);
        assert_eq!(
            lines,
            ["authspec run specs/orders \\", "  --id 'orders/an order is private[as=bob]' \\", "  --env ci -vv"]
        );
        let told: Vec<&str> = lines.iter().map(|line| line.trim_start().trim_end_matches(" \\")).collect();
        assert_eq!(told.join(" "), command);
        // A word that is wider than the page stays whole, and quotes in quotes are no end.
        assert_eq!(broken("run 'a b'\\''c d' x", 10), ["run \\", "  'a b'\\''c d' \\", "  x"]);
    }
}
