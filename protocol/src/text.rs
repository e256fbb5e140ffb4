//! Foreign texts, made safe to show and to log.

/// Whether a character reorders the text after it (Unicode's property `Bidi_Control`, UAX #9) or breaks its line
/// (U+2028 and U+2029), without being a control character. It is replaced wherever foreign text is shown or logged: it could
/// show the text in another order ("Trojan Source", CVE-2021-42574) or on more lines.
pub fn is_layout_control(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text in one line of at most `limit` characters. Control characters and [those that change the layout](is_layout_control) become
/// blanks.
pub fn one_line(text: &str, limit: usize) -> String {
    let is_hidden = |letter: char| letter.is_control() || is_layout_control(letter);
    let mut letters = text.chars().map(|letter| if is_hidden(letter) { ' ' } else { letter });
    let mut line: String = letters.by_ref().take(limit).collect();
    if letters.next().is_some() {
        line.pop();
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_with_ellipsis() {
        assert_eq!(one_line("grün", 4), "grün");
        assert_eq!(one_line("grüne", 4), "grü…");
    }

    #[test]
    fn controls_and_reordering_become_blanks() {
        assert_eq!(one_line("busy\r\n\u{1b}[31mERROR\u{202e}x\u{7f}", 80), "busy   [31mERROR x ");
    }

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
