//! A request as a `curl` command that reproduces it.
//!
//! Masked values become environment variables, so that a command can be pasted anywhere and still
//! holds no secret. Certificates are always verified: a command that a report suggests must not
//! teach to switch that off.

mod aws;
mod form;
#[cfg(test)]
mod tests;
mod words;

use crate::event::{BODY_KEPT, BodyKind, HopRecord};
use crate::http::percent_decoded;
use crate::report::block::json;
use crate::report::terminal::line::is_hostile;
pub use crate::term::quote;
use words::{Piece, Variables, pieces};

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

/// Spells a recorded request as a command; `caller` is the identity that sent it, by which its fields are called.
pub fn command(hop: &HopRecord, caller: Option<&str>) -> Curl {
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
    parts.extend(headers(hop, caller, has_body, &mut variables));
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
        } else if let Some(form) = masked_form(hop, &mut variables) {
            parts.extend(form);
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

/// Tells whether a request answers a challenge of Digest.
pub fn answers_digest(hop: &HopRecord) -> bool {
    hop.request.headers.iter().any(|(name, value)| name == "authorization" && value.starts_with("Digest "))
}

/// Tells whether curl makes the credential of a request by itself.
pub fn signs(hop: &HopRecord) -> bool {
    answers_digest(hop) || aws::signed(hop).is_some()
}

fn headers(hop: &HopRecord, caller: Option<&str>, has_body: bool, variables: &mut Variables) -> Vec<String> {
    let mut parts = Vec::new();
    let form = "application/x-www-form-urlencoded";
    let aws = aws::signed(hop);
    for (name, value) in &hop.request.headers {
        let lower = name.to_ascii_lowercase();
        if let Some(scope) = aws.as_ref().filter(|_| aws::OWN.contains(&lower.as_str())) {
            if lower == "authorization" {
                parts.extend(scope.options(caller, variables));
            }
            continue;
        }
        let by_curl = OWN.contains(&lower.as_str())
            || (lower == "accept" && value == "*/*")
            || (lower == "content-type" && has_body && value == form);
        if by_curl {
            continue;
        }
        let credential = value.split_once(' ').filter(|_| lower == "authorization");
        if let Some(pair) = credential.filter(|(scheme, _)| *scheme == "Basic").and_then(|(_, value)| basic(value)) {
            parts.push(format!("-u {}", variables.quote(&pair)));
            continue;
        }
        if let Some((_, params)) = credential.filter(|(scheme, _)| *scheme == "Digest") {
            // The answer to a nonce is good once; curl asks for one of its own.
            let caller = caller.unwrap_or("user");
            let user = digest(params).unwrap_or_else(|| format!("‹{caller}.username›"));
            parts.push("--digest".to_owned());
            parts.push(format!("-u {}", variables.quote(&format!("{user}:‹{caller}.password›"))));
            continue;
        }
        let value = match credential {
            // A plain value does not fit into the middle of Base64.
            Some(("Basic", pair)) if pair.contains('‹') && pair != "‹masked›" => "Basic ‹basic.credentials›",
            Some(_) | None => value,
        };
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

/// Gives the user of a Digest answer, unless it travels hashed (RFC 7616, section 3.4).
fn digest(params: &str) -> Option<String> {
    let user = if let Some(quoted) = params.strip_prefix("username=\"") {
        unquoted(quoted)
    } else {
        let spelt = params.strip_prefix("username*=UTF-8''")?;
        percent_decoded(spelt.split(',').next()?.as_bytes())
    };
    let plain = !user.contains([':', '‹', '›']) && !params.contains("userhash=true");
    plain.then_some(user)
}

/// Reads a quoted string to its end (RFC 9110, section 5.6.4).
fn unquoted(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next().filter(|c| *c != '"') {
        out.extend(if c == '\\' { rest.next() } else { Some(c) });
    }
    out
}

/// A form in which something is masked.
fn masked_form(hop: &HopRecord, variables: &mut Variables) -> Option<Vec<String>> {
    let body = &hop.request.body;
    if body.kind != BodyKind::Form || !body.text.contains('‹') {
        return None;
    }
    form::options(&body.text, variables)
}
