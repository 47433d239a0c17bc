//! `status`: which status codes are meant.

use std::sync::Arc;

use crate::diag::Diagnostics;
use crate::source::{SourceMap, Span};
use crate::spec::{Data, Node, Reader};

use super::{Check, Checked, MISSING, Outcomes, Placed, Seen, Stance, Word, diags, hidden};

/// Which status codes are meant; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet(Vec<Codes>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codes {
    One(u16),
    /// The first digit: `2xx`, `3xx` or `5xx`. There is no `4xx`: it would take a 404, 405 or 429 for a refusal.
    Class(u16),
    Word(Word),
    Below400,
}

/// Which side of the door an expectation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Let in.
    Allowed,
    /// Refused: 401, 403, 404, `deny`, `hidden`.
    Refused,
    /// Neither: a 400, a 409, a 5xx.
    Neither,
    /// Both, which says nothing about access.
    Both,
}

impl StatusSet {
    /// What a step without a status expectation means.
    pub fn below_400() -> Self {
        Self(vec![Codes::Below400])
    }

    /// What a word always means.
    pub(super) fn word_for(word: Word) -> Self {
        Self(vec![Codes::Word(word)])
    }

    /// Means exactly this.
    pub(super) fn one(code: u16) -> Self {
        Self(vec![Codes::One(code)])
    }

    /// Means exactly these.
    #[cfg(test)]
    pub(crate) fn of(codes: &[u16]) -> Self {
        Self(codes.iter().map(|code| Codes::One(*code)).collect())
    }

    /// Tells whether a status is meant.
    pub fn matches(&self, status: u16) -> bool {
        self.0.iter().any(|codes| match codes {
            Codes::One(code) => *code == status,
            Codes::Class(digit) => status / 100 == *digit,
            Codes::Word(Word::Allow) => status / 100 == 2,
            Codes::Word(Word::Deny) => matches!(status, 401 | 403),
            Codes::Word(Word::Hidden) => status == 404,
            Codes::Below400 => status < 400,
        })
    }

    /// Tells whether only a refusal for lack of access is meant: 401, 403 or `deny`.
    pub fn means_refusal(&self) -> bool {
        self.0.iter().all(Codes::refuses)
    }

    /// Tells whether only a refusal of somebody is meant, in whatever words: what is not found may as well be gone.
    pub fn refuses(&self, stance: Stance) -> bool {
        self.side(stance) == Side::Refused && self.0.iter().any(|codes| *codes != Codes::One(404))
    }

    /// Tells whether such a refusal is among what is meant.
    pub fn may_refuse(&self) -> bool {
        self.0.iter().any(Codes::refuses)
    }

    /// The word for an outcome that it is.
    pub fn word(&self) -> Option<Word> {
        match self.0[..] {
            [Codes::Word(word)] => Some(word),
            _ => None,
        }
    }

    /// Tells whether a word for an outcome is among what is meant.
    pub fn has_word(&self) -> bool {
        self.0.iter().any(|codes| matches!(codes, Codes::Word(_)))
    }

    /// Says which side of the door it is about. A redirect leads anonymous to the login page, and anybody else on.
    fn side(&self, stance: Stance) -> Side {
        let (mut allowed, mut refused) = (false, false);
        for codes in &self.0 {
            match codes {
                Codes::Word(Word::Deny | Word::Hidden) | Codes::One(401 | 403 | 404) => refused = true,
                Codes::One(300..=399) | Codes::Class(3) if stance == Stance::Anonymous => refused = true,
                Codes::Word(Word::Allow) | Codes::One(..=399) | Codes::Class(..=3) | Codes::Below400 => allowed = true,
                Codes::One(_) | Codes::Class(_) => {}
            }
        }
        match (allowed, refused) {
            (true, true) => Side::Both,
            (true, false) => Side::Allowed,
            (false, true) => Side::Refused,
            (false, false) => Side::Neither,
        }
    }

