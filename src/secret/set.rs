//! The secrets of a run, and what is shown in their place.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::alike;
use super::forms::SHORTEST;
use super::index::{Index, Match};
use super::structure::{self, TextKind};
use super::{Odd, Secret};

/// How much longer than the longest secret its spellings may be, when a file is searched piece by piece.
const LONGEST_SPELLING: usize = 12;

/// The least number of bytes read at once when a file is searched.
const PIECE: usize = 64 * 1024;

/// Captured values that are words of every other answer; masking them would hide what the answer says and nothing else.
const COMMON: [&str; 24] = [
    "access_token",
    "anonymous",
    "authorization",
    "bearer",
    "charset",
    "cookie",
    "default",
    "deleted",
    "disabled",
    "enabled",
    "expired",
    "invalid",
    "localhost",
    "password",
    "refresh_token",
    "required",
    "secret",
    "session",
    "success",
    "unauthorized",
    "undefined",
    "unknown",
    "username",
    "application/json",
];

/// What the secret of a client is called. Identities share clients, so that one which several have is named after none of
/// them.
const SHARED: &str = "client_secret";

/// Collects the secrets of a run and masks them in every spelling.
///
/// Copies share one set. Secrets may be added while other threads mask; they count from then on.
#[derive(Clone, Default)]
pub struct SecretSet(Arc<RwLock<Known>>);

/// The name that stands for a secret wherever it would be seen: `‹alice.access_token#1›`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MaskName(String);

/// A place where a secret stands in the open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name of the secret, never its value.
    pub label: String,
    /// Bytes before it.
    pub offset: u64,
}

/// Where a value comes from decides how it is named and whether a common word counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Declared,
    Captured,
}

/// Why a value is not masked by value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weak {
    Short,
    Common,
}

#[derive(Default, Clone)]
struct Known {
    values: Vec<Secret>,
    names: Vec<Arc<str>>,
    numbers: HashMap<Secret, u32>,
    labels: HashMap<String, u32>,
    weak: HashMap<u32, Weak>,
    longest: usize,
    /// Whether one of them is written oddly, which few are.
    has_odd: bool,
    index: Index,
}

impl fmt::Display for MaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl MaskName {
    /// Gives the name with its brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretSet({} secrets)", self.len())
    }
}

impl SecretSet {
    /// Tells whether a value that stands where a credential may is surely none of the words that stand there, too.
    pub fn is_telling(value: &str) -> bool {
        let has = |is: fn(&u8) -> bool| value.bytes().any(|b| is(&b));
        value.len() >= 8 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
    }

    /// Starts with no secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a set of its own with the secrets that are known now.
    pub fn apart(&self) -> Self {
        Self(Arc::new(RwLock::new(self.read().clone())))
    }

    /// Adds a value that came up during the run, a token or a session cookie.
    ///
    /// Its name is the label and a number, `‹alice.access_token#1›`, so that two tokens can be told apart. A value that
    /// is known already keeps its name. A value below 6 bytes or of a single common word is only recorded.
    pub fn add(&self, label: &str, value: &str) -> MaskName {
        self.insert(label, value, Origin::Captured)
    }

    /// Adds a value the user declared secret: masked from 6 bytes on, whatever it is, and named without a number
    /// as long as its label has only one value.
    pub fn declare(&self, label: &str, value: &str) -> MaskName {
        self.insert(label, value, Origin::Declared)
    }

    fn insert(&self, label: &str, value: &str, origin: Origin) -> MaskName {
        let secret = Secret::new(value);
        if origin == Origin::Captured {
            let known = self.read();
            if let Some(number) = known.numbers.get(&secret).filter(|number| !known.is_of_others(**number, label)) {
                return known.name(*number);
            }
        }
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(label, secret, origin)
    }

