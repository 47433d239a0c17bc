//! Credentials that a file of the user writes out. They are looked for in the text itself: a file with
//! faults has to be shown, and then nobody knows yet what its values mean.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::near::is_near;
use crate::secret::SecretSet;
use crate::secret::structure::{is_credential_name, is_inner_name};
use crate::term::distance;

/// The name of a key with its colon, in block or flow style; a quoted one needs no blank behind it.
static KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?m)(?:^|[\s{,\[])(?:\\?["']([A-Za-z_][A-Za-z0-9_.\[\]-]*)\\?["'][ \t]*:|([A-Za-z_][A-Za-z0-9_.\[\]-]*)[ \t]*:(?:[ \t]|\r?$))"#,
    )
    .expect("a constant pattern")
});

/// Where the values of `secrets:` begin: in flow style behind it, in block style below it.
static SECRETS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^[ \t]*(secrets):[ \t]*(?:(\{)|(?:#[^\n]*)?\r?$)").expect("a constant pattern"));

/// What a private key in PEM holds, up to its end where it has one.
static PEM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?:\\[nr]|\s)*(?:(?:Proc-Type|DEK-Info):[^\n\\]*(?:\\[nr]|\s)+)*((?:[A-Za-z0-9+/=]|\\[nr]|\s)+)(?:\\[nr]|\s|-----|[\x22'}]|\z)",
    )
    .expect("a constant pattern")
});

/// A private member of a JSON Web Key (RFC 7517, RFC 7518 section 6), also inside of quoted text.
static JWK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:[\s{,"'])(?:d|p|q|dp|dq|qi|k)\\?["']?[ \t]*:\s*\\?["']?([A-Za-z0-9_-]{8,}={0,2})"#)
        .expect("a constant pattern")
});

/// What stands before the host of an address (RFC 3986, section 3.2.1): a password, or a user alone, who is often a key.
static USERINFO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"[A-Za-z][A-Za-z0-9+.-]*://(?:[^\s/?#@:"'{}]*:)?([^\s/?#"'{}]+)@"#).expect("a constant pattern")
});

/// The next key in a flow map, behind a value.
static NEXT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#",\s*["']?[A-Za-z_][A-Za-z0-9_.-]*["']?[ \t]*:[ \t]"#).expect("a constant pattern"));

/// Keys of the language that sound like credentials. What stands behind them is a word of the language, or names one.
const KEYS: &[&str] = &["session", "sessions", "bearer", "cookie", "cookies", "csrf", "dpop"];

/// The keys that say where a secret comes from.
const SOURCES: &[&str] = &["env", "file", "command", "json", "expires"];

/// Words that stand behind names of credentials and are none.
const WORDS: &[&str] = &["true", "false", "null", "none", "~"];

/// Endings of files that hold keys.
const FILES: &[&str] = &[".pem", ".key", ".p12", ".pfx", ".crt", ".cer", ".der", ".jwk", ".json", ".txt", ".yaml"];

/// Keys whose value is a key, or the path of one.
const KEY_NAMES: &[&str] =
    &["key", "clientkey", "signingkey", "privatekey", "secretkey", "hmackey", "sharedkey", "symmetrickey"];

/// Where a credential is written out, and the key it stands under.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    at: Range<usize>,
    name: String,
    /// Whether it counts wherever it stands, not only at its place.
    anywhere: bool,
}

/// How surely a credential stands under a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sure {
    /// It holds one by its name.
    Named,
    /// It holds a key or the path of one.
    Key,
    /// It looks like the name of one that is misspelt.
    Near,
    /// What stands behind it may be a word or an address as well.
    Word,
}

/// Makes the credentials known that a file writes out, whatever else is wrong with it.
pub(super) fn declare_written(secrets: &SecretSet, text: &str) {
    for Entry { at, name, anywhere } in entries(text) {
        let value = &text[at];
        // A word may stand anywhere, and then mean what it says.
        let is_word = value.len() < 16 && value.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if anywhere || !is_word {
            secrets.declare(&name, value);
        }
    }
}

