//! QR codes of half blocks: two modules in a character.

use std::io;

use anstyle::AnsiColor;
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Prints a QR code of `text` if it fits into the terminal; broken lines could not be scanned.
///
/// White on black, whatever the colours of the terminal. Without colours, light modules are drawn, which suits a dark terminal; most
/// scanners read the inverse, too.
pub fn qr_code(text: &str) {
    let Some((terminal_size::Width(columns), _)) = terminal_size::terminal_size_of(io::stdout()) else {
        return;
    };
    let rows = rows(text).filter(|rows| rows.iter().all(|row| row.chars().count() <= columns.into()));
    let style = AnsiColor::BrightWhite.on(AnsiColor::Black);
    for row in rows.unwrap_or_default() {
        super::line(format!("{style}{row}{style:#}"));
    }
}

/// `None` if the text is too long for a code.
fn rows(text: &str) -> Option<Vec<String>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let drawn = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    Some(drawn.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_modules_are_drawn() {
        let rows = rows("doorbell join K7QX-4M2N-9TBC-HW5R --url https://doorbell.example.com").unwrap();
        // 33 modules and 4 of margin at each side.
        assert_eq!((rows.len(), rows[0].chars().count()), (21, 41));
        assert!(rows[0].chars().all(|letter| letter == '█'), "the margin is light: {}", rows[0]);
        // The finder pattern: a dark border of 7 modules and a light one within it.
        assert!(rows[2].starts_with("████ ▄▄▄▄▄ █"), "{}", rows[2]);
    }

    #[test]
    fn long_text_has_no_code() {
        assert_eq!(rows(&"a".repeat(4_000)), None);
    }
}