    /// Tells in words what is meant: `401 or 403`. What a word before it means is not said again.
    pub fn describe(&self) -> String {
        let of_word = |status| self.0.iter().any(|c| c.word().is_some() && Self(vec![*c]).matches(status));
        self.told(Codes::describe, of_word)
    }

    /// The same without the words for outcomes.
    pub(super) fn plainly(&self) -> String {
        let plain = |codes: Codes| match codes {
            Codes::Word(word) => word.usual().to_owned(),
            Codes::One(_) | Codes::Class(_) | Codes::Below400 => codes.describe(),
        };
        self.told(plain, |_| false)
    }

    /// Lists what is meant, but for the statuses that are said already.
    fn told(&self, say: impl Fn(Codes) -> String, is_said: impl Fn(u16) -> bool) -> String {
        let news = |codes: &&Codes| !matches!(codes, Codes::One(status) if is_said(*status));
        let words: Vec<String> = self.0.iter().filter(news).map(|codes| say(*codes)).collect();
        crate::term::list(&words, "or")
    }

    /// Makes the check of it.
    pub fn placed(self, span: Span) -> Placed {
        Placed { check: Box::new(Status { set: self, outcomes: None }), span, subject: "status".to_owned() }
    }
}

/// Says which side of the door an expectation is about, before it is read for its faults.
pub fn side(node: &Node, stance: Stance, sources: &SourceMap) -> Side {
    let status = match &node.data {
        Data::Map(_) => node.get("status").map(|e| &e.value),
        Data::Null | Data::Bool(_) | Data::Number(..) | Data::Text(_) | Data::List(_) => Some(node),
    };
    let mut faults = Diagnostics::default();
    let set = status.and_then(|n| read_set(n, &mut Reader::new(sources, &mut faults)));
    match set {
        Some(set) => set.side(stance),
        // No answer is no way in; without a status it means below 400.
        None if node.get("error").is_some() => Side::Refused,
        None => Side::Allowed,
    }
}

impl Codes {
    const fn word(self) -> Option<Word> {
        match self {
            Self::Word(word) => Some(word),
            Self::One(_) | Self::Class(_) | Self::Below400 => None,
        }
    }

    const fn refuses(&self) -> bool {
        matches!(self, Self::One(401 | 403) | Self::Word(Word::Deny))
    }

    fn describe(self) -> String {
        match self {
            Self::One(code) => code.to_string(),
            Self::Class(digit) => format!("{digit}xx"),
            Self::Word(word) => format!("{} ({})", word.name(), word.usual()),
            Self::Below400 => "below 400".to_owned(),
        }
    }
}

#[derive(Debug)]
struct Status {
    set: StatusSet,
    /// What the words for outcomes mean here, where they mean something of their own.
    outcomes: Option<Arc<Outcomes>>,
}

impl Status {
    /// Judges by what words mean in this suite, and by the rest as it stands.
    fn by(&self, outcomes: &Outcomes, seen: &Seen<'_>) -> Checked {
        let mut own = None;
        for codes in &self.set.0 {
            let checked = match codes {
                // What is declared as a refusal is no way in, whatever its status.
                Codes::Word(Word::Allow) => {
                    outcomes.refusal(seen).map(|word| refused(word, seen)).or_else(|| outcomes.judge(Word::Allow, seen))
                }
                Codes::Word(word) => outcomes.judge(*word, seen),
                Codes::One(_) | Codes::Class(_) | Codes::Below400 => None,
            };
            match checked {
                Some(Checked::Held) => return Checked::Held,
                None if StatusSet(vec![*codes]).matches(seen.response.status) => return Checked::Held,
                None => {}
                Some(broken) => own = Some(broken),
            }
        }
        match (own, &self.set.0[..]) {
            (Some(broken), [_]) => broken,
            (Some(_), _) => self.broken_by(outcomes, seen),
            (None, _) => self.broken(seen),
        }
    }