/// Makes the credentials known that a file gives to parameters of a login by `vary`: a new password was in use before it is
/// typed in.
pub fn declare_varied(secrets: &SecretSet, text: &str) {
    if !text.contains("vary") {
        return;
    }
    for Entry { at, name, .. } in entries(text).into_iter().filter(|entry| entry.name.contains('.')) {
        if SecretSet::is_telling(&text[at.clone()]) {
            secrets.declare(&name, &text[at]);
        }
    }
}

/// Lists the places where a text writes credentials out, in order and apart from each other, each within one line, with
/// what is shown in their place.
pub(super) fn written_places(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found: Vec<(Range<usize>, String)> =
        entries(text).into_iter().map(|e| (e.at, format!("‹{}›", e.name))).collect();
    found.sort_by(|(a, _), (b, _)| (a.start, b.end).cmp(&(b.start, a.end)));
    let mut apart: Vec<(Range<usize>, String)> = Vec::new();
    for (at, shown) in found {
        match apart.last_mut() {
            Some((last, _)) if at.start < last.end => last.end = last.end.max(at.end),
            Some(_) | None => apart.push((at, shown)),
        }
    }
    apart
}

fn entries(text: &str) -> Vec<Entry> {
    let mut found = Vec::new();
    for key in KEY.captures_iter(text) {
        let Some(name) = key.get(1).or_else(|| key.get(2)) else { continue };
        let Some(sure) = sureness(name.as_str()) else { continue };
        let end = key.get(0).map_or(name.end(), |whole| whole.end());
        let colon = name.end() + text[name.end()..end].find(':').unwrap_or_default() + 1;
        value(text, colon, name.start(), (name.as_str(), sure), &mut found);
    }
    for secrets in SECRETS.captures_iter(text) {
        let Some(own) = secrets.get(1) else { continue };
        let inside = match secrets.get(2) {
            Some(brace) => brace.start()..brace.start() + braces(&text[brace.start()..]),
            None => below(text, own.end(), own.start()),
        };
        for key in KEY.captures_iter(&text[inside.clone()]) {
            let Some(name) = key.get(1).or_else(|| key.get(2)) else { continue };
            // A source that is misspelt is a source.
            if SOURCES.iter().all(|source| distance(name.as_str(), source) > 1) {
                let end = inside.start + key.get(0).map_or(name.end(), |whole| whole.end());
                let colon = inside.start + name.end();
                let colon = colon + text[colon..end].find(':').unwrap_or_default() + 1;
                value(text, colon, inside.start + name.start(), (name.as_str(), Sure::Key), &mut found);
            }
        }
    }
    for pem in PEM.captures_iter(text).filter_map(|c| c.get(1)) {
        lines(text, pem.range(), "private_key", true, &mut found);
    }
    for word in USERINFO.captures_iter(text).filter_map(|c| c.get(1)) {
        found.push(Entry { at: word.range(), name: "password".to_owned(), anywhere: true });
    }
    if text.contains("kty") {
        for member in JWK.captures_iter(text).filter_map(|c| c.get(1)) {
            found.push(Entry { at: member.range(), name: "private_key".to_owned(), anywhere: true });
        }
    }
    found
}

fn sureness(name: &str) -> Option<Sure> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    if KEYS.contains(&name) {
        Some(Sure::Word)
    } else if name.contains(['.', '[']) {
        // A parameter of an exchange, as `vary` names it, is given what is wrong on purpose.
        is_credential_name(name).then_some(Sure::Word)
    } else if KEY_NAMES.contains(&&*plain) {
        Some(Sure::Key)
    } else if is_credential_name(name) {
        Some(Sure::Named)
    } else {
        is_near(&plain).then_some(Sure::Near)
    }
}

