//! A conversation with a program: JSON texts, one a line, on its standard input and output.
//!
//! What is read is bounded, the time is not: callers bound it. Dropping a conversation kills the program and its group.

use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use tokio::process::{ChildStdin, ChildStdout};
use tokio_util::task::AbortOnDropHandle;

use super::SourceError;
use super::model_list::LIST_BYTES;
use super::process::Program;
use super::process_group::{ProcessGroup, STDERR_BYTES, read_prefix};

/// How many lines a program prints at most. Notices and progress come between the answers.
const LINES: usize = 10_000;

/// How much a program prints at most, all lines together.
const OUTPUT_BYTES: u64 = 4 * LIST_BYTES as u64;

/// How long a program that closed its standard output takes to exit. Its exit status and standard error are awaited.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// A running program that reads and prints JSON lines.
pub(super) struct Conversation<'p> {
    program: &'p Program,
    login: Option<&'p str>,
    input: ChildStdin,
    output: BufReader<Take<ChildStdout>>,
    /// Read in the background: a program whose standard error is full blocks.
    stderr: Option<AbortOnDropHandle<Vec<u8>>>,
    group: ProcessGroup,
    lines_left: usize,
}

impl<'p> Conversation<'p> {
    /// Starts the program. A known agent program has a `login`: its arguments for logging in.
    ///
    /// # Errors
    /// The system does not run the program.
    pub(super) fn start(program: &'p Program, login: Option<&'p str>) -> Result<Self, SourceError> {
        let mut command = program.command();
        command.stdin(Stdio::piped());
        let mut group = ProcessGroup::spawn(command).map_err(|error| program.not_started(error.kind()))?;
        let child = group.child();
        let (Some(input), Some(output), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(program.not_runnable(std::io::ErrorKind::BrokenPipe));
        };
        let stderr = async { read_prefix(stderr, STDERR_BYTES).await.unwrap_or_default() };
        Ok(Self {
            program,
            login,
            input,
            output: BufReader::new(output.take(OUTPUT_BYTES)),
            stderr: Some(AbortOnDropHandle::new(tokio::spawn(stderr))),
            group,
            lines_left: LINES,
        })
    }

    /// Writes a message as one line. A program that has exited is no error here: [`next_line`](Self::next_line) says why.
    ///
    /// A program that does not read blocks a message longer than the pipe's buffer (64 KiB on Linux).
    pub(super) async fn send(&mut self, message: &impl Serialize) -> Result<(), SourceError> {
        let mut line = serde_json::to_vec(message).map_err(|_| self.program.invalid_output())?;
        line.push(b'\n');
        // The only other error of a pipe is an interruption, which tokio retries.
        let _ = self.input.write_all(&line).await;
        Ok(())
    }

    /// The next line without its end. May be empty or no JSON: some programs print notices.
    ///
    /// # Errors
    /// The program has ended its output, or exceeds a limit.
    pub(super) async fn next_line(&mut self) -> Result<Vec<u8>, SourceError> {
        let mut line = Vec::new();
        let mut output = (&mut self.output).take(LIST_BYTES as u64 + 1);
        let read = output.read_until(b'\n', &mut line).await;
        read.map_err(|error| self.program.not_runnable(error.kind()))?;
        let is_in_limits = self.lines_left > 0 && line.len() <= LIST_BYTES;
        self.lines_left = self.lines_left.saturating_sub(1);
        match line.last() {
            _ if !is_in_limits => Err(self.program.invalid_output()),
            None => Err(self.ended().await),
            Some(b'\n') => {
                line.pop();
                Ok(line)
            }
            Some(_) => Ok(line),
        }
    }

