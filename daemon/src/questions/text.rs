//! Texts of programs and clients, made safe to show.

use doorbell_protocol::is_layout_control;

/// One line of at most `limit` characters. Control characters and characters that reorder text become blanks.
pub(super) fn one_line(text: &str, limit: usize) -> String {
    let mut letters = text
        .chars()
        .map(|letter| if letter.is_control() || is_layout_control(letter) { ' ' } else { letter });
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
    fn controls_become_blanks() {
        assert_eq!(one_line("a\r\nb\u{1b}[31m\u{202e}c", 80), "a  b [31m c");
    }
}