/// Takes in the value that begins behind a colon.
fn value(text: &str, colon: usize, key: usize, (name, sure): (&str, Sure), found: &mut Vec<Entry>) {
    let mut at = behind_blanks(text, colon);
    let rest = &text[at..];
    if rest.starts_with(['\n', '\r']) {
        // The value may stand below its key, further in.
        let region = below(text, at, key);
        let first = text[region.clone()].trim_start().lines().next().unwrap_or_default();
        if first.starts_with(['"', '\'']) {
            at = region.start + text[region.clone()].len() - text[region].trim_start().len();
        } else if is_map(&text[region.clone()]) {
            return inner(text, region, (name, sure), found);
        } else if sure != Sure::Named && first.starts_with(['-', '[', '{']) || first.starts_with('#') {
            return;
        } else {
            return scalars(text, region, (name, sure), found);
        }
    }
    let rest = &text[at..];
    let scalar = match rest.as_bytes().first() {
        None | Some(b'*' | b'#' | b',' | b'}' | b']') => return,
        Some(b'|' | b'>') => return block(text, at, key, name, found),
        Some(b'{') => {
            let line = line_of(rest);
            let end = line.find('}').map_or(line.len(), |end| end + 1);
            return inner(text, at..at + end, (name, sure), found);
        }
        Some(b'[') if sure != Sure::Named => return,
        Some(b'[') => {
            let end = view(rest).find(']').unwrap_or_else(|| line_of(rest).len());
            return scalars(text, at + 1..at + end, (name, sure), found);
        }
        Some(b'\\') if rest[1..].starts_with('"') => {
            let line = line_of(rest);
            at + 2..at + line[2..].find("\\\"").map_or(line.len(), |i| i + 2)
        }
        Some(b'"') => at + 1..at + quoted(rest, b'"'),
        Some(b'\'') => at + 1..at + quoted(rest, b'\''),
        Some(_) => {
            let (len, goes_on) = plain(text, at, key);
            // A plain value goes on in lines that are further in.
            if goes_on {
                scalar_of(text, below(text, at, key), (name, sure), found);
            }
            at..at + len
        }
    };
    scalar_of(text, scalar, (name, sure), found);
}

/// Takes in a value that is no map and no list.
fn scalar_of(text: &str, scalar: Range<usize>, (name, sure): (&str, Sure), found: &mut Vec<Entry>) {
    let written = &text[scalar.clone()];
    if !is_elsewhere(written, name, sure) && !WORDS.contains(&written.trim()) {
        lines(text, scalar, name, sure == Sure::Named, found);
    }
}

/// Takes in the items of a list, or the lines of a value below its key.
fn scalars(text: &str, range: Range<usize>, of: (&str, Sure), found: &mut Vec<Entry>) {
    const AROUND: [char; 7] = [' ', '\t', '\r', '"', '\'', '[', ']'];
    let mut start = range.start;
    for piece in text[range].split_inclusive(['\n', ',']) {
        let item = after_dash(piece.trim_end_matches(['\n', ',']));
        let item = item.split(" #").next().unwrap_or_default();
        let from = start + piece.find(item).unwrap_or_default();
        let (led, kept) = (item.trim_start_matches(AROUND), item.trim_matches(AROUND));
        if !kept.is_empty() && !kept.starts_with('#') {
            let from = from + item.len() - led.len();
            scalar_of(text, from..from + kept.len(), of, found);
        }
        start += piece.len();
    }
}

/// An item of a list without its dash.
fn after_dash(line: &str) -> &str {
    let bare = line.trim_start();
    bare.strip_prefix("- ").unwrap_or(bare)
}

/// Tells whether the lines of a block are those of a map.
fn is_map(block: &str) -> bool {
    let first = after_dash(block.trim_start()).lines().next().unwrap_or_default().trim_end();
    !first.starts_with(['"', '\'', '[']) && (first.contains(": ") || first.ends_with(':'))
}

/// The lines below a key that are further in than its own; blank ones pass.
fn below(text: &str, from: usize, key: usize) -> Range<usize> {
    let margin = indent(text, key);
    let Some(first) = text[from..].find('\n').map(|i| from + i + 1) else { return text.len()..text.len() };
    let mut end = first;
    for line in text[first..].split_inclusive('\n') {
        let further = line.len() - line.trim_start_matches([' ', '\t']).len() > margin;
        if !further && !line.trim().is_empty() {
            break;
        }
        end += line.len();
    }
    first..end
}

/// How long a map in braces is, up to its last one.
fn braces(text: &str) -> usize {
    let mut open = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at + 1;
        }
    }
    text.len()
}