    /// The first result of `pick` for a line. Other lines are skipped.
    ///
    /// # Errors
    /// As [`next_line`](Self::next_line).
    pub(super) async fn find<T>(
        &mut self,
        mut pick: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<T, SourceError> {
        loop {
            if let Some(picked) = pick(&self.next_line().await?) {
                return Ok(picked);
            }
        }
    }

    /// Why there is no further line.
    async fn ended(&mut self) -> SourceError {
        let Some(stderr) = self.stderr.take().filter(|_| self.output.get_ref().limit() > 0) else {
            return self.program.invalid_output();
        };
        let exit = async { (stderr.await.unwrap_or_default(), self.group.wait().await) };
        match tokio::time::timeout(EXIT_TIMEOUT, exit).await {
            Ok((stderr, Ok(status))) if !status.success() => {
                self.program.failure(status, &stderr, self.login)
            }
            _ => self.program.invalid_output(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tempfile::TempDir;
    use tokio::net::unix::pipe::{OpenOptions, Receiver};

    use super::*;
    use crate::sources::script::executable;

    fn script(folder: &TempDir, body: &str) -> Program {
        Program::new(executable(folder.path(), "agent", body), ["serve"])
    }

    /// The error of the first line.
    async fn error(body: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let program = script(&folder, body);
        let mut conversation = Conversation::start(&program, Some("login")).unwrap();
        conversation.next_line().await.unwrap_err().to_string()
    }

    const INVALID: &str = "agent printed something other than a list of models; is it up to date?";

    #[tokio::test]
    async fn exchanges_lines_with_running_program() {
        let folder = tempfile::tempdir().unwrap();
        let program = script(&folder, "while read -r line; do echo \"got $line\"; done");
        let mut conversation = Conversation::start(&program, None).unwrap();
        for number in [1, 2] {
            conversation.send(&json!({"number": number})).await.unwrap();
            let expected = format!(r#"got {{"number":{number}}}"#);
            assert_eq!(conversation.next_line().await.unwrap(), expected.as_bytes());
        }
    }

    #[tokio::test]
    async fn last_line_needs_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let program = script(&folder, "printf 'one\\n\\ntwo'");
        let mut conversation = Conversation::start(&program, None).unwrap();
        for line in ["one", "", "two"] {
            assert_eq!(conversation.next_line().await.unwrap(), line.as_bytes());
        }
    }

    #[tokio::test]
    async fn finds_line_behind_others() {
        let folder = tempfile::tempdir().unwrap();
        let program = script(&folder, "echo notice; echo; echo 41; echo 42");
        let mut conversation = Conversation::start(&program, None).unwrap();
        let pick = |line: &[u8]| serde_json::from_slice::<u32>(line).ok();
        assert_eq!(conversation.find(pick).await.unwrap(), 41);
    }

    #[tokio::test]
    async fn stderr_does_not_block_program() {
        let folder = tempfile::tempdir().unwrap();
        let program = script(&folder, "yes err | head -c 1000000 >&2; echo out");
        let mut conversation = Conversation::start(&program, None).unwrap();
        assert_eq!(conversation.next_line().await.unwrap(), b"out");
    }

    #[tokio::test]
    async fn failure_is_explained_by_status_and_stderr() {
        let text =
            "agent could not list its models (exit status 3); run \"agent serve\" on this machine to see why";
        assert_eq!(error("echo trace >&2; exit 3").await, text);
        let text = "agent is not logged in: run \"agent login\" on this machine";
        assert_eq!(error("echo 'Please log in' >&2; exit 1").await, text);
    }

    #[tokio::test]
    async fn exit_without_answer_is_no_list() {
        assert_eq!(error("exit 0").await, INVALID);
    }

    #[tokio::test]
    async fn program_that_exited_can_be_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let program = script(&folder, "exec <&-; exit 3");
        let mut conversation = Conversation::start(&program, Some("login")).unwrap();
        while conversation.next_line().await.is_ok() {}
        assert_eq!(conversation.send(&json!({})).await, Ok(()));
        assert_eq!(conversation.next_line().await.unwrap_err().to_string(), INVALID);
    }

    /// The clock is paused: it jumps to the limit while only the program is awaited.
    #[tokio::test(start_paused = true)]
    async fn closed_output_does_not_wait_for_exit() {
        assert_eq!(error("exec >&- 2>&-; exec sleep 1000").await, INVALID);
    }

    #[tokio::test]
    async fn rejects_line_over_8_mib() {
        assert_eq!(error("yes | tr -d '\\n'").await, INVALID);
    }

    #[tokio::test]
    async fn rejects_more_than_10_000_lines() {
        let folder = tempfile::tempdir().unwrap();
        let program = script(&folder, "exec yes");
        let mut conversation = Conversation::start(&program, None).unwrap();
        let mut lines = 0;
        let error = conversation
            .find(|_| {
                lines += 1;
                None::<()>
            })
            .await
            .unwrap_err();
        assert_eq!((lines, error.to_string().as_str()), (LINES, INVALID));
    }

    #[tokio::test]
    async fn rejects_more_than_32_mib() {
        let folder = tempfile::tempdir().unwrap();
        let program =
            script(&folder, "line=$(yes | tr -d '\\n' | head -c 100000); while echo \"$line\"; do :; done");
        let mut conversation = Conversation::start(&program, None).unwrap();
        let mut bytes = 0;
        let error = conversation
            .find(|line| {
                bytes += line.len();
                None::<()>
            })
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), INVALID);
        assert!(bytes <= 32 << 20, "{bytes}");
    }

    #[tokio::test]
    async fn missing_program_is_not_installed() {
        let program = Program::new("no-such-agent".into(), ["serve"]);
        let error = Conversation::start(&program, None).err().unwrap();
        assert_eq!(error, SourceError::NotInstalled { program: "no-such-agent".to_owned() });
    }

    /// The other side of the pipe `fifo`, which scripts open as file 3. It ends when the script and its children have ended.
    fn fifo(folder: &TempDir) -> Receiver {
        let path = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        OpenOptions::new().open_receiver(path).unwrap()
    }

    const OPEN_FIFO: &str = "exec 3> \"$(dirname \"$0\")/fifo\"";

    async fn assert_ends(mut fifo: Receiver) {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(20), fifo.read_to_end(&mut rest));
        end.await.expect("a process is still running").unwrap();
    }

    #[tokio::test]
    async fn exit_ends_children_without_the_pipes() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = fifo(&folder);
        let body = format!("{OPEN_FIFO}; sleep 1000 > /dev/null 2>&1 & echo started >&3; exit 3");
        let program = script(&folder, &body);
        let mut conversation = Conversation::start(&program, Some("login")).unwrap();
        let error = conversation.next_line().await.unwrap_err().to_string();
        assert!(error.contains("(exit status 3)"), "{error}");
        assert_ends(fifo).await;
    }

    #[tokio::test]
    async fn drop_kills_program_and_children() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = fifo(&folder);
        let program = script(&folder, &format!("{OPEN_FIFO}; sleep 1000 & echo started; wait"));
        let mut conversation = Conversation::start(&program, None).unwrap();
        assert_eq!(conversation.next_line().await.unwrap(), b"started");
        drop(conversation);
        assert_ends(fifo).await;
    }
}
