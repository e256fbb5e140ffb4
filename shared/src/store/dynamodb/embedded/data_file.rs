//! The data file of a persistent engine: it is created or inspected, and checked for deletion.
//!
//! SQLite opens almost anything: it creates what is missing, adds the engine's tables to another program's database, and detects
//! damage only when it reads the damaged page. So the file is inspected before the engine opens it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dynoxide::DynoxideError;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::TABLE;

/// How long another process may hold the file's lock: as long as the engine lets a call wait.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Beginning of every SQLite file (SQLite, "Database File Format", 1.3).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// A data file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{} {problem}", path.display())]
pub struct DataFileError {
    pub path: PathBuf,
    pub problem: DataFileProblem,
}

/// Why a data file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataFileProblem {
    #[error("is a directory")]
    Directory,
    #[error("is not a regular file")]
    NotAFile,
    /// And must not be created.
    #[error("does not exist")]
    Missing,
    /// And must not be filled.
    #[error("is empty")]
    Empty,
    /// The target of the link is not created, because `--data` does not name it.
    #[error("is a link to a file that does not exist")]
    DanglingLink,
    #[error("is not a database")]
    NotADatabase,
    /// Tables of another program, which may use the same engine.
    #[error("is a database of another program")]
    Foreign,
    #[error("is corrupt: {0}")]
    Corrupt(String),
    #[error("is read-only")]
    ReadOnly,
    /// Locked for longer than a call may wait.
    #[error("is in use by another process")]
    InUse,
    #[error("cannot be written: the disk is full")]
    DiskFull,
    /// Deleted, moved or replaced while the engine had it open.
    #[error("was deleted or replaced while it was in use")]
    Replaced,
    /// A failing disk, or a full one that SQLite does not recognize as such.
    #[error("cannot be read or written: {0}")]
    Disk(#[source] rusqlite::Error),
    #[error("cannot be created: {0}")]
    NotCreated(#[source] io::Error),
    #[error("cannot be opened: {0}")]
    NotOpened(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What becomes of a file that is missing or empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Created,
    Refused,
}

/// The file that an engine has open.
#[derive(Debug)]
pub(super) struct DataFile {
    path: PathBuf,
    identity: Identity,
}

impl DataFile {
    /// Inspects the file at `path`, or creates a missing one, and opens it with `open`.
    pub(super) fn open<T>(
        path: &Path,
        missing: Missing,
        open: impl FnOnce(&str) -> Result<T, DynoxideError>,
    ) -> Result<(Self, T), DataFileError> {
        let failed = |problem| DataFileError { path: path.to_owned(), problem };
        Self::try_open(path, missing, open).map_err(failed)
    }

    fn try_open<T>(
        path: &Path,
        missing: Missing,
        open: impl FnOnce(&str) -> Result<T, DynoxideError>,
    ) -> Result<(Self, T), DataFileProblem> {
        match fs::metadata(path) {
            Ok(metadata) if missing == Missing::Refused && metadata.is_file() && metadata.len() == 0 => {
                return Err(DataFileProblem::Empty);
            }
            Ok(metadata) => inspect(path, &metadata)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => match missing {
                _ if path.is_symlink() => return Err(DataFileProblem::DanglingLink),
                Missing::Created => create(path)?,
                Missing::Refused => return Err(DataFileProblem::Missing),
            },
            Err(error) => return Err(not_opened(error)),
        }
        // Absolute, because SQLite gives names such as ":memory:" and "file:…" a meaning.
        let absolute = std::path::absolute(path).map_err(not_opened)?;
        let name = absolute.to_str().ok_or_else(|| not_opened("its name is not UTF-8"))?;
        let opened = open(name).map_err(|error| match error {
            DynoxideError::SqliteError(error) => of_sqlite(error),
            error => not_opened(error),
        })?;
        let identity = Identity::of(&absolute).map_err(not_opened)?;
        Ok((Self { path: path.to_owned(), identity }, opened))
    }

    /// Whether the path still leads to the file that was opened. SQLite continues on a deleted file, and its writes are lost.
    pub(super) fn check(&self) -> Result<(), DataFileError> {
        match Identity::of(&self.path) {
            Ok(identity) if identity == self.identity => Ok(()),
            _ => Err(DataFileError { path: self.path.clone(), problem: DataFileProblem::Replaced }),
        }
    }
}

/// For its owner only: it holds results and the hashes of tokens. SQLite gives its `-wal` and `-shm` files the same mode. The mode
/// of a file that exists is its owner's choice.
fn create(path: &Path) -> Result<(), DataFileProblem> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(of_io(error, DataFileProblem::NotCreated)),
    }
}

