//! Texts of files in a list for clients.

use doorbell_protocol::is_layout_control;

/// The text in one line, without control characters, and with at most `chars` characters. `None` if nothing is left.
pub(super) fn one_line(text: &str, chars: usize) -> Option<String> {
    let visible: String = text.chars().map(|letter| if is_hidden(letter) { ' ' } else { letter }).collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = match line.char_indices().nth(chars) {
        None => line,
        Some(_) => line.chars().take(chars.saturating_sub(1)).chain(['…']).collect(),
    };
    Some(line).filter(|line| !line.is_empty())
}

/// Whether the text has no control characters.
pub(super) fn is_visible(text: &str) -> bool {
    !text.chars().any(is_hidden)
}

fn is_hidden(letter: char) -> bool {
    letter.is_control() || is_layout_control(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_lines_and_removes_controls() {
        assert_eq!(one_line(" a\r\n  b\u{1b}[31m\u{202e}c\t", 99).as_deref(), Some("a b [31m c"));
        assert_eq!(one_line(" \n\u{7}", 99), None);
    }

    #[test]
    fn shortens_long_text() {
        assert_eq!(one_line("äöüß", 4).as_deref(), Some("äöüß"));
        assert_eq!(one_line("äöüßa", 4).as_deref(), Some("äöü…"));
    }
}