/// The beginning of a text that is looked at for one value, to the end of a word: a file may be one long line, and a key
/// in Base64 one long word.
fn view(text: &str) -> &str {
    const LONGEST: usize = 2 * 1024;
    let cut = text.floor_char_boundary(LONGEST);
    let is_end = |c: char| c.is_whitespace() || ",}]\"'".contains(c);
    let end = text[cut..].find(is_end).map_or(text.len(), |rest| cut + rest);
    &text[..end]
}

/// What is looked at of the first line of a text.
fn line_of(text: &str) -> &str {
    view(text).lines().next().unwrap_or_default()
}

/// Passes blanks, and the tag and the anchor of a value.
fn behind_blanks(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if !text[at..].starts_with(['&', '!']) {
            return at;
        }
        let end = text[at..].find([' ', '\t', '\n', ',', '}']).unwrap_or(text.len() - at);
        if !text[at + end..].starts_with([' ', '\t', '\n']) {
            return at;
        }
        at += end;
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |i| i + 1)
}

/// How far in the line of a key begins.
fn indent(text: &str, key: usize) -> usize {
    let line = &text[line_start(text, key)..];
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// The end of a quoted value: its quote, or the end of the line where it has none.
fn quoted(rest: &str, quote: u8) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 1,
            b'\'' if quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') => at += 1,
            _ if *byte == quote => return at,
            _ => {}
        }
        at += 1;
    }
    rest.find('\n').unwrap_or(rest.len())
}

/// The length of a plain value, and whether it may go on below: inside of braces it ends at a comma or a bracket.
fn plain(text: &str, at: usize, key: usize) -> (usize, bool) {
    let line = line_of(&text[at..]);
    let line = line.split(" #").next().unwrap_or_default().trim_end();
    let before = text[..key].trim_end_matches([' ', '\t', '-', '"', '\'']);
    let is_first = before.is_empty() || before.ends_with('\n');
    let next = NEXT.find(line).map(|found| found.start());
    let is_closed =
        line.ends_with(',') || line.ends_with('}') && !line.contains('{') || line.ends_with(']') && !line.contains('[');
    if is_first && next.is_none() && !is_closed {
        return (line.len(), true);
    }
    let end = line.find(['}', ']', ',']).unwrap_or(line.len());
    (line[..end].trim_end().len(), false)
}

/// Takes in a block scalar: the lines below that are further in than its key.
fn block(text: &str, at: usize, key: usize, name: &str, found: &mut Vec<Entry>) {
    let region = below(text, at, key);
    if !text[region.clone()].contains("{{") {
        lines(text, region, name, true, found);
    }
}

/// Takes in what a map holds that stands under the key of a credential.
fn inner(text: &str, map: Range<usize>, (name, sure): (&str, Sure), found: &mut Vec<Entry>) {
    for key in KEY.captures_iter(&text[map.clone()]) {
        let Some(own) = key.get(1).or_else(|| key.get(2)) else { continue };
        let end = map.start + own.end();
        if own.as_str() != "id"
            && is_inner_name(own.as_str())
            && sureness(own.as_str()).is_none()
            && let Some(colon) = text[end..].find(':').filter(|i| *i < 4)
            // The keys of a map within are found in this one.
            && !text[behind_blanks(text, end + colon + 1)..].starts_with(['{', '\n', '\r'])
        {
            value(text, end + colon + 1, map.start + own.start(), (name, sure), found);
        }
    }
}

/// A template or a path says where a credential comes from.
fn is_elsewhere(value: &str, name: &str, sure: Sure) -> bool {
    let is_address = value.starts_with("http://") || value.starts_with("https://");
    let is_path = match sure {
        Sure::Named => name.ends_with("token") && is_path(value),
        Sure::Key | Sure::Near => {
            is_address || is_path(value) || FILES.iter().any(|end| value.ends_with(end)) && !value.contains([' ', '"'])
        }
        Sure::Word => {
            is_address || value.len() < 24 && value.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-'))
        }
    };
    value.contains("{{") || value.starts_with("$.") || value.starts_with("$[") || is_path
}

/// Tells whether a value is surely a path: Base64 may begin with a slash, too.
fn is_path(value: &str) -> bool {
    let is_short = value.len() < 24 && !value.ends_with('=');
    value.starts_with("./") || value.starts_with("../") || value.starts_with('/') && is_short
}

