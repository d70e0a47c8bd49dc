//! Days, weekdays and how an instant is written. Instants are milliseconds since 1970, in UTC.
//!
//! Offices keep their winter offset all year: summer time would move a morning by an hour and teach nothing.

use chrono::{Datelike, NaiveDate};

pub(super) const SECOND: i64 = 1000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// Days since 1970 of a text such as `2026-03-02`. The error says what is allowed.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let date = date.filter(|date| date.year() >= 1970 && date.to_string() == text);
    date.map(|date| i64::from(date.to_epoch_days()))
        .ok_or_else(|| "a date such as 2026-03-02, from 1970-01-01 to 9999-12-31".to_owned())
}

/// Year, month and day.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let days = i32::try_from(days).ok();
    let date = days
        .and_then(NaiveDate::from_epoch_days)
        .unwrap_or_default();
    (date.year().into(), date.month().into(), date.day().into())
}

/// 0 is Monday. 1970 began on a Thursday.
pub(super) fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7)
}

/// Writes an instant with seven digits after the second, as Entra does. `ticks` are the last four of them.
pub(super) fn write(out: &mut String, at: i64, ticks: u64, zone: &str) {
    let (year, month, day) = civil(at.div_euclid(DAY));
    let of_day = at.rem_euclid(DAY);
    digits(out, year, 4);
    out.push('-');
    digits(out, month, 2);
    out.push('-');
    digits(out, day, 2);
    out.push('T');
    digits(out, of_day / HOUR, 2);
    out.push(':');
    digits(out, of_day / MINUTE % 60, 2);
    out.push(':');
    digits(out, of_day / SECOND % 60, 2);
    out.push('.');
    digits(out, of_day % SECOND, 3);
    digits(out, (ticks % 10_000).cast_signed(), 4);
    out.push_str(zone);
}

/// Writes a number with leading zeros.
pub(super) fn digits(out: &mut String, number: i64, width: u32) {
    for place in (0..width).rev() {
        let digit = number / 10_i64.pow(place) % 10;
        out.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_written() {
        for (text, days, week) in [
            ("1970-01-01", 0, 3),
            ("2024-02-29", 19_782, 3),
            ("2026-03-02", 20_514, 0),
            ("2026-12-31", 20_818, 3),
        ] {
            assert_eq!(parse(text), Ok(days), "{text}");
            assert_eq!(weekday(days), week, "{text}");
            let mut written = String::new();
            write(&mut written, days * DAY + 3 * HOUR + 7, 12, "Z");
            assert_eq!(written, format!("{text}T03:00:00.0070012Z"));
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2026-3-2",
            "2026-02-30",
            "2026-13-01",
            "1969-12-31",
            "2026-03-02-1",
            "+026-03-02",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
