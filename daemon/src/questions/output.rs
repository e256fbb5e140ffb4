//! The standard output of a question's program: progress lines and the result.
//!
//! A line that is a JSON object with the only key `progress` is progress, so a result cannot be such an object on one line.

use std::io;

use doorbell_protocol::limits::PROGRESS_BYTES;
use doorbell_protocol::{Json, Object};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::watch;

/// The most output that is read, without progress: 1 MB. A result may be 364 KiB, but the JSON text of the program may have
/// blanks around it, and a text is shorter than its JSON.
pub(super) const OUTPUT_BYTES: usize = 1 << 20;

/// The least that is read at once.
const READ_BYTES: usize = 8 << 10;

/// Why reading the output ended early.
#[derive(Debug)]
pub(super) enum ReadError {
    /// Longer than [`OUTPUT_BYTES`].
    TooLong,
    /// The system's error.
    Io(io::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgressLine {
    progress: Json,
}

/// What a program has printed so far.
pub(super) struct Output<'a> {
    progress: &'a watch::Sender<Option<Json>>,
    /// Complete lines that are not progress.
    lines: Vec<u8>,
    /// The line that is being read.
    line: Vec<u8>,
}

impl<'a> Output<'a> {
    /// Sends progress to `progress`.
    pub(super) fn new(progress: &'a watch::Sender<Option<Json>>) -> Self {
        Self { progress, lines: Vec::new(), line: Vec::new() }
    }

    /// Reads to the end. What was read is kept if the future is dropped.
    pub(super) async fn read(&mut self, mut source: impl AsyncRead + Unpin) -> Result<(), ReadError> {
        loop {
            let known = self.line.len();
            self.line.reserve(READ_BYTES);
            if source.read_buf(&mut self.line).await.map_err(ReadError::Io)? == 0 {
                return Ok(());
            }
            self.take_lines(known);
            if self.lines.len() + self.line.len() > OUTPUT_BYTES {
                return Err(ReadError::TooLong);
            }
        }
    }

    /// Takes the complete lines out of `line`, whose first `known` bytes have no end of line.
    fn take_lines(&mut self, known: usize) {
        let has_end = self.line.iter().skip(known).any(|byte| *byte == b'\n');
        if !has_end {
            return;
        }
        let read = std::mem::take(&mut self.line);
        for line in read.split_inclusive(|byte| *byte == b'\n') {
            if line.ends_with(b"\n") {
                self.take_line(line);
            } else {
                self.line = line.to_vec();
            }
        }
    }

    fn take_line(&mut self, line: &[u8]) {
        match progress(line) {
            None => self.lines.extend_from_slice(line),
            Some(progress) if progress.as_str().len() > PROGRESS_BYTES => {
                tracing::warn!(bytes = progress.as_str().len(), "progress over 4 KB dropped");
            }
            Some(progress) => {
                self.progress.send_replace(Some(progress));
            }
        }
    }

