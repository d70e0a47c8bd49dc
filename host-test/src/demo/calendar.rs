//! Days, weekdays and how an instant is written. Instants are milliseconds since 1970, in UTC.
//!
//! Offices keep their winter offset all year: summer time would move a morning by an hour and teach nothing.

pub(super) const SECOND: i64 = 1000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// Days since 1970 of a text such as `2026-03-02`. The error says what is allowed.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    let allowed = || "a date such as 2026-03-02, from 1970-01-01 to 9999-12-31".to_owned();
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        part.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| part.parse::<i64>().ok())?
    };
    let (Some(year), Some(month), Some(day)) = (number(4), number(2), number(2)) else {
        return Err(allowed());
    };
    let days = days_of(year, month, day);
    if parts.next().is_some() || year < 1970 || civil(days) != (year, month, day) {
        return Err(allowed());
    }
    Ok(days)
}

/// Days since 1970 of a date. By Howard Hinnant, `chrono`-Compatible Low-Level Date Algorithms.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day)
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
