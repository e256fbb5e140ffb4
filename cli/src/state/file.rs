//! State files: bounded reads, and atomic writes for the owner only.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use tempfile::{NamedTempFile, PersistError};

use super::error::{StateError, StateProblem};
use crate::output;

/// A state file has a few hundred bytes, and the status of a daemon with all its runtimes fewer than this.
pub const MAX_BYTES: u64 = 1 << 20;

/// The content of a regular file of at most [`MAX_BYTES`]; `None` if it does not exist.
pub(super) fn read(path: &Path) -> Result<Option<String>, StateError> {
    let not_read = |error| StateError::new(path, StateProblem::NotRead(error));
    // Before it is opened: opening a pipe without a writer blocks.
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err(StateError::new(path, StateProblem::NotAFile)),
        Ok(_) => {}
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(not_read(error)),
    }
    let mut text = String::new();
    let file = File::open(path).map_err(not_read)?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(not_read)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(StateError::new(path, StateProblem::TooLong));
    }
    Ok(Some(text))
}

/// Where the state directory cannot exist, its files do not exist.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Creates a directory with mode 0700, and its parents.
pub(super) fn create_directory(path: &Path) -> Result<(), StateError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| StateError::new(path, StateProblem::NotWritten(error)))
}

/// Replaces `path`: readers see the old content or the new one, and after a power failure one of them is there.
pub(super) fn write(path: &Path, text: &str) -> Result<(), StateError> {
    let persist = |file: NamedTempFile| file.persist(path).map(drop);
    written(path, text).and_then(|file| persisted(path, persist(file)))
}

/// [`write`], unless `path` exists. Returns whether it was written.
pub(super) fn write_new(path: &Path, text: &str) -> Result<bool, StateError> {
    let persist = |file: NamedTempFile| file.persist_noclobber(path).map(drop);
    match persist(written(path, text)?) {
        Err(PersistError { error, .. }) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        result => persisted(path, result).map(|()| true),
    }
}

/// A temporary file beside `path`, on disk. It has mode 0600 from its creation on.
fn written(path: &Path, text: &str) -> Result<NamedTempFile, StateError> {
    let write = || {
        let mut file = NamedTempFile::new_in(directory(path))?;
        file.write_all(text.as_bytes())?;
        give_to_owner(file.as_file(), directory(path))?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    write().map_err(|error| StateError::new(path, StateProblem::NotWritten(error)))
}

/// What root writes into the directory of a service's user, such as with `doorbell join`, is for that user.
#[cfg(unix)]
fn give_to_owner(file: &File, directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let owner = fs::metadata(directory)?;
    let is_of_another = rustix::process::geteuid().is_root() && owner.uid() != 0;
    if is_of_another { fchown(file, Some(owner.uid()), Some(owner.gid())) } else { Ok(()) }
}

#[cfg(not(unix))]
fn give_to_owner(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

fn persisted(path: &Path, result: Result<(), PersistError>) -> Result<(), StateError> {
    result.map_err(|error| StateError::new(path, StateProblem::NotWritten(error.error)))?;
    // The new name is on disk with the directory. Some file systems cannot do that; the file is complete all the same.
    let _ = File::open(directory(path)).and_then(|directory| directory.sync_all());
    Ok(())
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Removes `path`. Returns whether it existed.
pub(super) fn remove(path: &Path) -> Result<bool, StateError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(StateError::new(path, StateProblem::NotRemoved(error))),
    }
}

/// Warns on standard error that a file with a secret can be read by its group or by all.
pub(super) fn warn_if_readable_by_others(path: &Path) {
    if is_readable_by_others(path) {
        let path = path.display();
        output::warning(format!("{path} can be read by other users; run: chmod 600 {path}"));
    }
}

#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o044 != 0)
}

/// Windows protects the directories of a user.
#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn written_file_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(&path, "new").unwrap();
        assert_eq!((read(&path).unwrap().as_deref(), mode(&path)), (Some("new"), 0o600));
        assert_eq!(names(&folder), ["file"]);
    }

    /// Tests that do not run as root see the trivial case.
    #[test]
    fn file_of_root_belongs_to_the_owner_of_its_directory() {
        use std::os::unix::fs::{MetadataExt as _, chown};

        let folder = tempfile::tempdir().unwrap();
        if rustix::process::geteuid().is_root() {
            chown(folder.path(), Some(65_534), None).unwrap();
        }
        let path = folder.path().join("file");
        write(&path, "text").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().uid(), fs::metadata(folder.path()).unwrap().uid());
    }

    #[test]
    fn new_file_does_not_replace_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert!(write_new(&path, "first").unwrap());
        assert!(!write_new(&path, "second").unwrap());
        assert_eq!((read(&path).unwrap().as_deref(), mode(&path)), (Some("first"), 0o600));
        assert_eq!(names(&folder), ["file"]);
    }

    #[test]
    fn created_directory_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        create_directory(&path).unwrap();
        create_directory(&path).unwrap();
        assert_eq!((mode(&path), mode(&folder.path().join("a"))), (0o700, 0o700));
    }

    #[test]
    fn failed_write_keeps_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/file");
        let error = write(&path, "new").unwrap_err();
        assert!(matches!(error.problem, StateProblem::NotWritten(_)), "{error}");
        assert!(error.is_io() && names(&folder).is_empty());
    }

    #[test]
    fn rejects_what_is_no_state_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        fs::write(&path, vec![b'a'; 1 + usize::try_from(MAX_BYTES).unwrap()]).unwrap();
        assert!(matches!(read(&path).unwrap_err().problem, StateProblem::TooLong));
        assert!(matches!(read(folder.path()).unwrap_err().problem, StateProblem::NotAFile));
    }

    #[test]
    fn missing_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing");
        assert_eq!((read(&path).unwrap(), remove(&path).unwrap()), (None, false));
    }

    #[test]
    fn recognizes_files_that_others_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        for (mode, expected) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o622, false)]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_readable_by_others(&path), expected, "{mode:o}");
        }
    }
}
