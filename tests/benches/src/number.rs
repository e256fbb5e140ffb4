//! Numbers as people read them.

/// A number with so many digits after the point, and its thousands apart: `1,234.50`.
pub fn number(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let sign = if value < 0.0 && text.contains(|digit| ('1'..='9').contains(&digit)) { "-" } else { "" };
    format!("{sign}{}{rest}", in_thousands(whole))
}

fn in_thousands(digits: &str) -> String {
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let shown = [0.0, 999.0, 1_000.0, 1_234_567.891].map(|value| number(value, 2));
        assert_eq!(shown, ["0.00", "999.00", "1,000.00", "1,234,567.89"]);
    }

    #[test]
    fn what_is_rounded_to_nothing_has_no_sign() {
        assert_eq!([number(-1.5, 1), number(-0.001, 2)], ["-1.5", "0.00"]);
    }
}
