//! Reads `.env`: `NAME=value` lines beside a project file. The process environment wins over it.

use std::collections::BTreeMap;
use std::path::Path;

/// Reads the `.env` of a folder; empty when there is none. Lines that are no assignments are left out.
pub fn read_dotenv(folder: &Path) -> BTreeMap<String, String> {
    std::fs::read_to_string(folder.join(".env")).map(|text| parse(&text)).unwrap_or_default()
}

fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line);
            let (name, value) = line.split_once('=')?;
            let name = name.trim();
            let good = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            (good && !line.starts_with('#')).then(|| (name.to_owned(), unquote(value.trim())))
        })
        .collect()
}

fn unquote(value: &str) -> String {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|v| v.split_once(quote)).map(|(inner, _)| inner) {
            return if quote == '"' { inner.replace("\\n", "\n") } else { inner.to_owned() };
        }
    }
    value.split(" #").next().unwrap_or("").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn lines_are_read_as_shells_write_them() {
        let read = parse("# c\nA=1\nexport B = \"x y\" # c\nC='$z'\nD=a#b #c\n\nbad line\nE=\n");
        let pairs: Vec<(&str, &str)> = read.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(pairs, [("A", "1"), ("B", "x y"), ("C", "$z"), ("D", "a#b"), ("E", "")]);
    }
}
