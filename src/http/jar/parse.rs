//! One `Set-Cookie` field value as name, value and attributes (draft, section 5.6), for storing
//! and for assertions on what a server sent. Reading never fails; [`ParsedSetCookie::fault`] says
//! what makes the whole cookie unusable and [`ParsedSetCookie::problems`] what was passed over.

use jiff::Timestamp;

use super::cookie::{CookieName, CookieValue, SameSite};
use super::date::parse_cookie_date;
use super::reason::RefuseReason;

/// Name and value together may have this many octets.
const MAX_PAIR: usize = 4096;
/// A longer attribute value is passed over.
const MAX_ATTRIBUTE: usize = 1024;

/// Holds one attribute as seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The name as sent, trimmed.
    pub name: String,
    /// The value as sent, trimmed; empty also when there was no `=`.
    pub value: String,
}

/// Holds one `Set-Cookie` field value, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedSetCookie {
    /// The name; empty when the field had no `=` before the first `;`.
    pub name: CookieName,
    /// The value, quotes kept.
    pub value: CookieValue,
    /// Every attribute in order, also unknown and unusable ones.
    pub attributes: Vec<Attribute>,
    control: Option<u8>,
}

impl ParsedSetCookie {
    /// Reads one field value.
    pub fn parse(field: &[u8]) -> Self {
        let mut parts = field.split(|b| *b == b';');
        let pair = parts.next().unwrap_or_default();
        let (name, value) = split_at_equals(pair).unwrap_or((b"", pair));
        Self {
            name: CookieName::from(trim(name)),
            value: CookieValue::new(trim(value)),
            // An empty part is what a stray semicolon leaves; it says nothing.
            attributes: parts.filter(|p| !trim(p).is_empty()).map(attribute).collect(),
            control: field.iter().copied().find(|b| is_control(*b)),
        }
    }

    /// Says why this cannot be a cookie on any host, if so.
    pub fn fault(&self) -> Option<RefuseReason> {
        let octets = self.name.as_bytes().len() + self.value.as_bytes().len();
        if let Some(byte) = self.control {
            Some(RefuseReason::ControlCharacter { byte })
        } else if octets > MAX_PAIR {
            Some(RefuseReason::TooLong { octets, limit: MAX_PAIR })
        } else if octets == 0 {
            Some(RefuseReason::Empty)
        } else {
            None
        }
    }

    /// Finds the last attribute of that name, in any case, usable or not.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().rfind(|a| a.name.eq_ignore_ascii_case(name))
    }

    /// Says whether `Secure` is there.
    pub fn secure(&self) -> bool {
        self.last("Secure").is_some()
    }

    /// Says whether `HttpOnly` is there.
    pub fn http_only(&self) -> bool {
        self.last("HttpOnly").is_some()
    }

    /// Returns `SameSite`; `None` when it is absent or not one of the three values.
    pub fn same_site(&self) -> Option<SameSite> {
        same_site(&self.last("SameSite")?.value)
    }

    /// Returns `Path` as sent.
    pub fn path(&self) -> Option<&str> {
        self.last("Path").map(|a| a.value.as_str())
    }

    /// Returns `Domain` in lower case without its leading dot; empty means the same as none.
    pub fn domain(&self) -> Option<String> {
        let domain = &self.last("Domain")?.value;
        Some(domain.strip_prefix('.').unwrap_or(domain).to_lowercase())
    }

    /// Returns `Max-Age` in seconds as sent, not capped; beyond an `i64` it is the nearest one.
    pub fn max_age(&self) -> Option<i64> {
        self.usable("Max-Age").filter_map(|a| seconds(&a.value)).next_back()
    }

    /// Returns the moment in `Expires` as sent, not capped.
    pub fn expires(&self) -> Option<Timestamp> {
        self.usable("Expires").filter_map(|a| parse_cookie_date(a.value.as_bytes())).next_back()
    }

    /// Lists what a user agent passes over in the attributes, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        self.attributes.iter().filter_map(problem).collect()
    }

    fn last(&self, name: &str) -> Option<&Attribute> {
        self.usable(name).next_back()
    }

    fn usable(&self, name: &str) -> impl DoubleEndedIterator<Item = &Attribute> {
        let named = self.attributes.iter().filter(move |a| a.name.eq_ignore_ascii_case(name));
        named.filter(|a| a.value.len() <= MAX_ATTRIBUTE)
    }
}

fn attribute(part: &[u8]) -> Attribute {
    let (name, value) = split_at_equals(part).unwrap_or((part, b""));
    let text = |bytes| String::from_utf8_lossy(trim(bytes)).into_owned();
    Attribute { name: text(name), value: text(value) }
}

fn problem(attribute: &Attribute) -> Option<String> {
    let Attribute { name, value } = attribute;
    if value.len() > MAX_ATTRIBUTE {
        return Some(format!("{name} is longer than {MAX_ATTRIBUTE} octets and is ignored"));
    }
    match name.to_ascii_lowercase().as_str() {
        "max-age" if seconds(value).is_none() => {
            Some(format!("Max-Age `{value}` is not a whole number of seconds and is ignored"))
        }
        "expires" if parse_cookie_date(value.as_bytes()).is_none() => {
            Some(format!("Expires `{value}` is not a date and is ignored"))
        }
        "samesite" if same_site(value).is_none() => {
            Some(format!("SameSite `{value}` is not Strict, Lax or None and is ignored"))
        }
        "path" if !value.starts_with('/') => {
            Some(format!("Path `{value}` does not start with / and the default path is used"))
        }
        _ => None,
    }
}

fn same_site(value: &str) -> Option<SameSite> {
    match value.to_ascii_lowercase().as_str() {
        "strict" => Some(SameSite::Strict),
        "lax" => Some(SameSite::Lax),
        "none" => Some(SameSite::None),
        _ => None,
    }
}

/// Reads an optional minus and digits; a number too large for the type is as good as endless.
fn seconds(value: &str) -> Option<i64> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let endless = if digits.len() < value.len() { i64::MIN } else { i64::MAX };
    Some(value.parse().unwrap_or(endless))
}

fn split_at_equals(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = part.iter().position(|b| *b == b'=')?;
    Some((&part[..at], &part[at + 1..]))
}

/// Takes spaces and tabs off both ends; nothing else counts as white space here.
fn trim(bytes: &[u8]) -> &[u8] {
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let Some(start) = bytes.iter().position(|b| !blank(b)) else {
        return b"";
    };
    let end = bytes.iter().rposition(|b| !blank(b)).map_or(start, |at| at + 1);
    &bytes[start..end]
}

fn is_control(byte: u8) -> bool {
    matches!(byte, 0x00..=0x08 | 0x0A..=0x1F | 0x7F)
}