    /// Replaces every spelling of every secret by its name; where several overlap, all of them disappear.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.mask_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(
                String::from_utf8(bytes)
                    .unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned()),
            ),
        }
    }

    /// Does what [`SecretSet::mask`] does, for bytes that need not be text.
    pub fn mask_bytes<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let spots = self.spots(text);
        if spots.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = Vec::with_capacity(text.len());
        let mut done = 0;
        for (at, name) in spots {
            out.extend_from_slice(&text[done..at.start]);
            out.extend_from_slice(name.as_bytes());
            done = at.end;
        }
        out.extend_from_slice(&text[done..]);
        Cow::Owned(out)
    }

    /// Lists what [`SecretSet::mask_bytes`] replaces, in order, with what it puts there.
    pub fn spots(&self, text: &[u8]) -> Vec<(Range<usize>, String)> {
        let known = self.read();
        let spots = join(known.index.find(text, &known.values)).into_iter();
        spots.map(|spot| (spot.at, spot.values.into_iter().map(|(n, how)| known.name_of(n, how).0).collect())).collect()
    }

    /// Lists the secrets in a text that are written oddly, by the names that stand for them.
    pub fn oddities(&self, text: &[u8]) -> Vec<(MaskName, Odd)> {
        let known = self.read();
        if !known.has_odd {
            return Vec::new();
        }
        let mut numbers: Vec<u32> =
            known.index.find(text, &known.values).into_iter().map(|found| found.value).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let odd = |number: &u32| known.values.get(*number as usize).and_then(|value| Odd::of(value.expose()));
        numbers.iter().filter_map(|number| Some((known.name(*number), odd(number)?))).collect()
    }

    /// Masks a text by value, then what stands where credentials stand in a text of this kind.
    pub fn mask_text(&self, kind: TextKind, text: &str) -> String {
        let known = self.mask(text);
        self.again(&known, structure::mask_as(kind, &known))
    }

    /// Masks a header value by value, then what a header of this name must not show.
    pub fn mask_header(&self, name: &str, value: &str) -> String {
        let known = self.mask(value);
        self.again(&known, structure::mask_header(name, &known).into_owned())
    }

    /// Masks by value what the second net has rewritten: decoding may have uncovered a secret, and `masked` may be one.
    fn again(&self, before: &str, after: String) -> String {
        if before == after { after } else { self.mask(&after).into_owned() }
    }

    /// Lists the places where a secret can be read in any spelling; none after masking.
    pub fn search(&self, haystack: &[u8]) -> Vec<Found> {
        let known = self.read();
        let spots = join(known.index.find(haystack, &known.values));
        spots.into_iter().flat_map(|spot| known.report(&spot, 0)).collect()
    }

    /// Searches like [`SecretSet::search`] what a reader gives, without holding it all in memory.
    pub fn search_reader(&self, mut reader: impl Read) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        let mut window = Vec::new();
        let mut passed = 0;
        loop {
            let known = self.read();
            let overlap = known.longest * LONGEST_SPELLING + 64;
            drop(known);
            let wanted = (overlap * 2).max(PIECE) - window.len().min(overlap);
            let limit = u64::try_from(wanted).unwrap_or(u64::MAX);
            let read = reader.by_ref().take(limit).read_to_end(&mut window)?;
            let cut = if read < wanted { window.len() } else { window.len() - overlap };
            let known = self.read();
            for spot in join(known.index.find(&window, &known.values)) {
                if spot.at.start < cut {
                    found.extend(known.report(&spot, passed));
                }
            }
            if read < wanted {
                return Ok(found);
            }
            window.drain(..cut);
            passed += cut;
        }
    }

    /// Tells whether a text has much in common with a secret, in whatever case: most of it, and so many bytes at least.
    pub fn resembles(&self, text: &str, least: usize, except: impl Fn(&str) -> bool) -> bool {
        self.read().values.iter().any(|secret| !except(secret.expose()) && alike(secret.expose(), text, least))
    }

    /// Counts the secrets that are looked for.
    pub fn len(&self) -> usize {
        let known = self.read();
        known.values.len() - known.weak.len()
    }

    /// Tells whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lists the labels of values below 6 bytes, which are masked by structure only; the caller warns.
    pub fn too_short(&self) -> Vec<String> {
        self.read().weak_labels(Weak::Short)
    }

    /// Lists the labels of captured values that are a common word, which are masked by structure only.
    pub fn too_common(&self) -> Vec<String> {
        self.read().weak_labels(Weak::Common)
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn insert(&mut self, label: &str, secret: Secret, origin: Origin) -> MaskName {
        let weak = weakness(secret.expose(), origin);
        if let Some(&number) = self.numbers.get(&secret) {
            if self.is_of_others(number, label) {
                let nth = self.labels.entry(SHARED.to_owned()).and_modify(|count| *count += 1).or_insert(1);
                let name = if *nth == 1 { SHARED.to_owned() } else { format!("{SHARED}#{nth}") };
                self.names[number as usize] = name.into();
            }
            if weak.is_none() && self.weak.remove(&number).is_some() {
                self.index.insert(number, secret.expose());
            }
            return self.name(number);
        }
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        let label = clean(label);
        let nth = self.labels.entry(label.clone()).and_modify(|count| *count += 1).or_insert(1);
        let name = match (origin, *nth) {
            (Origin::Declared, 1) => label,
            (Origin::Declared | Origin::Captured, nth) => format!("{label}#{nth}"),
        };
        self.names.push(name.into());
        match weak {
            Some(weak) => {
                self.weak.insert(number, weak);
            }
            None => self.index.insert(number, secret.expose()),
        }
        self.longest = self.longest.max(secret.len());
        self.has_odd |= Odd::of(secret.expose()).is_some();
        self.values.push(secret.clone());
        self.numbers.insert(secret, number);
        self.name(number)
    }

    /// Tells whether a secret is one that several have by its nature, and has the name of somebody else.
    fn is_of_others(&self, number: u32, label: &str) -> bool {
        let Some((owner, SHARED)) = label.split_once('.') else { return false };
        let name = self.names.get(number as usize).and_then(|name| name.split_once('.'));
        name.is_some_and(|(other, field)| field.split('#').next() == Some(SHARED) && other != clean(owner))
    }

    /// Names a secret; by its bare number if its name would show a secret, as `‹hunter2.password›` might.
    fn name(&self, number: u32) -> MaskName {
        let name = self.names.get(number as usize).map(|name| format!("‹{name}›"));
        match name {
            Some(name) if self.index.find(name.as_bytes(), &self.values).is_empty() => MaskName(name),
            Some(_) | None => MaskName(format!("‹#{}›", number + 1)),
        }
    }

    /// Names a secret that stands there as it was encoded: whoever puts it there has to encode it, too.
    fn name_of(&self, number: u32, encoded: Option<&'static str>) -> MaskName {
        let name = self.name(number);
        let longer = encoded.map(|encoded| format!("{}.{encoded}›", name.0.trim_end_matches('›')));
        let fits = longer.filter(|longer| self.index.find(longer.as_bytes(), &self.values).is_empty());
        fits.map_or(name, MaskName)
    }

    fn report(&self, spot: &Spot, passed: usize) -> Vec<Found> {
        let offset = u64::try_from(passed + spot.at.start).unwrap_or(u64::MAX);
        spot.values.iter().map(|(number, _)| Found { label: self.name(*number).0, offset }).collect()
    }

    fn weak_labels(&self, wanted: Weak) -> Vec<String> {
        let mut numbers: Vec<u32> =
            self.weak.iter().filter(|(_, weak)| **weak == wanted).map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        numbers.iter().filter_map(|number| self.names.get(*number as usize)).map(ToString::to_string).collect()
    }
}

