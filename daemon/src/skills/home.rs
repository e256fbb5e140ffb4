//! The home directory, and files of agent programs in it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::SkillsError;

/// The largest configuration that is read. Claude Code keeps the history of all projects in `~/.claude.json`, which grows to
/// some MiB.
const CONFIG_MEBIBYTES: u64 = 32;

/// The user's home directory.
#[derive(Clone, Debug)]
pub(super) struct Home(PathBuf);

impl Home {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn join(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// The path as users write it: with `~` and slashes on every system.
    pub(super) fn display(&self, path: &Path) -> String {
        let (start, rest) = match path.strip_prefix(&self.0) {
            Ok(rest) => ("~", rest),
            Err(_) => ("", path),
        };
        let names = rest.components().filter_map(|component| match component {
            Component::RootDir | Component::CurDir => None,
            other => Some(other.as_os_str().to_string_lossy()),
        });
        let is_relative = start.is_empty() && !path.has_root();
        let shown = names.fold(start.to_owned(), |shown, name| shown + "/" + &name);
        if is_relative { shown.trim_start_matches('/').to_owned() } else { shown }
    }

    /// The JSON in the file; `None` if there is no such file.
    ///
    /// # Errors
    /// [`SkillsError`] if the file exists and is not a `T`.
    pub(super) fn read_json<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, SkillsError> {
        let Some(text) = self.read(path)? else { return Ok(None) };
        // Windows' editors begin a file with a byte order mark, which JSON does not allow.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        serde_json::from_slice(text).map(Some).map_err(|error| self.invalid(path, "JSON", error.line()))
    }

    /// The table in the TOML file; `None` if there is no such file.
    ///
    /// # Errors
    /// [`SkillsError`] if the file exists and is not TOML.
    pub(super) fn read_toml(&self, path: &Path) -> Result<Option<Map<String, Value>>, SkillsError> {
        let Some(text) = self.read(path)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&text);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        toml::from_str(text).map(Some).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            self.invalid(path, "TOML", line)
        })
    }

    /// The bytes of a regular file. Another kind of file could block for ever (a pipe) or have no end (a device).
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, SkillsError> {
        match read_file(path, CONFIG_MEBIBYTES << 20) {
            Ok(bytes) if bytes.len() as u64 <= CONFIG_MEBIBYTES << 20 => Ok(Some(bytes)),
            Ok(_) => Err(SkillsError::TooLarge { file: self.display(path), mebibytes: CONFIG_MEBIBYTES }),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.unreadable(path, &error)),
        }
    }

    pub(super) fn unreadable(&self, path: &Path, error: &io::Error) -> SkillsError {
        SkillsError::Unreadable { file: self.display(path), reason: error.kind() }
    }

    fn invalid(&self, path: &Path, format: &'static str, line: usize) -> SkillsError {
        SkillsError::Invalid { file: self.display(path), format, line: line.max(1) }
    }
}

/// Whether the error means that there is no such file. A path below a file is one, too.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The first `limit` bytes and one more of a regular file.
pub(super) fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    if !path.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().to_owned());
        (folder, home)
    }

    #[test]
    fn shows_home_as_tilde() {
        let home = Home::new("/home/ann".into());
        for (path, shown) in [
            ("/home/ann/.codex/skills", "~/.codex/skills"),
            ("/home/ann", "~"),
            ("/home/anna/x", "/home/anna/x"),
            ("/srv/./codex/", "/srv/codex"),
        ] {
            assert_eq!(home.display(Path::new(path)), shown);
        }
    }

    #[test]
    fn missing_file_is_no_error() {
        let (folder, home) = home();
        fs::write(folder.path().join("file"), "").unwrap();
        for path in ["missing.json", "missing/a.json", "file/a.json"] {
            assert_eq!(home.read_json::<Value>(&folder.path().join(path)), Ok(None), "{path}");
        }
    }

    #[test]
    fn reads_file_with_byte_order_mark() {
        let (folder, home) = home();
        let path = folder.path().join("file");
        fs::write(&path, "\u{feff}{\"a\": 1}\r\n").unwrap();
        assert_eq!(home.read_json(&path), Ok(Some(serde_json::json!({"a": 1}))));
        fs::write(&path, "\u{feff}a = 1\r\n").unwrap();
        assert_eq!(home.read_toml(&path).unwrap().unwrap()["a"], 1);
    }

    #[test]
    fn error_names_line_but_no_content() {
        let (folder, home) = home();
        let path = folder.path().join("a.json");
        fs::write(&path, "{\"key\":\n\"SECRET\" SECRET}").unwrap();
        let error = home.read_json::<Value>(&path).unwrap_err();
        assert_eq!(
            error.to_string(),
            "~/a.json is not valid JSON (line 2): correct the file on this machine"
        );
        let path = folder.path().join("a.toml");
        fs::write(&path, "a = 1\n\nkey = SECRET\n").unwrap();
        let error = home.read_toml(&path).unwrap_err();
        assert_eq!(
            error.to_string(),
            "~/a.toml is not valid TOML (line 3): correct the file on this machine"
        );
    }

    #[test]
    fn rejects_file_over_limit() {
        let (folder, home) = home();
        let path = folder.path().join("a.json");
        let file = File::create(&path).unwrap();
        file.set_len((CONFIG_MEBIBYTES << 20) + 1).unwrap();
        let error = home.read_json::<Value>(&path).unwrap_err();
        assert_eq!(error.to_string(), "~/a.json is larger than 32 MiB");
    }

    #[test]
    fn rejects_other_kinds_of_file() {
        let (folder, home) = home();
        let error = home.read_json::<Value>(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "~ cannot be read on this machine: invalid input parameter");
    }
}
