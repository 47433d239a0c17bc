//! A request as a `curl` command that reproduces it.
//!
//! Masked values become environment variables, so that a command can be pasted anywhere and still
//! holds no secret. Certificates are always verified: a command that a report suggests must not
//! teach to switch that off.

use crate::event::{BODY_KEPT, BodyKind, HopRecord};
use crate::report::block::json;
use crate::report::terminal::line::is_hostile;

/// A command and what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curl {
    /// The words of the command that belong together, quoted for a POSIX shell: `-X PUT`, `-H '…'`.
    pub parts: Vec<String>,
    /// The environment variables it reads, each with the masked value it stands for.
    pub variables: Vec<(String, String)>,
    /// The file the body has to be put into first, when it cannot stand in the command.
    pub body_file: Option<&'static str>,
}

impl Curl {
    /// Writes it on one line if that is narrow enough, else one part a line with backslashes.
    pub fn lines(&self, columns: usize) -> Vec<String> {
        let single = self.parts.join(" ");
        if single.chars().count() <= columns {
            return vec![single];
        }
        let last = self.parts.len() - 1;
        let line = |(i, part): (usize, &String)| {
            let indent = if i == 0 { "" } else { "  " };
            let end = if i == last { "" } else { " \\" };
            format!("{indent}{part}{end}")
        };
        self.parts.iter().enumerate().map(line).collect()
    }
}

/// A body longer than this is read from a file.
const LONGEST_BODY: usize = 2048;

/// Header fields that curl sets itself or that only describe the connection.
const OWN: &[&str] = &["host", "content-length", "user-agent", "accept-encoding", "connection", "transfer-encoding"];

/// Spells a recorded request as a command.
pub fn command(hop: &HopRecord) -> Curl {
    let mut variables = Variables::default();
    let method = hop.request.line.split(' ').next().unwrap_or("GET");
    let body = &hop.request.body;
    let has_body = body.kind != BodyKind::Empty && body.bytes > 0;
    let head_only = method == "HEAD" && !has_body;
    let mut parts = vec![if head_only { "curl --head" } else { "curl -i" }.to_owned()];
    let implied = if has_body { "POST" } else { "GET" };
    if method != implied && !head_only {
        parts.push(format!("-X {}", variables.quote(method)));
    }
    if hop.url.contains(['[', ']', '{', '}']) {
        parts.push("--globoff".to_owned());
    }
    if hop.url.contains("/../") || hop.url.contains("/./") {
        parts.push("--path-as-is".to_owned());
    }
    parts.extend(headers(hop, has_body, &mut variables));
    let mut body_file = None;
    let mut pipe = None;
    if has_body {
        let cut = body.text.len() >= BODY_KEPT.min(LONGEST_BODY);
        if body.kind == BodyKind::Binary || cut {
            body_file = Some("body.bin");
            parts.push("--data-binary @body.bin".to_owned());
        } else if body.text.contains(is_hostile) && body.kind != BodyKind::Json {
            pipe = Some(variables.printf(&body.text));
            parts.push("--data-binary @-".to_owned());
        } else {
            // White space between JSON members means nothing, and one line is easier to paste.
            let text = if body.text.contains(is_hostile) { json::single(&body.text) } else { body.text.clone() };
            parts.push(format!("--data-raw {}", variables.quote(&text)));
        }
    }
    parts.push(variables.quote(&hop.url));
    if let Some(printf) = pipe {
        parts[0] = format!("{printf} | {}", parts[0]);
    }
    Curl { parts, variables: variables.0, body_file }
}

fn headers(hop: &HopRecord, has_body: bool, variables: &mut Variables) -> Vec<String> {
    let mut parts = Vec::new();
    let form = "application/x-www-form-urlencoded";
    for (name, value) in &hop.request.headers {
        let lower = name.to_ascii_lowercase();
        let by_curl = OWN.contains(&lower.as_str())
            || (lower == "accept" && value == "*/*")
            || (lower == "content-type" && has_body && value == form);
        if by_curl {
            continue;
        }
        if let Some(pair) = value.strip_prefix("Basic ").filter(|_| lower == "authorization").and_then(basic) {
            parts.push(format!("-u {}", variables.quote(&pair)));
            continue;
        }
        if let Some(user) = value.strip_prefix("Digest ").filter(|_| lower == "authorization").and_then(digest) {
            // The answer to a nonce is good once; curl asks for one of its own.
            parts.push("--digest".to_owned());
            parts.push(format!("-u {}", variables.quote(&format!("{user}:‹{user}.password›"))));
            continue;
        }
        // An empty value needs a semicolon, or curl would leave the field out.
        let field = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        let hostile = field.contains(is_hostile);
        let word = if hostile { format!("\"$({})\"", variables.printf(&field)) } else { variables.quote(&field) };
        parts.push(format!("-H {word}"));
    }
    if has_body && !hop.request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        parts.push("-H Content-Type:".to_owned());
    }
    parts
}