/// Not for a file that this process has open already: closing it here would release SQLite's locks (SQLite, "How To Corrupt An
/// SQLite Database File", 2.2).
fn inspect(path: &Path, metadata: &fs::Metadata) -> Result<(), DataFileProblem> {
    if metadata.is_dir() {
        return Err(DataFileProblem::Directory);
    }
    if !metadata.is_file() {
        return Err(DataFileProblem::NotAFile);
    }
    // Root may write a file without write permission, but such a file is protected on purpose.
    if metadata.permissions().readonly() {
        return Err(DataFileProblem::ReadOnly);
    }
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file = file.map_err(|error| of_io(error, not_opened))?;
    if metadata.len() > 0 && !has_magic(&file).map_err(not_opened)? {
        return Err(DataFileProblem::NotADatabase);
    }
    drop(file);
    inspect_database(path)
}

fn has_magic(mut file: &File) -> io::Result<bool> {
    let mut start = [0; MAGIC.len()];
    match io::Read::read_exact(&mut file, &mut start) {
        Ok(()) => Ok(start == *MAGIC),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads every page, so that damage is found now and not in a later call.
fn inspect_database(path: &Path) -> Result<(), DataFileProblem> {
    let absolute = std::path::absolute(path).map_err(not_opened)?;
    let database =
        Connection::open_with_flags(absolute, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(of_sqlite)?;
    database.busy_timeout(LOCK_TIMEOUT).map_err(of_sqlite)?;
    let tables = names(&database, "SELECT name FROM sqlite_master WHERE type = 'table'")?;
    let is_engines = tables.iter().any(|name| name == "_tables");
    if !tables.is_empty() && !is_engines {
        return Err(DataFileProblem::Foreign);
    }
    if is_engines {
        let tables = names(&database, "SELECT table_name FROM _tables")?;
        if !tables.is_empty() && !tables.iter().any(|name| name == TABLE) {
            return Err(DataFileProblem::Foreign);
        }
    }
    let damage = names(&database, "PRAGMA quick_check(1)")?;
    match damage.into_iter().find(|line| line != "ok") {
        Some(damage) => Err(DataFileProblem::Corrupt(damage)),
        // Takes the lock of writers and changes nothing.
        None => database.execute_batch("BEGIN IMMEDIATE; ROLLBACK").map_err(of_sqlite),
    }
}

/// The first column of a query's rows.
fn names(database: &Connection, query: &str) -> Result<Vec<String>, DataFileProblem> {
    let names = database
        .prepare(query)
        .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>());
    names.map_err(of_sqlite)
}

fn of_sqlite(error: rusqlite::Error) -> DataFileProblem {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => DataFileProblem::NotADatabase,
        Some(ErrorCode::DatabaseCorrupt) => DataFileProblem::Corrupt(error.to_string()),
        Some(ErrorCode::ReadOnly) => DataFileProblem::ReadOnly,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => DataFileProblem::InUse,
        Some(ErrorCode::DiskFull) => DataFileProblem::DiskFull,
        Some(ErrorCode::SystemIoFailure) => DataFileProblem::Disk(error),
        _ => not_opened(error),
    }
}

fn of_io(error: io::Error, other: impl FnOnce(io::Error) -> DataFileProblem) -> DataFileProblem {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => DataFileProblem::ReadOnly,
        io::ErrorKind::StorageFull => DataFileProblem::DiskFull,
        _ => other(error),
    }
}

fn not_opened(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DataFileProblem {
    DataFileProblem::NotOpened(error.into())
}

/// Distinguishes a file from another at the same path. On systems other than Unix, only a missing file is detected.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Identity {
    #[cfg(unix)]
    fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(path).map(|metadata| Self { device: metadata.dev(), inode: metadata.ino() })
    }

    #[cfg(not(unix))]
    fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|_| Self {})
    }
}