fn weakness(value: &str, origin: Origin) -> Option<Weak> {
    if value.len() < SHORTEST {
        return Some(Weak::Short);
    }
    let common = match origin {
        Origin::Declared => false,
        Origin::Captured => COMMON.iter().any(|word| word.eq_ignore_ascii_case(value)),
    };
    (common || value.trim().is_empty()).then_some(Weak::Common)
}

/// Takes out of a label what would break the text a name is put into: brackets, quotes, spaces, separators.
fn clean(label: &str) -> String {
    let kept = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    label.chars().take(100).map(|c| if kept(c) { c } else { '_' }).collect()
}

/// A stretch of text to be replaced, and the secrets that are in it.
struct Spot {
    at: Range<usize>,
    /// Each with how it is encoded there.
    values: Vec<(u32, Option<&'static str>)>,
}

/// Joins matches that overlap, so that no rest of one remains beside another; a match inside a longer one is not named.
fn join(mut matches: Vec<Match>) -> Vec<Spot> {
    matches.sort_by(|a, b| (a.at.start, b.at.end, a.value, a.encoded).cmp(&(b.at.start, a.at.end, b.value, b.encoded)));
    let mut spots: Vec<Spot> = Vec::new();
    for found in matches {
        match spots.last_mut() {
            Some(last) if found.at.start < last.at.end => {
                if found.at.end > last.at.end {
                    last.at.end = found.at.end;
                    if last.values.iter().all(|(value, _)| *value != found.value) {
                        last.values.push((found.value, found.encoded));
                    }
                }
            }
            Some(_) | None => spots.push(Spot { at: found.at, values: vec![(found.value, found.encoded)] }),
        }
    }
    spots
}
