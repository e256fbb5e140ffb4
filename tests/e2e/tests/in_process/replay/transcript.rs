//! The files of recorded calls: lines of text, each with its sort in the first column.
//!
//! | line | meaning |
//! |---|---|
//! | `# text`, empty | a comment |
//! | `+ 5001 ms` | time passes |
//! | `> user-a POST /path` | a call: caller, method, path |
//! | `! 3 daemon-a POST /path` | three calls of which only the status is recorded, which is that of all |
//! | `\| {}` | the body of the call |
//! | `< text` | the response: status, headers, body |

use std::fmt;
use std::time::Duration;

const BODY: &str = "| ";

/// A step of a file. Displayed as in the file, without the response.
pub(crate) enum Step<'f> {
    Comment(&'f str),
    Advance(Duration),
    Call(Call<'f>),
}

pub(crate) struct Call<'f> {
    pub(crate) caller: &'f str,
    pub(crate) method: &'f str,
    pub(crate) path: &'f str,
    pub(crate) body: Option<&'f str>,
    /// Otherwise only its status is.
    pub(crate) is_recorded: bool,
    pub(crate) count: usize,
}

/// The steps of `file`.
///
/// # Panics
/// When a line is malformed.
pub(crate) fn steps(file: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut lines = file.lines().peekable();
    while let Some(line) = lines.next() {
        let (sort, text) = line.split_at_checked(2).unwrap_or((line, ""));
        match sort {
            "" | "#" | "# " => steps.push(Step::Comment(line)),
            "+ " => steps.push(Step::Advance(duration(text))),
            "> " | "! " => {
                let body = lines.next_if(|line| line.starts_with(BODY)).map(|line| &line[BODY.len()..]);
                let is_recorded = sort == "> ";
                let (count, text) = if is_recorded { (1, text) } else { counted(text) };
                steps.push(Step::Call(Call { is_recorded, count, ..call(text, body) }));
            }
            "< " => {}
            _ => panic!("a malformed line: {line}"),
        }
    }
    steps
}

fn duration(text: &str) -> Duration {
    let millis = text.strip_suffix(" ms").and_then(|millis| millis.parse().ok());
    Duration::from_millis(millis.unwrap_or_else(|| panic!("not a duration: {text}")))
}

fn counted(text: &str) -> (usize, &str) {
    let counted = text.split_once(' ').and_then(|(count, text)| Some((count.parse().ok()?, text)));
    counted.filter(|(count, _)| *count > 0).unwrap_or_else(|| panic!("a call without a count: {text}"))
}

fn call<'f>(text: &'f str, body: Option<&'f str>) -> Call<'f> {
    // A placeholder in the path has a space.
    let mut words = text.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_else(|| panic!("a malformed call: {text}"));
    Call { caller: word(), method: word(), path: word(), body, is_recorded: true, count: 1 }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comment(line) => writeln!(f, "{line}"),
            Self::Advance(duration) => writeln!(f, "+ {} ms", duration.as_millis()),
            Self::Call(call) => {
                let Call { caller, method, path, count, .. } = call;
                if call.is_recorded {
                    writeln!(f, "> {caller} {method} {path}")?;
                } else {
                    writeln!(f, "! {count} {caller} {method} {path}")?;
                }
                call.body.map_or(Ok(()), |body| writeln!(f, "{BODY}{body}"))
            }
        }
    }
}
