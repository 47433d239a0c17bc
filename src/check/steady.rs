//! The body of an answer beside two that should be the same, byte for byte but for what is made anew each time: of the two
//! that are alike is learnt which words that are, such as a time or the id of a request.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::Value;

use super::html::shown;
use super::leads::sent;
use super::same::{difference as at_path, without};
use super::value::describe_text;
use super::words::put_for;
use crate::http::{Response, Trail};
use crate::jsonpath::Path;

/// Texts of answers that are compared; what each was sent alone stands in none of them.
type Texts = Vec<String>;

/// How two answers to the same question differ by more than words that are made anew.
pub(super) fn unlike(there: &Trail, here: &Trail, ignored: &[Path]) -> Result<Option<String>, String> {
    let texts = texts(&[there, here], ignored)?;
    let differs = learnt(&texts, &[there, here]).is_none();
    Ok(differs.then(|| {
        let told = |text: &str| describe_text(text);
        format!("more than words that are made anew: {} there, {} here", told(&texts[0]), told(&texts[1]))
    }))
}

/// How the body of an answer differs from those of two that are alike, beside what these two do not share.
pub(super) fn difference(those: [&Trail; 2], here: &Trail, ignored: &[Path]) -> Result<Option<String>, String> {
    let all = [those[0], those[1], here];
    let texts = texts(&all, ignored)?;
    let Some((what, seen)) = learnt(&texts, &all) else {
        return Err("the two answers to compare with are not alike themselves".to_owned());
    };
    let [first, second, other] = &seen[..] else { return Ok(None) };
    let (first, second, other) = (Words::of(first), Words::of(second), Words::of(other));
    let Some((there, this)) = first.odd(&second, &other) else { return Ok(None) };
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    let place = json(&texts[0]).zip(json(&texts[2])).and_then(|(a, b)| {
        let plain = at_path("$", &a, &b).is_none();
        plain.then(|| format!("the spelling of the body: {} bytes there, {} here", texts[0].len(), texts[2].len()))
    });
    Ok(Some(place.unwrap_or_else(|| format!("{what}: {} there, {} here", describe_text(&there), describe_text(&this)))))
}

/// The bodies as text, without what is left out, and without what was sent to one of them alone.
fn texts(all: &[&Trail], ignored: &[Path]) -> Result<Texts, String> {
    let said: Vec<HashSet<String>> = all.iter().map(|trail| trail.request().map(sent).unwrap_or_default()).collect();
    let mut texts = Vec::new();
    for (number, trail) in all.iter().enumerate() {
        let text = trail.response().map(Response::text).unwrap_or_default();
        let mut text = if ignored.is_empty() { text.into_owned() } else { pruned(&text, ignored)? };
        let everybodys = |word: &String| said.iter().all(|other| other.contains(word));
        let mut own: Vec<&String> = said[number].iter().filter(|word| word.len() > 2 && !everybodys(word)).collect();
        own.sort_by_key(|word| std::cmp::Reverse(word.len()));
        own.iter().for_each(|word| text = put_for(&text, word, "‹sent›"));
        texts.push(text);
    }
    Ok(texts)
}

fn pruned(text: &str, ignored: &[Path]) -> Result<String, String> {
    let body: Value = serde_json::from_str(text)
        .map_err(|_| "a body is not JSON, so nothing in it can be left out with `ignore`".to_owned())?;
    Ok(without(&body, ignored).to_string())
}

/// What is compared, unless it is what a page shows.
const BODY: &str = "the body";

/// What is compared, where the first two are alike in it: the bytes; of JSON whose members come in any order, these sorted;
/// and of pages that are made anew, what they show.
fn learnt(texts: &[String], all: &[&Trail]) -> Option<(&'static str, Texts)> {
    let alike = |texts: &Texts| Words::of(&texts[0]).is_like(&Words::of(&texts[1])).then_some(());
    let page = |(trail, text): (&&Trail, &String)| {
        let response = trail.response()?;
        shown(&Response { body: text.clone().into(), ..response.clone() })
    };
    let pages: Option<Texts> = all.iter().zip(texts).map(page).collect();
    if let Some(pages) = pages.filter(|_| texts[0] != texts[1]) {
        return alike(&pages).map(|()| ("what the page shows", pages));
    }
    let plain = texts.to_vec();
    if alike(&plain).is_some() {
        return Some((BODY, plain));
    }
    let sorted = |text: &String| serde_json::from_str::<Value>(text).ok().map(|body| in_order(&body).to_string());
    let sorted: Texts = texts.iter().map(sorted).collect::<Option<_>>()?;
    alike(&sorted).map(|()| (BODY, sorted))
}