    /// Says that none of several is met, of which a word has a meaning of its own.
    fn broken_by(&self, outcomes: &Outcomes, seen: &Seen<'_>) -> Checked {
        let own = |codes: Codes| match codes {
            Codes::Word(word) => match outcomes.judge(word, seen) {
                Some(Checked::Broken { expected, .. }) => expected,
                Some(Checked::Held | Checked::Unjudgeable { .. }) | None => codes.describe(),
            },
            Codes::One(_) | Codes::Class(_) | Codes::Below400 => codes.describe(),
        };
        let is_said = |status| {
            let mut words = self.set.0.iter().filter_map(|codes| codes.word());
            words.any(|word| outcomes.names(word, seen.stance, status))
        };
        Checked::Broken { expected: self.set.told(own, is_said), actual: seen.response.status.to_string() }
    }

    fn broken(&self, seen: &Seen<'_>) -> Checked {
        Checked::Broken { expected: self.set.describe(), actual: seen.response.status.to_string() }
    }
}

/// Says of an answer that `allow` does not mean it.
fn refused(word: Word, seen: &Seen<'_>) -> Checked {
    Checked::Broken {
        expected: Codes::Word(Word::Allow).describe(),
        actual: format!("status {}, and what `outcomes` calls `{}`", seen.response.status, word.name()),
    }
}

impl Check for Status {
    fn judge(&self, seen: &Seen<'_>) -> Checked {
        match &self.outcomes {
            Some(outcomes) => self.by(outcomes, seen),
            None if self.set.matches(seen.response.status) => Checked::Held,
            None => self.broken(seen),
        }
    }

    fn status(&self) -> Option<&StatusSet> {
        Some(&self.set)
    }

    fn set_outcomes(&mut self, outcomes: &Arc<Outcomes>) {
        self.outcomes = self.set.has_word().then(|| Arc::clone(outcomes));
    }

    fn own_word(&self, stance: Stance) -> Option<Word> {
        let outcomes = self.outcomes.as_ref()?;
        self.set.word().filter(|word| outcomes.redefines(*word, stance))
    }
}

/// Reads the row `status`.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>, out: &mut Vec<Placed>) {
    let Some(set) = read_set(node, reader) else { return };
    let word = set.word();
    if set.0.contains(&Codes::Word(Word::Hidden)) {
        if word.is_none() {
            let fault = diags::bad_status(node.span, "`hidden` is one answer alone, so it stands in no list");
            reader.fault(fault.label("not among others"));
            return;
        }
        if !reader.names.has_step(MISSING) {
            let fault =
                diags::bad_status(node.span, "`hidden` needs an answer to compare with, and there is none here");
            let help =
                "in an access row, name something that does not exist with `missing: GET /…`; elsewhere write 404";
            reader.fault(fault.label("hidden from whom?").help(help));
            return;
        }
    }
    out.push(set.placed(node.span));
    if word == Some(Word::Hidden) {
        out.push(hidden::placed(node.span));
    }
}

/// Reads a status, a class, a word, or a list of these.
pub(super) fn read_set(node: &Node, reader: &mut Reader<'_>) -> Option<StatusSet> {
    let items = reader.one_or_more(node);
    if items.is_empty() {
        reader.fault(diags::bad_status(node.span, "an empty list is no status").label("empty"));
        return None;
    }
    let codes: Vec<Option<Codes>> = items.iter().map(|n| codes(n, reader)).collect();
    codes.into_iter().collect::<Option<_>>().map(StatusSet)
}

fn codes(node: &Node, reader: &mut Reader<'_>) -> Option<Codes> {
    let fault = match &node.data {
        Data::Number(n, _) => {
            match n.as_u64().and_then(|n| u16::try_from(n).ok()).filter(|n| (100..=599).contains(n)) {
                Some(code) => return Some(Codes::One(code)),
                None => diags::bad_status(node.span, "a status is a number from 100 to 599").label("out of range"),
            }
        }
        Data::Text(text) => match &**text {
            "allow" => return Some(Codes::Word(Word::Allow)),
            "deny" => return Some(Codes::Word(Word::Deny)),
            "hidden" => return Some(Codes::Word(Word::Hidden)),
            "2xx" => return Some(Codes::Class(2)),
            "3xx" => return Some(Codes::Class(3)),
            "5xx" => return Some(Codes::Class(5)),
            other => not_a_word(node, other),
        },
        Data::Null | Data::Bool(_) | Data::List(_) | Data::Map(_) => {
            let message = format!("a status is a number, a class or a word, and this is {}", node.type_name());
            diags::bad_status(node.span, message).label("not a status").help("several are written `[401, 403]`")
        }
    };
    reader.fault(fault);
    None
}

