//! Why a service could not be installed or controlled, and what to do.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("this machine does not run systemd")]
    NoSystemd,
    #[error("on macOS the daemon is a service of a user, not of the machine")]
    UserServicesOnly,
    #[error("services of the machine need root")]
    NeedsRoot,
    #[error("root has no service of a user here: this command runs with sudo")]
    Sudo,
    #[error("{0} would be in the unit, which all users can read")]
    SecretOption(&'static str),
    /// The options of `doorbell daemon` are wrong.
    #[error("{0}")]
    Options(String),
    #[error("the user {0:?} does not exist")]
    NoSuchUser(String),
    #[error("the service's user cannot read {}, which is in a home", .0.display())]
    ProgramInHome(PathBuf),
    #[error("a path has letters that are not UTF-8")]
    NotUtf8,
    /// A command of the service manager failed; its text.
    #[error("the service manager refused: {0}")]
    Manager(#[source] io::Error),
    #[error("{program} cannot be run: {source}")]
    Program { program: &'static str, source: io::Error },
    #[error("{program} ended with an error")]
    ProgramFailed { program: &'static str },
}

impl ServiceError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoSystemd => {
                Some("run `doorbell daemon` with the service manager or container runtime of this machine")
            }
            Self::NeedsRoot => Some("use sudo, or leave out --system for a service of your user"),
            Self::UserServicesOnly => Some("leave out --system"),
            Self::Sudo => Some("leave out sudo, or give --system for a service of the machine"),
            Self::SecretOption(_) => {
                Some("store the token with `doorbell join`, or name a file with --token-file")
            }
            Self::Options(_) => Some("`doorbell daemon --help` lists the options; they come last"),
            Self::ProgramInHome(_) => Some(
                "install doorbell for all users, such as in /usr/local/bin, or name a user with --run-as",
            ),
            Self::Manager(_) => Some(
                "`doorbell daemon install` installs the service; for a user it needs a login session, not su",
            ),
            Self::Program { .. } => Some("it is needed for services: check PATH"),
            Self::NoSuchUser(_) | Self::NotUtf8 | Self::ProgramFailed { .. } => None,
        }
    }
}
