//! Event time: the time texts of the wire, as seconds since 1970. There is no clock anywhere.
//!
//! Seen on the wire, each with its row in the test below: `2019-10-18T09:45:48.0729893Z` (Azure Monitor),
//! `…+00:00` and `…-05:00` (`createdDateTime`), nine fractional digits, a space for the `T` and no zone
//! (normalised streams), no zone at all (Office 365, UTC), `11/14/2025 1:48:53 AM` (service principals, AD FS).

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};

/// A moment in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Milliseconds; digits of the text beyond the third are dropped.
    pub millis: i64,
}

impl Moment {
    /// Reads a time text; `None` where it is none of the known forms or no real date.
    /// A text without a zone is UTC.
    pub fn parse(text: &str) -> Option<Moment> {
        let text = text.trim().as_bytes();
        let (stamp, rest) = if text.get(4) == Some(&b'-') {
            iso(text)?
        } else {
            american(text)?
        };
        let offset = zone_minutes(rest)?;
        let millis = stamp.and_utc().timestamp_millis();
        Some(Moment {
            millis: millis.checked_sub(offset * 60_000)?,
        })
    }

    /// The moment as the wire writes it, to the second: `2019-10-18T09:45:48Z`.
    pub fn text(self) -> String {
        let stamp = DateTime::from_timestamp_millis(self.millis).unwrap_or_default();
        let mut text = String::with_capacity(20);
        for (number, digits, after) in [
            (stamp.year().unsigned_abs(), 4, '-'),
            (stamp.month(), 2, '-'),
            (stamp.day(), 2, 'T'),
            (stamp.hour(), 2, ':'),
            (stamp.minute(), 2, ':'),
            (stamp.second(), 2, 'Z'),
        ] {
            for place in (0..digits).rev() {
                text.push(char::from_digit(number / 10_u32.pow(place) % 10, 10).unwrap_or('0'));
            }
            text.push(after);
        }
        text
    }

    /// Whole seconds since 1970.
    pub fn secs(self) -> i64 {
        self.millis.div_euclid(1000)
    }
}

/// `2019-10-18T09:45:48.0729893` and what follows it.
fn iso(text: &[u8]) -> Option<(NaiveDateTime, &[u8])> {
    let (date, clock) = text.split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    let day = NaiveDate::from_ymd_opt(
        i32::try_from(year).ok()?,
        number(&[m1, m2])?,
        number(&[d1, d2])?,
    )?;
    let Some((b'T' | b't' | b' ', clock)) = clock.split_first() else {
        return None;
    };
    let (time, rest) = clock.split_at_checked(8)?;
    let [h1, h2, b':', n1, n2, b':', s1, s2] = *time else {
        return None;
    };
    let (millis, rest) = fraction(rest)?;
    let stamp = day.and_hms_milli_opt(
        number(&[h1, h2])?,
        number(&[n1, n2])?,
        // A leap second counts as the second before it.
        number(&[s1, s2])?.min(59),
        millis,
    )?;
    Some((stamp, rest))
}

/// `11/14/2025 1:48:53 AM`, month first, and what follows it.
fn american(text: &[u8]) -> Option<(NaiveDateTime, &[u8])> {
    let (month, rest) = digits(text)?;
    let (day, rest) = digits(rest.strip_prefix(b"/")?)?;
    let (year, rest) = digits(rest.strip_prefix(b"/")?)?;
    let (hour, rest) = digits(rest.strip_prefix(b" ")?)?;
    let (minute, rest) = digits(rest.strip_prefix(b":")?)?;
    let (second, rest) = digits(rest.strip_prefix(b":")?)?;
    let (millis, rest) = fraction(rest)?;
    let rest = rest.trim_ascii_start();
    let (hour, rest) = match rest.split_at_checked(2) {
        Some((half, rest)) if half.eq_ignore_ascii_case(b"AM") => (hour % 12, rest),
        Some((half, rest)) if half.eq_ignore_ascii_case(b"PM") => (hour % 12 + 12, rest),
        _ => (hour, rest),
    };
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let stamp = date.and_hms_milli_opt(hour, minute, second.min(59), millis)?;
    Some((stamp, rest.trim_ascii_start()))
}