    /// The result: the output as JSON, or as `{"text": "…"}` if it is not one JSON value.
    pub(super) fn into_result(mut self) -> Json {
        let last = std::mem::take(&mut self.line);
        self.take_line(&last);
        let text = String::from_utf8_lossy(&self.lines);
        let text = text.trim_end();
        match text.parse::<Json>() {
            // Clients parse the value, which is stricter: no lone surrogates, no numbers beyond a double.
            Ok(json) if json.parse::<Value>().is_ok() => json,
            _ => as_text(text),
        }
    }
}

/// The value of a progress line.
fn progress(line: &[u8]) -> Option<Json> {
    // Most lines are not progress; parsing each of them would take as long as the result.
    if !line.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let Object(ProgressLine { progress }) = serde_json::from_slice(line).ok()?;
    Some(progress)
}

fn as_text(text: &str) -> Json {
    let value = json!({ "text": text });
    Json::try_from(&value).unwrap_or_else(|_| unreachable!("the object is one level deep"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(chunks: &[&[u8]]) -> (Json, Option<Json>) {
        let (progress, receiver) = watch::channel(None);
        let mut output = Output::new(&progress);
        for chunk in chunks {
            output.read(*chunk).await.unwrap();
        }
        let result = output.into_result();
        let last = receiver.borrow().clone();
        (result, last)
    }

    async fn result(text: &str) -> String {
        read(&[text.as_bytes()]).await.0.as_str().to_owned()
    }

    #[tokio::test]
    async fn json_is_the_result_as_spelled() {
        for text in [r#"{"b":1.10,"a":[]}"#, "[\n  1,\n  2\n]", "null", "7", r#""text""#] {
            assert_eq!(result(&format!(" {text} \n\n")).await, text);
        }
    }

    #[tokio::test]
    async fn anything_else_is_text() {
        for (text, expected) in [
            ("Filesystem  Avail\n/  7G\n", r#"{"text":"Filesystem  Avail\n/  7G"}"#),
            ("  {} {}\n", r#"{"text":"  {} {}"}"#),
            ("", r#"{"text":""}"#),
            (r#"["\ud800"]"#, r#"{"text":"[\"\\ud800\"]"}"#),
            ("1e999", r#"{"text":"1e999"}"#),
        ] {
            assert_eq!(result(text).await, expected);
        }
        assert_eq!(read(&[b"a\xff\0b\r\n"]).await.0.as_str(), r#"{"text":"a�\u0000b"}"#);
    }

    #[tokio::test]
    async fn progress_lines_are_not_output() {
        let text =
            "{\"progress\":{\"done\":1}}\n[1,\n { \"progress\" : \"half\" } \r\n2]\n{\"progress\":[3]}";
        let (result, progress) = read(&[text.as_bytes()]).await;
        assert_eq!((result.as_str(), progress.unwrap().as_str()), ("[1,\n2]", "[3]"));
    }

    #[tokio::test]
    async fn progress_line_may_arrive_in_parts() {
        let (result, progress) = read(&[b"[1", b"]\n{\"prog", b"ress\":", b"7}\n "]).await;
        assert_eq!((result.as_str(), progress.unwrap().as_str()), ("[1]", "7"));
    }

    #[tokio::test]
    async fn other_objects_are_output() {
        for text in [
            r#"{"progress":1,"more":2}"#,
            r#"{"progress":1}{"progress":2}"#,
            r#"["progress"]"#,
            r#"{"Progress":1}"#,
        ] {
            let (_, progress) = read(&[text.as_bytes()]).await;
            assert_eq!(progress, None, "{text}");
        }
    }

    #[tokio::test]
    async fn progress_over_limit_is_dropped() {
        let line = |bytes: usize| format!("{{\"progress\":\"{}\"}}\n1", "x".repeat(bytes - 2));
        let longest = read(&[line(PROGRESS_BYTES).as_bytes()]).await;
        assert_eq!(longest.1.unwrap().as_str().len(), PROGRESS_BYTES);
        let longer = read(&[line(PROGRESS_BYTES + 1).as_bytes()]).await;
        assert_eq!((longer.0.as_str(), longer.1), ("1", None));
    }

    #[tokio::test]
    async fn output_over_limit_is_an_error() {
        let (progress, _) = watch::channel(None);
        let read = async |text: &[u8]| Output::new(&progress).read(text).await;
        for line in ["x", "x\n"] {
            let longest = line.repeat(OUTPUT_BYTES / line.len());
            assert!(read(longest.as_bytes()).await.is_ok());
            assert!(matches!(read((longest + "x").as_bytes()).await, Err(ReadError::TooLong)));
        }
    }

    #[tokio::test]
    async fn progress_does_not_count_towards_limit() {
        let line = format!("{{\"progress\":\"{}\"}}\n", "x".repeat(4_000));
        let (result, _) = read(&[line.repeat(400).as_bytes(), b"1"]).await;
        assert_eq!(result.as_str(), "1");
    }
}
