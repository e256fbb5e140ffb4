//! Text that programs print for terminals.

/// The lines that are not blank, trimmed and without escape sequences. `None` for a line with other control characters or
/// invalid UTF-8.
pub(super) fn lines(output: &[u8]) -> impl Iterator<Item = Option<String>> {
    output.split(|&byte| byte == b'\n').map(plain).filter(|line| line.as_deref() != Some(""))
}

fn plain(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?;
    // `anstream` keeps tabs; `strip-ansi-escapes` drops them, which would join two words. Both drop other control characters
    // silently, so those are rejected first.
    let is_text = |letter: char| !letter.is_control() || "\t\r\u{7}\u{1b}".contains(letter);
    line.chars().all(is_text).then(|| anstream::adapter::strip_str(line).to_string().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_blank_lines_and_escapes() {
        let output =
            "\r\n\u{1b}[1;32mfour\u{1b}[0m\r\n \n\u{1b}]0;title\u{7}two\tb\n\u{1b}]8;;x\u{1b}\\three";
        let expected = ["four", "two\tb", "three"].map(|line| Some(line.to_owned()));
        assert_eq!(lines(output.as_bytes()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn rejects_line_with_control_character_or_invalid_utf8() {
        let expected = [Some("a".to_owned()), None, None, Some("b".to_owned())];
        assert_eq!(lines(b"a\nx\0y\nx\xffy\nb\n").collect::<Vec<_>>(), expected);
    }
}
