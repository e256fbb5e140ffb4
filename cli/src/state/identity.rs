//! The id of this machine's daemon, made once and kept.

use std::hash::{BuildHasher as _, RandomState};

use super::directory::StateDirectory;
use super::error::{StateError, StateProblem};

const FILE: &str = "daemon-id";

/// Of the host name in a new id. The server accepts ids of up to 200 characters.
const HOST_CHARS: usize = 100;

/// Distinguishes machines of one name: 36⁶ are two billion.
const RANDOM_CHARS: usize = 6;

const MAX_CHARS: usize = 200;

/// The id in the state directory. Makes one if there is none: the host name and a random suffix.
///
/// # Errors
/// The file cannot be read or written, or has no id.
pub fn daemon_id(directory: &StateDirectory) -> Result<String, StateError> {
    if let Some(id) = read(directory)? {
        return Ok(id);
    }
    let id = new_id(&host_name());
    if directory.write_new(FILE, &format!("{id}\n"))? {
        return Ok(id);
    }
    // Another process was faster.
    let id = read(directory)?;
    id.ok_or_else(|| StateError::new(&directory.file(FILE), StateProblem::Malformed("`doorbell daemon`")))
}

/// The name of this machine, which another machine may have, too.
pub fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

fn read(directory: &StateDirectory) -> Result<Option<String>, StateError> {
    let Some(text) = directory.read(FILE)? else { return Ok(None) };
    let id = text.trim();
    let is_id = !id.is_empty() && id.chars().count() <= MAX_CHARS && !id.contains(char::is_control);
    if is_id {
        Ok(Some(id.to_owned()))
    } else {
        Err(StateError::new(&directory.file(FILE), StateProblem::Malformed("`doorbell daemon`")))
    }
}

/// The host name in letters that need no quotes anywhere, and a random suffix.
fn new_id(host: &str) -> String {
    let clean = |letter: char| match letter {
        letter if letter.is_alphanumeric() || matches!(letter, '-' | '.' | '_') => letter,
        _ => '-',
    };
    let host: String = host.trim().chars().take(HOST_CHARS).map(clean).collect();
    let host = if host.is_empty() { "machine" } else { &host };
    // Seeded by the operating system. The seed of `fastrand` is the time since the boot, which machines of one image may share.
    let mut random = fastrand::Rng::with_seed(RandomState::new().hash_one(()));
    let suffix: String = (0..RANDOM_CHARS).map(|_| random.digit(36)).collect();
    format!("{host}-{suffix}")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn id_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let directory = StateDirectory::at(folder.path().join("state"));
        let id = daemon_id(&directory).unwrap();
        assert_eq!(daemon_id(&directory).unwrap(), id);
        assert_eq!(id.len(), new_id(&host_name()).len());
    }

    #[test]
    fn machines_of_one_name_have_two_ids() {
        let folder = tempfile::tempdir().unwrap();
        let id = |name: &str| daemon_id(&StateDirectory::at(folder.path().join(name))).unwrap();
        assert_ne!(id("a"), id("b"));
    }

    #[test]
    fn id_is_a_clean_host_name_and_a_suffix() {
        for (host, expected) in [
            ("laptop", "laptop"),
            ("build-1.example.com", "build-1.example.com"),
            ("Jo's \u{1b}[31mMac", "Jo-s---31mMac"),
            ("büro", "büro"),
            (" ", "machine"),
            (&"a".repeat(300), &"a".repeat(100)),
        ] {
            let id = new_id(host);
            let (name, suffix) = id.rsplit_once('-').unwrap();
            assert_eq!(name, expected, "{host}");
            let is_suffix = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
            assert!(suffix.len() == 6 && suffix.chars().all(is_suffix), "{suffix}");
        }
    }

    #[test]
    fn file_without_id_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let directory = StateDirectory::at(folder.path().to_owned());
        for text in ["", "\n", "a\nb", &"a".repeat(201)] {
            fs::write(directory.file(FILE), text).unwrap();
            let error = daemon_id(&directory).unwrap_err();
            assert!(matches!(error.problem, StateProblem::Malformed(_)) && !error.is_io(), "{text:?}");
        }
    }
}
