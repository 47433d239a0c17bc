//! How telling a value is: whose e-mail address, account or key it is, nobody says by chance; of ids, amounts and names it
//! takes several of one column.

use uuid::Uuid;

/// What a value is like, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// An address, an account or a key: it tells by itself.
    Own,
    /// An id or a long number: it tells something beside others of its column.
    Code,
    /// A short number: it tells little, unless it is most of a column.
    Short,
    /// A name.
    Word,
}

/// Mailboxes that are no person's (RFC 2142, section 3 to 5, and what else is usual).
const MAILBOXES: &[&str] = &[
    "abuse",
    "admin",
    "administrator",
    "api",
    "billing",
    "compliance",
    "contact",
    "dev",
    "developers",
    "dpo",
    "feedback",
    "hello",
    "help",
    "helpdesk",
    "hostmaster",
    "info",
    "it",
    "legal",
    "mail",
    "marketing",
    "no-reply",
    "noc",
    "noreply",
    "office",
    "ops",
    "postmaster",
    "privacy",
    "root",
    "sales",
    "security",
    "service",
    "support",
    "team",
    "trouble",
    "webmaster",
];

/// Members whose values are words of the API and of nobody.
const VOCABULARY: &[&str] = &[
    "action",
    "category",
    "color",
    "country",
    "currency",
    "feature",
    "kind",
    "language",
    "level",
    "locale",
    "method",
    "month",
    "permission",
    "plan",
    "price",
    "right",
    "role",
    "scope",
    "state",
    "status",
    "tag",
    "timezone",
    "type",
    "unit",
    "version",
    "year",
];

/// Members that name what was asked for, or how it was made.
const NAMES_IT: &[&str] = &[
    "build",
    "checksum",
    "code",
    "commit",
    "digest",
    "etag",
    "fingerprint",
    "guid",
    "hash",
    "key_id",
    "no",
    "number",
    "ref",
    "reference",
    "revision",
    "sha",
    "sku",
    "slug",
    "trace",
    "uuid",
    "version",
];

/// Members in which a refusal names whoever asks, or whom to ask.
const NAMES_WHO: &[&str] = &[
    "account",
    "actor",
    "admin",
    "approver",
    "as",
    "authenticated_as",
    "caller",
    "client",
    "contact",
    "current_user",
    "email",
    "help",
    "identity",
    "login",
    "logged_in_as",
    "mail",
    "me",
    "principal",
    "requester",
    "sub",
    "subject",
    "support",
    "user",
    "username",
    "who",
    "you",
];

/// What a value in a member of a name is like.
pub(super) fn kind(leaf: &str, name: &str) -> Option<Kind> {
    if leaf.starts_with('/') || leaf.contains("://") || is_time(leaf) {
        return None;
    }
    if is_mail(leaf) || (!names_it(name) && (is_account(leaf) || is_key(leaf))) {
        return Some(Kind::Own);
    }
    let digits = leaf.bytes().filter(u8::is_ascii_digit).count();
    if leaf.parse::<f64>().is_ok() {
        let is_round = leaf.ends_with("000");
        let is_year = digits == 4 && (leaf.starts_with("19") || leaf.starts_with("20"));
        return match digits {
            5.. if !is_round && !is_instant(leaf) => Some(Kind::Code),
            4.. if !is_year && !is_instant(leaf) => Some(Kind::Short),
            _ => None,
        };
    }
    let letters = leaf.chars().filter(|c| c.is_alphabetic()).count();
    let is_one = !leaf.contains(char::is_whitespace);
    if is_one && digits > 0 && letters > 0 && leaf.len() >= 6 && !is_version(leaf) {
        return Some(Kind::Code);
    }
    (letters >= 3 && digits == 0 && leaf.len() <= 80).then_some(Kind::Word)
}

/// Whether the values of a member are words of the API.
pub(super) fn is_vocabulary(name: &str) -> bool {
    let name = name.to_lowercase();
    let one = name.strip_suffix("ies").map_or_else(|| name.trim_end_matches('s').to_owned(), |stem| format!("{stem}y"));
    VOCABULARY.iter().any(|word| one == *word || name == *word || one.ends_with(&format!("_{word}")))
}

/// Whether a refusal names in a member whoever asks, or whom to ask.
pub(super) fn names_who(name: &str) -> bool {
    NAMES_WHO.contains(&&*name.to_lowercase())
}

/// Whether an e-mail address is no person's.
pub(super) fn is_mailbox(leaf: &str) -> bool {
    leaf.split_once('@').is_some_and(|(local, _)| MAILBOXES.contains(&&*local.to_lowercase()))
}