/// The same with the members of its objects in the order of their names.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut all: Vec<(String, Value)> =
                map.iter().map(|(name, value)| (name.clone(), in_order(value))).collect();
            all.sort_by(|(a, _), (b, _)| a.cmp(b));
            all.into_iter().collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(in_order).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// A text in words, times and ids whole, with what stands between them.
struct Words<'a> {
    words: Vec<&'a str>,
    between: Vec<&'a str>,
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        let is_word = |c: char| c.is_alphanumeric() || "-:.+_".contains(c);
        let (mut words, mut between, mut end) = (Vec::new(), Vec::new(), 0);
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let run = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            if run == 0 {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            }
            let word = rest[..run].trim_matches(|c: char| !c.is_alphanumeric());
            if !word.is_empty() {
                let begins = at + rest[..run].find(word).unwrap_or(0);
                between.push(&text[end..begins]);
                words.push(word);
                end = begins + word.len();
            }
            at += run;
        }
        between.push(&text[end..]);
        Self { words, between }
    }

    /// Tells whether another text is the same but for words that are made anew.
    fn is_like(&self, other: &Self) -> bool {
        let anew = |(a, b): (&&str, &&str)| a == b || (is_made(a) && is_made(b)) || is_near(a, b);
        self.between == other.between && self.words.iter().zip(&other.words).all(anew)
    }

    /// The first place where a third text is another one than these two, as it stands there and in the third.
    fn odd(&self, second: &Self, third: &Self) -> Option<(String, String)> {
        let around = |all: &Self, at: usize| {
            let from = at.saturating_sub(3);
            let upto = (at + 4).min(all.words.len());
            let words =
                (from..upto).map(|i| format!("{}{}", if i == from { "" } else { all.between[i] }, all.words[i]));
            words.collect::<String>()
        };
        let steps = self.between.len().max(third.between.len());
        let odd = (0..steps).find(|&i| {
            let marks = self.between.get(i) != third.between.get(i);
            let word = match (self.words.get(i), second.words.get(i), third.words.get(i)) {
                (Some(a), Some(b), Some(c)) => !(a == c || is_near(a, c) || (a != b && is_of_a_make(a, b, c))),
                (None, None, None) => false,
                _ => true,
            };
            marks || word
        })?;
        Some((around(self, odd), around(third, odd)))
    }
}

/// Tells whether a word may have been made for one answer alone: words of a language have no digits, and are short.
fn is_made(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit()) || word.len() >= 16
}

/// Tells whether a third word is made as two were that differ: as long, with the same marks in it, or a number like them.
fn is_of_a_make(a: &str, b: &str, c: &str) -> bool {
    let marks = |word: &str| word.chars().filter(|c| !c.is_alphanumeric()).collect::<String>();
    let number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let is_like = marks(a) == marks(c) && number(a) == number(c) || marks(b) == marks(c) && number(b) == number(c);
    let has_length = a.len() != b.len() || a.len() == c.len() || number(c);
    is_like && has_length && (is_made(c) || a.len() == c.len())
}

/// Tells whether two words are times of about the same moment.
fn is_near(a: &str, b: &str) -> bool {
    const NEAR: f64 = 60.0;
    moment(a).zip(moment(b)).is_some_and(|(a, b)| (a - b).abs() <= NEAR)
}

