//! What this machine keeps between two commands: its identity, its enrolment and the login of its user.
//!
//! | module | content |
//! |---|---|
//! | [`directory`] | the state directory |
//! | [`file`](mod@file) | bounded reads, and atomic writes for the owner only |
//! | [`error`] | what is wrong with a file, and the remedy |
//! | [`identity`] | `daemon-id`: the id of this machine's daemon |
//! | [`enrolment`] | `daemon.toml`: what `doorbell join` stored |
//! | [`login`] | `client.toml`: what `doorbell login` stored |
//! | [`lock`] | `daemon-<hash>.lock`: held while a daemon runs |

pub mod directory;
pub mod enrolment;
pub mod error;
pub mod file;
pub mod identity;
pub mod lock;
pub mod login;

mod url_text;

pub use directory::StateDirectory;
pub use enrolment::EnrolmentFile;
pub use error::{StateError, StateProblem};
pub use lock::{DaemonLock, LockKey, LockOutcome};
pub use login::LoginFile;