/// The words before the sign of an e-mail address.
pub(super) fn local_part(leaf: &str) -> Option<&str> {
    leaf.split_once('@').map(|(local, _)| local).filter(|_| is_mail(leaf))
}

fn names_it(name: &str) -> bool {
    let lower = name.to_lowercase();
    NAMES_IT.contains(&&*lower)
        || lower == "id"
        || lower.ends_with("_id")
        || name.ends_with("Id")
        || name.ends_with("ID")
}

fn is_mail(leaf: &str) -> bool {
    let Some((local, domain)) = leaf.split_once('@') else { return false };
    let is_name = |text: &str, marks: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || marks.contains(c)) && !text.starts_with('.')
    };
    let is_domain = domain.contains('.') && !domain.ends_with('.') && is_name(domain, ".-");
    is_domain && is_name(local, "!#$%&'*+/=?^_`{|}~.-")
}

/// A number of a bank account, a card, a telephone, an insurance.
fn is_account(leaf: &str) -> bool {
    let bare: String = leaf.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let digits = bare.bytes().filter(u8::is_ascii_digit).count();
    let (lead, rest) = bare.split_at(bare.char_indices().nth(2).map_or(bare.len(), |(at, _)| at));
    let is_iban = lead.len() == 2
        && lead.bytes().all(|b| b.is_ascii_uppercase())
        && rest.bytes().take(2).all(|b| b.is_ascii_digit())
        && rest.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && (15..=34).contains(&bare.len());
    let plain = bare.strip_prefix('+').unwrap_or(&bare);
    let is_number = digits == plain.len() && (9..=24).contains(&digits) && !is_instant(&bare);
    (is_iban && digits >= 8) || is_number
}

/// Seconds, or parts of them, since 1970, and a time written in one.
fn is_instant(leaf: &str) -> bool {
    let whole = leaf.split('.').next().unwrap_or_default();
    let is_count = matches!(whole.len(), 10 | 13 | 16 | 19) && whole.starts_with(['1', '2']);
    is_count || matches!(whole.len(), 8 | 12 | 14 | 17) && (whole.starts_with("19") || whole.starts_with("20"))
}

/// A key or token: long, and no words of a language in it.
fn is_key(leaf: &str) -> bool {
    const LONG: (usize, usize) = (20, 16);
    let is_mixed = |part: &str| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        part.len() >= LONG.1 && digits >= 3 && part.len() - digits >= 4
    };
    leaf.len() >= LONG.0
        && leaf.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && leaf.split(['-', '_']).any(is_mixed)
        && Uuid::try_parse(leaf).is_err()
}

fn is_version(leaf: &str) -> bool {
    leaf.starts_with(['v', 'V']) && leaf[1..].starts_with(|c: char| c.is_ascii_digit())
}

/// A date or a time.
fn is_time(leaf: &str) -> bool {
    let bytes = leaf.as_bytes();
    let digits = |at: std::ops::Range<usize>| bytes.get(at).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    (digits(0..4) && bytes.get(4) == Some(&b'-') && digits(5..7)) || (digits(0..2) && bytes.get(2) == Some(&b':'))
}

#[cfg(test)]
mod tests {
    use super::{Kind, is_mailbox, is_vocabulary, kind};

    #[test]
    fn a_value_tells_by_what_it_is_like() {
        for own in [
            "person3@acme.example",
            "DE89 3704 0044 0532 0130 00",
            "4111 1111 1111 1111",
            "+49 171 2345678",
            "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        ] {
            assert_eq!(kind(own, "value"), Some(Kind::Own), "{own}");
        }
        for code in ["41137", "n12345", "0b9f3c1e-7d0a-4c55-9a53-0242ac120002"] {
            assert_eq!(kind(code, "value"), Some(Kind::Code), "{code}");
        }
        for short in ["4000", "41000", "120000"] {
            assert_eq!(kind(short, "value"), Some(Kind::Short), "{short}");
        }
        assert_eq!(kind("Alice Smith", "name"), Some(Kind::Word));
        for none in ["12", "2026", "2026-11-27", "10:15:00", "1795770000", "/users/4711", "https://a.example/b", "ok"] {
            assert_eq!(kind(none, "value"), None, "{none}");
        }
        assert_eq!(kind("4111111111111111", "order_id"), Some(Kind::Code));
        assert_eq!(kind("quarterly-report-2026-final-v2", "slug"), Some(Kind::Code));
        assert!(is_mailbox("Support@acme.example") && !is_mailbox("alice@acme.example"));
        assert!(is_vocabulary("roles") && is_vocabulary("categories") && is_vocabulary("status"));
        assert!(!is_vocabulary("city") && !is_vocabulary("name"));
    }
}
