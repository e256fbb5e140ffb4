//! Finds known agent programs on `PATH` and runs programs for their versions.

use std::path::{Path, PathBuf};

use super::config::{AgentConfig, AgentKind};
use super::environment::{Environment, is_bare_name};
use super::known::KNOWN;
use crate::sources::launch::{KnownProgram, Launch};

/// The agents on `PATH` whose provider is not configured.
pub(super) fn detect(environment: &Environment, configured: &[AgentConfig]) -> Vec<AgentConfig> {
    let is_new = |provider| configured.iter().all(|other| other.provider() != provider);
    let new = KNOWN.into_iter().filter(|program| is_new(program.provider));
    let found = new.filter_map(|known| {
        let program = find_program(known, environment)?;
        Some(AgentKind::Known { known, program: Some(program) })
    });
    found.map(AgentConfig::new).collect()
}

/// The first of the program's executables on `PATH`.
pub(super) fn find_program(known: &KnownProgram, environment: &Environment) -> Option<PathBuf> {
    known.executables.iter().find_map(|name| environment.find_program(Path::new(name)))
}

/// The version that the program prints with `--version`. A bare name was not found on `PATH`, so it is not run. The caller bounds
/// the time: dropping the future ends the program.
pub(super) async fn version(launch: &Launch) -> Option<String> {
    if is_bare_name(&launch.program) {
        return None;
    }
    let output = launch.with(["--version"]).run().await.ok()?;
    // Pi prints it to standard error.
    let find = |text: &Vec<u8>| find_version(&String::from_utf8_lossy(text));
    [output.stdout, output.stderr].iter().filter(|_| output.status.success()).find_map(find)
}

/// The first word like `1.2`, `v1.2.3` or `1.2.3-beta.4`, without the punctuation of a sentence: Copilot's version ends in a full
/// stop.
fn find_version(text: &str) -> Option<String> {
    let words = text.split(|letter: char| letter.is_whitespace() || "(),;".contains(letter));
    let words = words.map(|word| word.trim_end_matches(|letter: char| letter.is_ascii_punctuation()));
    words.map(|word| word.strip_prefix('v').unwrap_or(word)).find(|word| is_version(word)).map(str::to_owned)
}

fn is_version(word: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte));
    let mut parts = word.split(['.', '-', '+']);
    is_plain && word.len() <= 64 && word.contains('.') && parts.by_ref().take(2).all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::script::executable;

    #[test]
    fn first_version_like_word_is_the_version() {
        let cases = [
            ("codex-cli 0.169.0\n", Some("0.169.0")),
            ("1.18.33", Some("1.18.33")),
            ("agent v2.0.0-beta.4 (2026.11)", Some("2.0.0-beta.4")),
            ("agent (1.2), at /opt/1.3", Some("1.2")),
            ("GitHub Copilot CLI 1.0.102.\nRun 'copilot update'", Some("1.0.102")),
            ("agent 1.2.3-rc.1:", Some("1.2.3-rc.1")),
            ("agent 7 of http://1.2/x, 3.", None),
            ("", None),
        ];
        for (text, version) in cases {
            assert_eq!(find_version(text).as_deref(), version, "{text}");
        }
    }

    #[tokio::test]
    async fn failing_or_missing_program_has_no_version() {
        let folder = tempfile::tempdir().unwrap();
        let fails = executable(folder.path(), "fails", "echo 1.2.3; exit 1");
        let prints = executable(folder.path(), "prints", "test $1 = --version && echo 1.2.3");
        assert_eq!(version(&Launch::of(prints)).await.as_deref(), Some("1.2.3"));
        let warns = executable(folder.path(), "warns", "echo 1.2.3 >&2");
        assert_eq!(version(&Launch::of(warns)).await.as_deref(), Some("1.2.3"));
        assert_eq!(version(&Launch::of(fails)).await, None);
        assert_eq!(version(&Launch::of("/no/such")).await, None);
        assert_eq!(version(&Launch::of("cargo")).await, None, "a bare name was run");
    }
}
