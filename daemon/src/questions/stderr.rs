//! The standard error of a question's program: its last lines, for the error text of a failure.

use std::io;

use doorbell_protocol::one_line;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The last lines that are shown.
const LINES: usize = 5;

/// The longest shown line, in characters. Five of them fit into the 2 KB of an error text on the wire.
const LINE_CHARS: usize = 200;

/// How much is kept while the program runs: more than the last lines have.
const KEPT_BYTES: usize = 8 << 10;

/// The last bytes of standard error.
#[derive(Default)]
pub(super) struct Tail(Vec<u8>);

impl Tail {
    /// Reads to the end, so that the program does not block.
    pub(super) async fn read(&mut self, mut source: impl AsyncRead + Unpin) -> io::Result<()> {
        loop {
            self.0.reserve(KEPT_BYTES);
            if source.read_buf(&mut self.0).await? == 0 {
                return Ok(());
            }
            let surplus = self.0.len().saturating_sub(KEPT_BYTES);
            self.0.drain(..surplus);
        }
    }

    /// The last lines that are not blank, joined by `; `.
    pub(super) fn last_lines(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut last: Vec<_> = lines.rev().take(LINES).map(|line| one_line(line, LINE_CHARS)).collect();
        last.reverse();
        last.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn last_lines(text: &[u8]) -> String {
        let mut tail = Tail::default();
        tail.read(text).await.unwrap();
        assert!(tail.0.len() <= KEPT_BYTES);
        tail.last_lines()
    }

    #[tokio::test]
    async fn shows_last_lines_only() {
        let numbers: String = (1..=10_000).map(|number| format!("{number}\n\n")).collect();
        assert_eq!(last_lines(numbers.as_bytes()).await, "9996; 9997; 9998; 9999; 10000");
        assert_eq!(last_lines(b"").await, "");
    }

    #[tokio::test]
    async fn is_bounded_and_plain() {
        let text = last_lines("\u{1b}[31mü\u{202e}".repeat(50_000).as_bytes()).await;
        assert!(text.chars().count() <= LINE_CHARS, "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }
}
