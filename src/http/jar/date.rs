//! The date of an `Expires` attribute, read as loosely as the draft says (section 5.1.1).

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const MONTHS: [&[u8; 3]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// What has been found so far; the first token that fits a field takes it.
#[derive(Default)]
struct Found {
    time: Option<(i8, i8, i8)>,
    day: Option<i8>,
    month: Option<i8>,
    year: Option<i16>,
}

/// Reads a cookie date; `None` when a part is missing or no such moment exists.
pub fn parse_cookie_date(text: &[u8]) -> Option<Timestamp> {
    let mut found = Found::default();
    for token in text.split(|b| is_delimiter(*b)).filter(|t| !t.is_empty()) {
        found.take(token);
    }
    let (hour, minute, second) = found.time?;
    let year = match found.year? {
        short @ 0..=69 => short + 2000,
        short @ 70..=99 => short + 1900,
        full => full,
    };
    // A leap second is refused: the draft allows 0 to 59.
    if year < 1601 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let date = Date::new(year, found.month?, found.day?).ok()?;
    let moment = date.at(hour, minute, second, 0);
    TimeZone::UTC.to_timestamp(moment).ok()
}

impl Found {
    fn take(&mut self, token: &[u8]) {
        if self.time.is_none() {
            self.time = time(token);
            if self.time.is_some() {
                return;
            }
        }
        if self.day.is_none() {
            self.day = lone_number(token, 1, 2).and_then(|n| i8::try_from(n).ok());
            if self.day.is_some() {
                return;
            }
        }
        if self.month.is_none() {
            self.month = month(token);
            if self.month.is_some() {
                return;
            }
        }
        if self.year.is_none() {
            self.year = lone_number(token, 2, 4);
        }
    }
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2F | 0x3B..=0x40 | 0x5B..=0x60 | 0x7B..=0x7E)
}

fn time(token: &[u8]) -> Option<(i8, i8, i8)> {
    let mut fields = token.splitn(3, |b| *b == b':');
    let (hour, minute, second) = (fields.next()?, fields.next()?, fields.next()?);
    if hour.len() > 2 || minute.len() > 2 {
        return None;
    }
    let all_digits = |t: &[u8]| t.iter().all(u8::is_ascii_digit);
    if !all_digits(hour) || !all_digits(minute) {
        return None;
    }
    let field = |t| lone_number(t, 1, 2).and_then(|n| i8::try_from(n).ok());
    Some((field(hour)?, field(minute)?, field(second)?))
}

fn month(token: &[u8]) -> Option<i8> {
    let start = token.get(..3)?;
    let at = MONTHS.iter().position(|m| start.eq_ignore_ascii_case(*m))?;
    i8::try_from(at + 1).ok()
}

/// Reads the digits a token starts with, if there are `min` to `max` of them (at most 4).
fn lone_number(token: &[u8], min: usize, max: usize) -> Option<i16> {
    let digits = token.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits < min || digits > max {
        return None;
    }
    let value = token[..digits].iter();
    Some(value.fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_spellings_mean_the_same_moment() {
        for text in [
            "Wed, 09 Jun 2027 10:18:14 GMT",
            "Wednesday, 09-Jun-27 10:18:14 GMT",
            "Wed Jun  9 10:18:14 2027",
            "9 june 2027 10:18:14",
            "10:18:14 2027 9 JUN",
            "Wed, 09 Jun 2027 10:18:14 +0900",
            "9jun 9x Jun 2027z 10:18:14-z",
        ] {
            let read = parse_cookie_date(text.as_bytes()).map(|t| t.to_string());
            assert_eq!(read.as_deref(), Some("2027-06-09T10:18:14Z"), "{text}");
        }
    }

    #[test]
    fn a_date_that_does_not_exist_is_none() {
        for text in [
            "",
            "Wed, 09 Jun 2027",
            "09 Jun 10:18:14",
            "Jun 2027 10:18:14",
            "09 2027 10:18:14",
            "31 Feb 2027 10:18:14",
            "00 Jun 2027 10:18:14",
            "09 Jun 1600 10:18:14",
            "09 Jun 02027 10:18:14",
            "09 Jun 2027 24:00:00",
            "09 Jun 2027 10:60:00",
            "09 Jun 2027 10:18:60",
            "09 Jun 2027 010:18:14",
            "09 Jun 2027 10:18",
        ] {
            assert_eq!(parse_cookie_date(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn two_digit_years_pivot_at_seventy() {
        let year = |text: &str| parse_cookie_date(text.as_bytes()).map(|t| t.to_string()[..4].to_owned());
        assert_eq!(year("01 Jan 70 00:00:00").as_deref(), Some("1970"));
        assert_eq!(year("01 Jan 99 00:00:00").as_deref(), Some("1999"));
        assert_eq!(year("01 Jan 69 00:00:00").as_deref(), Some("2069"));
        assert_eq!(year("01 Jan 00 00:00:00").as_deref(), Some("2000"));
    }
}