/// The fraction of a second in milliseconds, 0 where there is none.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some(rest) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let (digits, rest) = rest.split_at_checked(length)?;
    let digit = |at: usize| digits.get(at).map_or(0, |byte| u32::from(byte - b'0'));
    Some((digit(0) * 100 + digit(1) * 10 + digit(2), rest))
}

/// Minutes east of UTC: nothing and `Z` are 0.
fn zone_minutes(text: &[u8]) -> Option<i64> {
    let (sign, rest) = match text.split_first() {
        None | Some((b'Z' | b'z', [])) => return Some(0),
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        Some(_) => return None,
    };
    let (hours, minutes) = match *rest {
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (number(&[h1, h2])?, number(&[m1, m2])?),
        [h1, h2] => (number(&[h1, h2])?, 0),
        _ => return None,
    };
    // The widest zone in use is +14:00.
    let total = hours * 60 + minutes;
    (total <= 14 * 60 && minutes < 60).then_some(sign * i64::from(total))
}

/// One to four digits as a number, and what follows them.
fn digits(text: &[u8]) -> Option<(u32, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=4).contains(&length) {
        return None;
    }
    let (digits, rest) = text.split_at_checked(length)?;
    Some((number(digits)?, rest))
}

/// A few digits as a number.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number: u32, &digit| {
        Some(number * 10 + char::from(digit).to_digit(10)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_of_the_wire() {
        let rows: [(&str, Option<i64>); 28] = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2019-10-18T09:45:48.0729893Z", Some(1_571_391_948_072)),
            ("2019-10-18T04:45:48.0729893-05:00", Some(1_571_391_948_072)),
            ("2019-10-18T09:45:48.0729893+00:00", Some(1_571_391_948_072)),
            ("2019-10-18T09:45:48+0000", Some(1_571_391_948_000)),
            ("2023-07-26 22:58:30.983201900", Some(1_690_412_310_983)),
            ("2025-01-15 09:30:45.123", Some(1_736_933_445_123)),
            ("2022-12-12T15:57:57", Some(1_670_860_677_000)),
            ("2016-12-31T23:59:60Z", Some(1_483_228_799_000)),
            ("11/14/2025 1:48:53 AM", Some(1_763_084_933_000)),
            ("11/14/2025 1:48:53 PM", Some(1_763_128_133_000)),
            ("11/14/2025 12:00:00 AM", Some(1_763_078_400_000)),
            ("11/14/2025 12:00:00 PM", Some(1_763_121_600_000)),
            ("11/14/2025 13:48:53", Some(1_763_128_133_000)),
            ("11/14/2025 1:48:53 AM +00:00", Some(1_763_084_933_000)),
            ("11/14/2025 1:48:53 AM -05:00", Some(1_763_102_933_000)),
            (" 2022-12-12T15:57:57Z ", Some(1_670_860_677_000)),
            ("0001-01-01T00:00:00Z", Some(-62_135_596_800_000)),
            ("", None),
            ("yesterday", None),
            ("2022-13-12T15:57:57Z", None),
            ("2022-02-30T15:57:57Z", None),
            ("2022-12-12T25:57:57Z", None),
            ("2022-12-12T15:57:57.Z", None),
            ("2022-12-12T15:57:57+99:00", None),
            ("2022-12-12T15:57:57 GMT", None),
            ("14/11/2025 1:48:53 AM", None),
            ("99999999999999/1/1 1:1:1", None),
        ];
        for (text, millis) in rows {
            assert_eq!(Moment::parse(text).map(|at| at.millis), millis, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2019-10-18T09:45:48Z",
            "2100-02-28T23:59:59Z",
        ] {
            assert_eq!(Moment::parse(text).unwrap().text(), text);
        }
    }

    #[test]
    fn seconds_round_down_before_1970_too() {
        for (millis, secs) in [(1999, 1), (0, 0), (-1, -1), (-1000, -1), (-1001, -2)] {
            assert_eq!(Moment { millis }.secs(), secs);
        }
    }
}
