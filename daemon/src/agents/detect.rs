//! ClaimFilter for known agent programs on `PATH`, and asking a program for its version.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::config::Entry;
use super::environment::Environment;
use crate::discover::process::Program;

/// A program that takes longer to tell its version has none. The daemon waits for it before it first registers.
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);

/// The agents on `PATH` whose type is not among `configured`.
pub(super) fn detect(environment: &Environment, configured: &[Entry]) -> Vec<Entry> {
    let is_new = |entry: &Entry| configured.iter().all(|other| other.provider() != entry.provider());
    known(environment).into_iter().flatten().filter(is_new).collect()
}

fn known(environment: &Environment) -> [Option<Entry>; 2] {
    let found = |name| program(environment, Path::new(name)).map(Some);
    let profile = String::new;
    [
        found("codex").map(|program| Entry::Codex { name: None, profile: profile(), program }),
        found("opencode").map(|program| Entry::Opencode { name: None, profile: profile(), program }),
    ]
}

/// Whether a program is a name to look for on `PATH`, and not a path.
pub(super) fn is_bare(program: &Path) -> bool {
    Some(program.as_os_str()) == program.file_name()
}

/// Where `program` is, if it is a name that can be found; otherwise as it was.
pub(super) fn located(environment: &Environment, program: &Path) -> PathBuf {
    let found = is_bare(program).then(|| self::program(environment, program)).flatten();
    found.unwrap_or_else(|| program.to_owned())
}

/// The absolute path of the first program of that `name` on `PATH`.
fn program(environment: &Environment, name: &Path) -> Option<PathBuf> {
    let mut file = name.as_os_str().to_owned();
    file.push(std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&environment.path())
        // A relative one means another folder wherever the daemon is started.
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && is_executable(&metadata))
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    true
}

/// What the program at that path answers to `--version`, if it does. A bare name is one that was not found.
pub(super) async fn version(program: &Path) -> Option<String> {
    if is_bare(program) {
        return None;
    }
    let program = Program::new(program.to_owned(), ["--version"]);
    let output = tokio::time::timeout(VERSION_TIMEOUT, program.run()).await.ok()?.ok()?;
    output.status.success().then(|| version_in(&String::from_utf8_lossy(&output.stdout)))?
}

/// The first word like `1.2`, `v1.2.3` or `1.2.3-beta.4`.
fn version_in(text: &str) -> Option<String> {
    let words = text.split(|letter: char| letter.is_whitespace() || "(),;".contains(letter));
    words.map(|word| word.strip_prefix('v').unwrap_or(word)).find(|word| is_version(word)).map(str::to_owned)
}

fn is_version(word: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte));
    let mut parts = word.split(['.', '-', '+']);
    is_plain && word.len() <= 64 && word.contains('.') && parts.by_ref().take(2).all(is_part)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::discover::script::executable;

    fn environment(folders: &[&Path]) -> Environment {
        let path = std::env::join_paths(folders).unwrap();
        Environment::new(move |name| (name == "PATH").then(|| path.clone()))
    }

    #[test]
    fn the_first_executable_file_on_the_path_is_taken() {
        let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
        let [no_file, no_program, first, second] = [0, 1, 2, 3].map(|index: usize| folders[index].path());
        fs::create_dir(no_file.join("codex")).unwrap();
        fs::write(no_program.join("codex"), "").unwrap();
        for folder in [first, second] {
            executable(folder, "codex", "");
        }
        let environment = environment(&[Path::new("/no/such"), no_file, no_program, first, second]);
        assert_eq!(program(&environment, Path::new("codex")), Some(first.join("codex")));
        assert_eq!(program(&environment, Path::new("opencode")), None);
    }

    #[test]
    fn relative_folders_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        executable(folder.path(), "codex", "");
        let to_the_root: PathBuf =
            std::env::current_dir().unwrap().components().skip(1).map(|_| "..").collect();
        let relative = to_the_root.join(folder.path().strip_prefix("/").unwrap());
        assert!(relative.join("codex").is_file());
        assert_eq!(program(&environment(&[&relative, Path::new("")]), Path::new("codex")), None);
    }

    #[test]
    fn a_bare_name_is_located_and_a_path_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let program = executable(folder.path(), "agent", "");
        let environment = environment(&[folder.path()]);
        assert_eq!(located(&environment, Path::new("agent")), program);
        for other in ["missing", "./agent", "bin/agent", "/bin/agent"] {
            assert_eq!(located(&environment, Path::new(other)), Path::new(other));
        }
    }

    #[test]
    fn the_first_word_like_a_version_is_the_version() {
        let cases = [
            ("codex-cli 0.169.0\n", Some("0.169.0")),
            ("1.18.33", Some("1.18.33")),
            ("agent v2.0.0-beta.4 (2026.11)", Some("2.0.0-beta.4")),
            ("agent (1.2), at /opt/1.3", Some("1.2")),
            ("agent 7 of http://1.2/x, 3.", None),
            ("", None),
        ];
        for (text, version) in cases {
            assert_eq!(version_in(text).as_deref(), version, "{text}");
        }
    }

    #[tokio::test]
    async fn a_program_that_fails_or_is_missing_has_no_version() {
        let folder = tempfile::tempdir().unwrap();
        let [fails, tells] =
            [("fails", "echo 1.2.3; exit 1"), ("tells", "test $1 = --version && echo 1.2.3")]
                .map(|(name, body)| executable(folder.path(), name, body));
        assert_eq!(version(&tells).await.as_deref(), Some("1.2.3"));
        assert_eq!(version(&fails).await, None);
        assert_eq!(version(Path::new("/no/such")).await, None);
        assert_eq!(version(Path::new("cargo")).await, None, "a bare name was looked for");
    }

    /// The clock is paused, so it jumps to the limit as soon as nothing but the program is waited for.
    #[tokio::test(start_paused = true)]
    async fn a_program_that_takes_too_long_has_no_version() {
        let folder = tempfile::tempdir().unwrap();
        let slow = executable(folder.path(), "slow", "echo 1.2.3; exec sleep 1000");
        assert_eq!(version(&slow).await, None);
    }
}
