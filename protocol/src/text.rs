//! Characters that change how a text is shown.

/// Whether a character reorders the text after it (Unicode's property `Bidi_Control`, UAX #9) or breaks its line
/// (U+2028 and U+2029), without being a control character. It is replaced wherever foreign text is shown or logged: it could
/// show the text in another order ("Trojan Source", CVE-2021-42574) or on more lines.
pub fn is_layout_control(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_controls_reorder_text_or_break_lines() {
        for letter in [
            '\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202e}', '\u{2066}',
            '\u{2069}',
        ] {
            assert!(is_layout_control(letter), "{letter:?}");
        }
        for letter in ['a', '\n', 'ש', '\u{200d}', '\u{2027}', '\u{202f}', '\u{2065}', '\u{206a}'] {
            assert!(!is_layout_control(letter), "{letter:?}");
        }
    }
}
