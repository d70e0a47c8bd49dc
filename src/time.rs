//! Event time: the time texts of the wire, as seconds since 1970. There is no clock anywhere.
//!
//! Seen on the wire, each with its row in the test below: `2019-10-18T09:45:48.0729893Z` (Azure Monitor),
//! `…+00:00` and `…-05:00` (`createdDateTime`), nine fractional digits, a space for the `T` and no zone
//! (normalised streams), no zone at all (Office 365, UTC), `11/14/2025 1:48:53 AM` (service principals, AD FS).

use chrono::{DateTime, Datelike, Timelike};

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
        // Hardly ever is there anything to be trimmed.
        Moment::read(text.as_bytes()).or_else(|| Moment::read(text.trim().as_bytes()))
    }

    fn read(text: &[u8]) -> Option<Moment> {
        let (stamp, rest) = if text.get(4) == Some(&b'-') {
            iso(text)?
        } else {
            american(text)?
        };
        let offset = zone_minutes(rest)?;
        Some(Moment {
            millis: stamp.checked_sub(offset * 60_000)?,
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

/// `2019-10-18T09:45:48.0729893` in milliseconds, and what follows it.
fn iso(text: &[u8]) -> Option<(i64, &[u8])> {
    let (stamp, rest) = text.split_first_chunk::<19>()?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T' | b't' | b' ',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = *stamp
    else {
        return None;
    };
    let date = [
        number(&[y1, y2, y3, y4])?,
        number(&[m1, m2])?,
        number(&[d1, d2])?,
    ];
    let clock = [number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?];
    let (millis, rest) = fraction(rest)?;
    Some((stamp_millis(date, clock, millis)?, rest))
}

/// `11/14/2025 1:48:53 AM`, month first, in milliseconds, and what follows it.
fn american(text: &[u8]) -> Option<(i64, &[u8])> {
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
    let stamp = stamp_millis([year, month, day], [hour, minute, second], millis)?;
    Some((stamp, rest.trim_ascii_start()))
}

/// From the last of February of the year -400 to the first of January 1970.
const DAYS_TO_1970: i64 = 865_566;

/// Milliseconds from 1970 to a date (year up to 9999, month, day) and a time of day; `None` where there is no such.
fn stamp_millis(
    [year, month, day]: [u32; 3],
    [hour, minute, second]: [u32; 3],
    millis: u32,
) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=month_days).contains(&day) || hour > 23 || minute > 59 {
        return None;
    }
    // Years begin with March here, so that a leap day is the last of its year; four hundred years more keep all above 0.
    let years = year + 400 - u32::from(month < 3);
    let months = (month + 9) % 12;
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day;
    let days = i64::from(days) - DAYS_TO_1970;
    // A leap second counts as the second before it.
    let secs = i64::from(hour * 3600 + minute * 60 + second.min(59));
    Some((days * 86_400 + secs) * 1000 + i64::from(millis))
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
#[inline]
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, &digit| {
        let digit = u32::from(digit.wrapping_sub(b'0'));
        (digit < 10).then_some(number * 10 + digit)
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
    fn dates_are_those_of_the_calendar() {
        for year in 0..=9999_u16 {
            for month in 0..=13 {
                for day in [0, 1, 28, 29, 30, 31, 32] {
                    let date = chrono::NaiveDate::from_ymd_opt(year.into(), month, day);
                    let millis = date
                        .and_then(|date| date.and_hms_opt(7, 8, 9))
                        .map(|stamp| stamp.and_utc().timestamp_millis());
                    let own = stamp_millis([year.into(), month, day], [7, 8, 9], 0);
                    assert_eq!(own, millis, "{year}-{month}-{day}");
                }
            }
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