/// The seconds that a word stands for which is a time.
fn moment(word: &str) -> Option<f64> {
    if let Some(whole) = word.split('.').next().filter(|whole| whole.bytes().all(|byte| byte.is_ascii_digit())) {
        let number: f64 = word.parse().ok()?;
        return match (whole.len(), word.len() == whole.len()) {
            (10, _) => Some(number),
            (13, true) => Some(number / 1e3),
            (16, true) => Some(number / 1e6),
            _ => None,
        };
    }
    if let Ok(time) = word.parse::<Timestamp>() {
        return Some(time.as_duration().as_secs_f64());
    }
    if let Ok(time) = word.parse::<DateTime>().or_else(|_| format!("1970-01-01T{word}").parse::<DateTime>()) {
        let date = time.date();
        let day = i64::from(date.year()) * 372 + i64::from(date.month()) * 31 + i64::from(date.day());
        let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
        return Some(std::time::Duration::from_secs(u64::try_from(day * 86_400 + seconds).ok()?).as_secs_f64());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::Answer;

    /// What is told of a third answer beside two to the same user.
    fn told(those: [&'static str; 2], here: &'static str) -> Result<Option<String>, String> {
        let answer = |body: &'static str| Answer::status(401).header("Content-Type", "application/json").body(body);
        let here = answer(here).after("earlier", answer(those[0])).after("unknown user", answer(those[1]));
        let same = "same_as: { step: earlier, again: unknown user, in: body }";
        match here.unjudgeable(same).first() {
            Some(why) => Err(why.clone()),
            None => Ok(here.broken(same).first().map(|(_, actual)| actual.clone())),
        }
    }

    #[test]
    fn bytes_count_and_what_is_made_anew_does_not() {
        let (a, b) = (
            r#"{"error":"bad credentials","at":"2026-11-27T09:00:59.12Z","trace":"0f3c91aa"}"#,
            r#"{"error":"bad credentials","at":"2026-11-27T09:00:59.3Z","trace":"77be02c1"}"#,
        );
        let with = |here| told([a, b], here);
        let same = r#"{"error":"bad credentials","at":"2026-11-27T09:01:00Z","trace":"deadbeef"}"#;
        assert_eq!(with(same), Ok(None));
        let other = r#"{"error":"no such user","at":"2026-11-27T09:01:00Z","trace":"9b1d72c0"}"#;
        assert!(with(other).unwrap().unwrap().contains("no such user"), "beside a time a real difference is found");
        let blank = r#"{"error": "bad credentials","at":"2026-11-27T09:01:00Z","trace":"9b1d72c0"}"#;
        assert!(with(blank).unwrap().is_some(), "a blank is a byte");
        let order = r#"{"at":"2026-11-27T09:01:00Z","error":"bad credentials","trace":"9b1d72c0"}"#;
        assert!(with(order).unwrap().is_some(), "so is the order");
        let gone = r#"{"error":"bad credentials","at":"2026-11-27T09:01:00Z","trace":""}"#;
        assert!(with(gone).unwrap().is_some() && with(&same[..20]).unwrap().is_some());
        let never = r#"{"error":"bad credentials","at":"1970-01-01T00:00:00Z","trace":"9b1d72c0"}"#;
        assert!(told([a, a], never).unwrap().is_some(), "a time of another day was not made now");
        // Where the two are the same, all of it counts, numbers as well.
        assert!(told([r#"{"code":1001}"#, r#"{"code":1001}"#], r#"{"code":1002}"#).unwrap().is_some());
        let spelled = told([r#"{"a":1}"#, r#"{"a":1}"#], r#"{"a": 1}"#).unwrap().unwrap();
        assert_eq!(spelled, "a difference in the spelling of the body: 7 bytes there, 8 here");
    }

    #[test]
    fn two_that_are_not_alike_show_nothing() {
        let two = [r#"{"error":"wrong password"}"#, r#"{"error":"account locked"}"#];
        assert!(told(two, r#"{"error":"unknown human"}"#).unwrap_err().contains("not alike"));
        // Members in any order are no difference, where that is so of two to the same user.
        let any = [r#"{"a":"x","b":"y"}"#, r#"{"b":"y","a":"x"}"#];
        assert_eq!(told(any, r#"{"a":"x","b":"y"}"#), Ok(None));
        assert!(told(any, r#"{"a":"x","b":"z"}"#).unwrap().is_some());
        let outline = |a: &'static str, b: &'static str| {
            Answer::status(401)
                .body(b)
                .after("earlier", Answer::status(401).body(a))
                .holds("same_as: { step: earlier, in: outline }")
        };
        assert!(outline("at 1 no", "at 2 no") && !outline("wrong password", "account locked") && !outline("a", "a b"));
    }
}