fn not_a_word(node: &Node, word: &str) -> crate::diag::Diagnostic {
    let fault = |message: &str| diags::bad_status(node.span, message);
    if word.eq_ignore_ascii_case("4xx") {
        return fault("`4xx` proves no refusal: 404, 405 and 429 are in it too")
            .label("too wide")
            .help("write 401, 403 or `deny`; other statuses are written out");
    }
    if word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit()) {
        return fault("a status is a number").label("text").fix(node.span, word, "leave the quotes out");
    }
    if word.contains("{{") {
        return fault("a status is known when the plan is made, so it cannot be a template").label("a template");
    }
    fault("this is no status")
        .label("not a status")
        .help("a status is a number, `2xx`, `3xx`, `5xx`, `allow` or `deny`")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Answer, faults, read};
    use crate::check::Stance;

    fn holds(written: &str, status: u16) -> bool {
        Answer::status(status).holds(written)
    }

    #[test]
    fn statuses_are_matched_as_written() {
        assert!(holds("401", 401) && !holds("401", 403));
        assert!(holds("[401, 2xx]", 204) && !holds("[401, 2xx]", 403));
        assert!(holds("allow", 201) && !holds("allow", 302));
        assert!(holds("deny", 403) && holds("status: deny", 401));
        for not_a_refusal in [200, 302, 400, 404, 405, 429, 500, 503] {
            assert!(!holds("deny", not_a_refusal));
        }
        assert!(!holds("2xx", 429) && !holds("2xx", 500) && holds("5xx", 502) && holds("429", 429));
        assert_eq!(Answer::status(500).broken("[401, 403]"), [("401 or 403".to_owned(), "500".to_owned())]);
    }

    #[test]
    fn what_would_prove_nothing_is_refused() {
        for (written, words) in [
            ("4xx", "proves no refusal"),
            ("[401, 4xx]", "proves no refusal"),
            ("600", "from 100 to 599"),
            ("40", "from 100 to 599"),
            ("-1", "from 100 to 599"),
            ("\"401\"", "is a number"),
            ("[]", "empty"),
            ("status: { above: 100 }", "a map"),
            ("status: true", "true or false"),
            ("[[401]]", "a list"),
            ("[hidden, 401]", "in no list"),
            ("denied", "no status"),
            ("\"{{ n }}\"", "template"),
        ] {
            let found = faults(written);
            assert!(found.len() == 1 && found[0].contains(words), "{written}: {found:?}");
        }
    }

    #[test]
    fn only_401_and_403_mean_a_refusal() {
        let set = |written: &str| read(written).unwrap().status.unwrap();
        for yes in ["401", "403", "deny", "[401, 403]", "{ status: deny, body: x }"] {
            assert!(set(yes).means_refusal(), "{yes}");
        }
        for no in ["404", "[401, 404]", "2xx", "[deny, 200]"] {
            assert!(!set(no).means_refusal(), "{no}");
        }
        assert!(set("[401, 404]").may_refuse() && !set("404").may_refuse());
        for (written, [anonymous, identity]) in [
            ("401", [true, true]),
            ("[403, 404]", [true, true]),
            ("hidden", [true, true]),
            ("302", [true, false]),
            ("404", [false, false]),
            ("[200, 401]", [false, false]),
        ] {
            assert_eq!(set(written).refuses(Stance::Anonymous), anonymous, "{written}");
            assert_eq!(set(written).refuses(Stance::Identity), identity, "{written}");
        }
        assert!(read("{ body: x }").unwrap().status.is_none());
        let default = super::StatusSet::below_400();
        assert!(default.matches(399) && !default.matches(400) && !default.means_refusal());
    }
}
