//! Texts of servers, made safe for logs, terminals and status files.

use doorbell_protocol::is_layout_control;

/// The longest text that is kept. Doorbell's own errors have at most about 50 characters, those about arguments some more.
const CHARS: usize = 200;

/// The text in one line of at most 200 characters. Control characters and characters that reorder text become blanks.
pub fn clean(text: &str) -> String {
    let is_hidden = |letter: char| letter.is_control() || is_layout_control(letter);
    let mut letters = text.chars().map(|letter| if is_hidden(letter) { ' ' } else { letter });
    let mut line: String = letters.by_ref().take(CHARS).collect();
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
    fn controls_and_reordering_become_blanks() {
        assert_eq!(clean("busy\r\n\u{1b}[31mERROR\u{202e}x\u{7f}"), "busy   [31mERROR x ");
    }

    #[test]
    fn long_text_is_cut_with_ellipsis() {
        let fits = "ü".repeat(CHARS);
        assert_eq!(clean(&fits), fits);
        let cut = clean(&format!("{fits}ü"));
        assert_eq!((cut.chars().count(), cut.chars().last()), (CHARS, Some('…')));
    }
}