/// Takes in a range line by line, each without the blanks around it.
fn lines(text: &str, range: Range<usize>, name: &str, anywhere: bool, found: &mut Vec<Entry>) {
    let mut start = range.start;
    for line in text[range].split_inclusive('\n') {
        let lead = line.len() - line.trim_start().len();
        let kept = line.trim();
        let is_frame = kept.ends_with("-----") && (kept.starts_with("-----BEGIN ") || kept.starts_with("-----END "));
        if !kept.is_empty() && !is_frame {
            found.push(Entry { at: start + lead..start + lead + kept.len(), name: name.to_owned(), anywhere });
        }
        start += line.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let set = SecretSet::new();
        declare_written(&set, text);
        set.mask(text).into_owned()
    }

    /// What is left where the places are masked.
    fn placed(text: &str) -> String {
        let mut out = text.to_owned();
        for (at, shown) in written_places(text).into_iter().rev() {
            out.replace_range(at, &shown);
        }
        out
    }

    #[test]
    fn a_password_in_an_address_is_known() {
        assert_eq!(
            masked("target: http://user1:Url@Secret:77@127.0.0.1:9/a"),
            "target: http://user1:‹password›@127.0.0.1:9/a"
        );
        assert_eq!(masked("target: https://ghp_abcdefgh1@h/"), "target: https://‹password›@h/");
        for open in ["target: http://h/@a", "mail: a@b.c", "target: \"http://{{ env.U }}@h/\"", "a: http://h b@c"] {
            assert_eq!(masked(open), open);
        }
    }

    #[test]
    fn a_password_that_is_typed_in_by_vary_is_known_from_the_start() {
        let set = SecretSet::new();
        declare_varied(
            &set,
            "again: { request: login, vary: { form.password: mia-pass-9, form.username: mia-2-long } }",
        );
        assert_eq!(set.mask("new: mia-pass-9 for mia-2-long"), "new: ‹form.password› for mia-2-long");
    }

    #[test]
    fn credentials_are_known_before_a_file_is_understood() {
        for line in [
            "alice: { auht: api, username: alice, password: wonderland-7 }",
            "alice: { auth: { scheme: bassic }, password: 'wonderland-7' }",
            "  password: wonderland-7   # for now",
            "  json: { username: alice, password: \"wonderland-7\" }",
            "secrets: { s: wonderland-7 }",
            "secrets:\n  s: wonderland-7\n",
            "    \"password\": wonderland-7",
            "{\"password\":\"wonderland-7\"}",
            "password:\n  wonderland-7\n",
            "password: |\n  wonderland-7\n",
            "- password: >-\n    wonderland-7\nname: x\n",
            "password: &pw wonderland-7",
            "password: !!str wonderland-7",
            "password: \"wonderland-7, and: more\"",
            "password: [wonderland-7]",
            "secret: { value: wonderland-7 }",
            "pasword: wonderland-7",
            "client: { id: service, secrt: wonderland-7 }",
            "client: { id: service, kye: wonderland-7 }",
            "signing_kye: wonderland-7",
            "key: wonderland-7",
            "password: $wonderland-7",
            "password: /wonderland-7",
            "passwrod: 'it''s wonderland-7'",
            "password:\n  -wonderland-7\n",
            "passwords:\n  - wonderland-7\n  - wonderland-8\n",
            "password: [\n  wonderland-7\n]\n",
            "password: [hunter22, wonderland-7]",
            "password: hunter22\n  wonderland-7\n",
            "password: -----wonderland-7-----",
            "secret:\n  value: wonderland-7\n",
            "vary: { user.password: wonderland-7 }",
            "form: { user[password]: wonderland-7 }",
            "bearer: eyJwonderland7",
            "cookie: SID=wonderland-7",
            "secrets:\r\n  s: wonderland-7\r\n",
            "secrets: # those\n  s: wonderland-7\n",
            "secrets:\n  a: hunter22\n\n  s: wonderland-7\n",
            "secrets: {\n  s: wonderland-7 }\n",
            "key: /wonderland+8KdPq3AZ0wQm4tVw==",
        ] {
            assert!(!masked(line).contains("wonderland"), "{}", masked(line));
            assert!(!placed(line).contains("wonderland"), "{}", placed(line));
        }
    }

    #[test]
    fn what_says_where_a_credential_comes_from_is_none() {
        for line in [
            "password: \"{{ secrets.alice }}\"",
            "capture: { access_token: $.access_token }",
            "session: exclusiv",
            "send: { bearer: acess_token }",
            "secrets: { s: { env: ALICE_PASSWORD } }",
            "secrets:\n  s: { file: /run/secrets/alice }\n",
            "request: POST /token",
            "key: keys/service.pem",
            "key: gate.key, pkcs12: x",
            "signing_key: { file: dev.pem }",
            "key:\n  file: dev.pem\n",
            "secure: true",
            "environments:\n  s:\n    secrets:\n      s: { env: S }\n    identities: { alice: { role: user-role-1 } }\n",
            "cookie: XSRF-TOKEN",
            "session: { cookie: sid }",
            "key: /run/secrets/alice",
            "key_encoding: hex",
        ] {
            assert_eq!(masked(line), line);
            assert_eq!(placed(line), line);
        }
    }

    #[test]
    fn a_short_credential_is_masked_where_it_stands() {
        assert_eq!(
            placed("{ username: bob, password: b0b, role: x }"),
            "{ username: bob, password: ‹password›, role: x }"
        );
        assert_eq!(placed("{ pasword: b0b, b0b: 1 }"), "{ pasword: ‹pasword›, b0b: 1 }");
        assert_eq!(placed("password: a,b}c # now"), "password: ‹password› # now");
        assert_eq!(placed("  password: a, user: b }"), "  password: ‹password›, user: b }");
    }

    /// A key in Base64 may be one word of some thousand characters.
    #[test]
    fn a_long_credential_is_masked_to_its_end() {
        let key = "x7Fq2mVb9sKd1LwZ".repeat(200);
        for line in [format!("private_key: {key}"), format!("{{ password: {key}, a: b }}")] {
            assert!(!masked(&line).contains("LwZ"), "{}", masked(&line));
        }
    }

    /// A file may be one long line, and maps may stand in maps.
    #[test]
    fn odd_files_are_read_in_time() {
        let begun = std::time::Instant::now();
        let nested = "secret: { value: ".repeat(2_000);
        let long = format!("[{}]", r#"{"password": 12345678, "user": "x"}, "#.repeat(20_000));
        for text in [&nested, &long, &"{".repeat(100_000), &"password: [".repeat(20_000)] {
            let _ = written_places(text);
        }
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    }

    #[test]
    fn private_keys_are_known_wherever_they_stand() {
        let jwk = r#"{"kty":"EC","crv":"P-256","d":"DOsquk0c09vZSeqQ_FWpcrPXeo","x":"4YCWzo1ND","y":"CRda_3lc"}"#;
        let escaped = jwk.replace('"', "\\\"");
        for line in [
            format!("key: '{jwk}'"),
            format!("kye: '{jwk}'"),
            format!("whatever: '{jwk}'"),
            format!("whatever: \"{escaped}\""),
            format!("whatever: {jwk}"),
            "whatever: { kty: oct, k: DOsquk0c09vZSeqQ_FWpcrPXeo }".to_owned(),
        ] {
            assert!(!masked(&line).contains("DOsquk"), "{}", masked(&line));
            assert!(!placed(&line).contains("DOsquk"), "{}", placed(&line));
        }
        for text in [
            "whatever: |\n  -----BEGIN EC PRIVATE KEY-----\n  DOsquk0c09vZ+eqQ\n  DOsquk/ZZZ==\n  -----END EC PRIVATE KEY-----\ncases: 1\n",
            "whatever: \"-----BEGIN PRIVATE KEY-----\\nDOsquk0c09vZSeqQ\\nDOsqukZZZ\\n-----END PRIVATE KEY-----\"\ncases: 1\n",
            "whatever: |\n  -----BEGIN PRIVATE KEY-----\n  DOsquk0c09vZ+eqQ\ncases: 1\n",
        ] {
            assert!(!placed(text).contains("DOsquk"), "{}", placed(text));
            assert!(placed(text).contains("-----BEGIN") && placed(text).contains("cases: 1"), "{}", placed(text));
        }
    }
}