/// Spells masked Basic credentials as `user:‹password›`, as curl takes them: what stands before the mask is
/// Base64, and a variable with the plain password would not fit behind it (RFC 7617, section 2).
fn basic(value: &str) -> Option<String> {
    let [Piece::Text(plain), Piece::Masked(masked)] = pieces(value.trim_end_matches('='))[..] else { return None };
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for letter in plain.bytes() {
        let digit = u32::try_from(alphabet.iter().position(|a| *a == letter)?).ok()?;
        (bits, count) = (bits << 6 | digit, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    // The mask may begin inside the colon.
    let begun = bits & ((1 << count) - 1) == u32::from(b':') >> (8 - count);
    let user = bytes.strip_suffix(b":").or_else(|| (count > 0 && begun).then_some(&bytes[..]))?;
    let user = std::str::from_utf8(user).ok().filter(|u| !u.contains([':', '‹', '›']))?;
    Some(format!("{user}:{masked}"))
}

/// Gives the user of a Digest answer, unless it travels hashed or spelt in another way.
fn digest(params: &str) -> Option<String> {
    let user = params.strip_prefix("username=\"")?.split('"').next()?;
    let plain = !user.contains([':', '\\', '‹', '›']) && !params.contains("userhash=true");
    plain.then(|| user.to_owned())
}

/// Quotes a word for a POSIX shell.
pub fn quote(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The variables of a command: each name with the masked value it stands for.
#[derive(Default)]
struct Variables(Vec<(String, String)>);

impl Variables {
    /// Gives the variable that stands for a masked value, the same one every time.
    fn name(&mut self, masked: &str) -> String {
        if let Some((name, _)) = self.0.iter().find(|(_, m)| m == masked) {
            return name.clone();
        }
        let inner = masked.trim_start_matches('‹').trim_end_matches('›');
        let inner = inner.strip_suffix("#1").unwrap_or(inner);
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
    fn quote(&mut self, word: &str) -> String {
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
    fn printf(&mut self, text: &str) -> String {
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

enum Piece<'a> {
    Text(&'a str),
    Masked(&'a str),
}

/// Parts a masked text at its masked values, `‹alice.access_token#1›`.
fn pieces(text: &str) -> Vec<Piece<'_>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{BodyRecord, MessageRecord};
    use crate::report::fixture::{body, hop, message};

    fn post(kind: BodyKind, text: &str) -> HopRecord {
        let headers = [("host", "x"), ("content-length", "5"), ("X-Empty", ""), ("content-type", "application/json")];
        hop("https://x/a?b=1&c=2", message("POST /a HTTP/1.1", &headers, body(kind, text)), None)
    }

    fn get(line: &str, url: &str, headers: &[(&str, &str)]) -> HopRecord {
        hop(url, message(line, headers, body(BodyKind::Empty, "")), None)
    }

    #[test]
    fn curl_answers_digest_challenges_itself() {
        let answer = "Digest username=\"ann\", realm=\"r\", nonce=\"n\", response=\"‹masked:0›\"";
        assert_eq!(digest(&answer["Digest ".len()..]).as_deref(), Some("ann"));
        assert_eq!(digest("username=\"0123\", userhash=true"), None);
        assert_eq!(digest("username*=UTF-8''k%C3%BC"), None);
    }

    #[test]
    fn masked_basic_credentials_are_given_as_user_and_password() {
        for (plain, user) in [("YT", "a"), ("YWw6", "al"), ("YWxpO", "ali"), ("Ym9iO", "bob"), ("YWxpY2UyO", "alice2")]
        {
            let header = format!("Basic {plain}‹x.password›");
            let made = command(&get("GET / HTTP/1.1", "http://x/", &[("authorization", &header)]));
            assert_eq!(made.lines(500), [format!("curl -i -u \"{user}:$X_PASSWORD\" http://x/")]);
            assert_eq!(made.variables, [("X_PASSWORD".to_owned(), "‹x.password›".to_owned())]);
        }
        for odd in ["Basic ‹x›", "Basic YWxp‹x›", "Basic !‹x›", "Bearer YWw6‹x›", "Basic YWw6‹x›YW‹y›"]
        {
            let made = command(&get("GET / HTTP/1.1", "http://x/", &[("authorization", odd)]));
            assert!(made.lines(500)[0].contains("-H "), "{odd}: {made:?}");
        }
    }

    #[test]
    fn only_what_is_needed_is_said() {
        let single = |h: &HopRecord| command(h).lines(500).join("\n");
        assert_eq!(
            single(&get("GET / HTTP/1.1", "http://x/", &[("accept", "*/*"), ("host", "x")])),
            "curl -i http://x/"
        );
        assert_eq!(single(&get("HEAD / HTTP/1.1", "http://x/", &[])), "curl --head http://x/");
        assert_eq!(single(&get("DELETE /n HTTP/1.1", "http://x/n", &[])), "curl -i -X DELETE http://x/n");
        assert_eq!(
            single(&get("GET / HTTP/1.1", "http://x/../[a]", &[])),
            "curl -i --globoff --path-as-is 'http://x/../[a]'"
        );
        assert_eq!(
            single(&post(BodyKind::Json, r#"{"a":"it's"}"#)),
            r#"curl -i -H 'X-Empty;' -H 'content-type: application/json' --data-raw '{"a":"it'\''s"}' 'https://x/a?b=1&c=2'"#
        );
    }

    #[test]
    fn long_commands_take_a_line_a_part() {
        let lines = command(&post(BodyKind::Json, "{}")).lines(40);
        assert_eq!(lines[0], "curl -i \\");
        assert!(lines[1..lines.len() - 1].iter().all(|l| l.starts_with("  -") && l.ends_with(" \\")), "{lines:#?}");
        assert_eq!(lines.last().unwrap(), "  'https://x/a?b=1&c=2'");
    }

    #[test]
    fn masked_values_become_variables_each_its_own() {
        let headers = [
            ("Authorization", "Bearer ‹alice.access_token#1›"),
            ("X-Old", "‹alice.access_token#2›x"),
            ("X", "‹a.b›‹a_b›$"),
        ];
        let curl = command(&get("GET / HTTP/1.1", "http://x/?k=‹7›&again=‹alice.access_token#1›", &headers));
        assert_eq!(
            curl.parts[1..],
            [
                r#"-H "Authorization: Bearer $ALICE_ACCESS_TOKEN""#,
                r#"-H "X-Old: ${ALICE_ACCESS_TOKEN_2}x""#,
                r#"-H 'X: '"$A_B""$A_B_2"'$'"#,
                r#""http://x/?k=$SECRET7&again=$ALICE_ACCESS_TOKEN""#,
            ]
        );
        assert_eq!(curl.variables.len(), 5);
    }

    #[test]
    fn bodies_that_cannot_be_typed_come_from_a_file() {
        let mut long = post(BodyKind::Text, &"x".repeat(5000));
        assert_eq!(command(&long).body_file, Some("body.bin"));
        long.request.body = BodyRecord { kind: BodyKind::Binary, text: String::new(), bytes: 3 };
        assert!(command(&long).parts.contains(&"--data-binary @body.bin".to_owned()));
    }

    /// Lets a real shell read the command, with a `curl` that only repeats its arguments and its input.
    #[cfg(unix)]
    fn read_by_a_shell(curl: &Curl) -> Vec<String> {
        let mark = "\u{1}";
        let stub = format!(
            "curl() {{ case \"$*\" in *@-*) cat; printf '{mark}';; esac; for a; do printf '%s{mark}' \"$a\"; done; }}\n"
        );
        let out = std::process::Command::new("sh")
            .arg("-c")
            .arg(stub + &curl.lines(20).join("\n"))
            .envs(curl.variables.iter().map(|(name, masked)| (name.as_str(), masked.as_str())))
            .output()
            .unwrap();
        assert!(out.status.success(), "{curl:?} {out:?}");
        String::from_utf8(out.stdout).unwrap().split_terminator(mark).map(str::to_owned).collect()
    }

    #[cfg(unix)]
    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_reads_back_what_was_meant(
            value in "([ -~]|‹a[.]b#[12]›|é){1,20}",
            text in "([ -~]|[\\n\\t\\r\\x02-\\x1f\\u{202e}]|‹a[.]b#[12]›|‹|日){1,30}",
        ) {
            let mut request = message("PUT /a HTTP/1.1", &[("X-Value", &value), ("Content-Type", "text/plain")], body(BodyKind::Text, &text));
            request.headers.push(("Host".to_owned(), "x".to_owned()));
            let args = read_by_a_shell(&command(&hop("http://x/a", request, None)));
            let header = format!("X-Value: {value}");
            proptest::prop_assert!(args.contains(&header), "{args:?}");
            let at = args.iter().position(|a| a.starts_with("--data")).unwrap();
            let sent = if args[at] == "--data-raw" { &args[at + 1] } else { &args[0] };
            proptest::prop_assert_eq!(sent, &text);
        }
    }

    #[test]
    fn certificates_are_always_verified() {
        let message: MessageRecord = message("GET / HTTP/1.1", &[], body(BodyKind::Empty, ""));
        let parts = command(&hop("https://self-signed.badssl.com/", message, None)).parts;
        assert!(!parts.iter().any(|p| p == "-k" || p.contains("insecure")));
    }
}
