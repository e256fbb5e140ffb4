//! How long a token lasts, as people type it: `90d`, `12h`, `30m`.

use std::time::Duration;

/// A time of at least a second and at most ten years.
///
/// # Errors
/// In words for the command line.
pub fn expiry(text: &str) -> Result<Duration, String> {
    let hint = || "not a time such as 90d, 12h or 30m".to_owned();
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(hint)?;
    let count: u64 = digits.parse().map_err(|_| hint())?;
    let seconds = match unit {
        "d" => 24 * 3600,
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        _ => return Err(hint()),
    };
    match count.checked_mul(seconds) {
        Some(seconds @ 1..=TEN_YEARS) => Ok(Duration::from_secs(seconds)),
        _ => Err("a token lasts at least a second and at most ten years".to_owned()),
    }
}

const TEN_YEARS: u64 = 10 * 366 * 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_time() {
        assert_eq!(expiry("90d"), Ok(Duration::from_secs(90 * 24 * 3600)));
        assert_eq!(expiry("12h"), Ok(Duration::from_secs(12 * 3600)));
        assert_eq!(expiry("30m"), Ok(Duration::from_secs(1800)));
        assert_eq!(expiry("2s"), Ok(Duration::from_secs(2)));
    }

    #[test]
    fn anything_else_is_not() {
        for text in ["", "d", "90", "-1d", "1w", "1.5h", "0d", "999999d", "99999999999999999999d", "9ü"] {
            assert!(expiry(text).is_err(), "{text}");
        }
    }
}
