//! `doorbell daemon install`: checks the options, and describes the service.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Parser;

use super::error::ServiceError;
use super::spec::{self, Account, ServiceSpec};
use super::unit::STATE_DIRECTORY;
use crate::arguments::{Daemon, Install};
use crate::output;
use crate::state::{EnrolmentFile, StateDirectory};

/// The options of the daemon alone.
#[derive(Debug, Parser)]
#[command(name = "doorbell daemon")]
struct DaemonOptions {
    #[command(flatten)]
    daemon: Daemon,
}

/// The service that `arguments` ask for.
///
/// # Errors
/// The options are wrong or hold a secret, or the service could not run with them.
pub(super) fn spec(arguments: Install) -> Result<ServiceSpec, ServiceError> {
    let is_system = arguments.level.system;
    let folder =
        env::current_dir().map_err(|source| ServiceError::Program { program: "doorbell", source })?;
    let mut options = spec::with_absolute_paths(checked(arguments.options)?, &folder);
    let program =
        env::current_exe().map_err(|source| ServiceError::Program { program: "doorbell", source })?;
    let account = arguments.run_as.as_deref().map(account).transpose()?;
    let credential =
        if is_system && cfg!(target_os = "linux") { spec::take_token_file(&mut options) } else { None };
    if is_system && account.is_none() && is_in_home(&program) {
        return Err(ServiceError::ProgramInHome(program));
    }
    Ok(ServiceSpec {
        is_system,
        program: program.into_os_string().into_string().map_err(|_| ServiceError::NotUtf8)?,
        options,
        environment: spec::environment(is_system, |name| env::var_os(name)),
        credential,
        account,
        home: if is_system { None } else { env::home_dir() },
        state_directory: if is_system { None } else { user_state() },
    })
}

fn user_state() -> Option<PathBuf> {
    StateDirectory::of_process().map(|state| state.path().to_owned())
}

/// The options, if `doorbell daemon` accepts them.
fn checked(options: Vec<String>) -> Result<Vec<String>, ServiceError> {
    if options.iter().any(|option| option == "--token" || option.starts_with("--token=")) {
        return Err(ServiceError::SecretOption("--token"));
    }
    let words = ["doorbell daemon"].into_iter().chain(options.iter().map(String::as_str));
    match DaemonOptions::try_parse_from(words) {
        Ok(parsed) if parsed.daemon.service.is_none() => Ok(options),
        Ok(_) => Err(ServiceError::Options("only options of `doorbell daemon` can follow".to_owned())),
        Err(error) => {
            // Without its usage, which is that of another command.
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            Err(ServiceError::Options(line.trim_start_matches("error: ").to_owned()))
        }
    }
}

/// Prints what the service still needs.
pub(super) fn print_missing(spec: &ServiceSpec) {
    let directory = if spec.is_system { Some(STATE_DIRECTORY.into()) } else { user_state() };
    let is_enrolled =
        directory.as_deref().is_some_and(|directory: &Path| directory.join(EnrolmentFile::NAME).is_file());
    let has_token_file = spec.credential.is_some()
        || spec.environment.contains_key("DOORBELL_TOKEN_FILE")
        || spec.options.iter().any(|option| option.starts_with("--token-file"));
    if !is_enrolled && !has_token_file {
        let join = if spec.is_system {
            format!("sudo DOORBELL_STATE_DIR={STATE_DIRECTORY} doorbell join")
        } else {
            "doorbell join".to_owned()
        };
        output::note(format!(
            "This machine is not enrolled: `{join} <CODE> --url <URL>` connects it to a server."
        ));
    }
    if env::var_os("DOORBELL_TOKEN").is_some() {
        output::note("The service does not get DOORBELL_TOKEN: all users can read a unit.");
    }
}

/// Homes, which are often closed to other users.
fn is_in_home(path: &Path) -> bool {
    ["/home", "/root", "/Users"].iter().any(|home| path.starts_with(home))
}

/// A user of this machine, from its databases.
fn account(name: &str) -> Result<Account, ServiceError> {
    let mut command = Command::new("getent");
    let output = command.args(["passwd", "--", name]).stdin(Stdio::null()).output();
    let output = output.map_err(|source| ServiceError::Program { program: "getent", source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let home = text.lines().next().and_then(home).filter(|_| output.status.success());
    home.map(|home| Account { name: name.to_owned(), home })
        .ok_or_else(|| ServiceError::NoSuchUser(name.to_owned()))
}

/// The home in a line like `alice:x:1000:1000:Alice:/home/alice:/bin/bash`.
fn home(line: &str) -> Option<PathBuf> {
    let home = PathBuf::from(line.split(':').nth(5)?);
    home.is_absolute().then_some(home)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(options: &[&str]) -> Vec<String> {
        options.iter().map(|option| (*option).to_owned()).collect()
    }

    #[test]
    fn token_never_becomes_part_of_the_unit() {
        for options in [&["--token", "dbd_example"][..], &["--no-push", "--token=dbd_example"]] {
            let error = checked(owned(options)).unwrap_err();
            assert!(matches!(error, ServiceError::SecretOption(_)), "{error}");
            assert!(!error.to_string().contains("dbd_example"));
        }
    }

    #[test]
    fn options_are_those_of_the_daemon() {
        let options = owned(&["--url", "https://doorbell.example.com", "--no-push"]);
        assert_eq!(checked(options.clone()).unwrap(), options);
        for options in [&["--system"][..], &["--interval", "x"], &["start"], &["install"]] {
            assert!(matches!(checked(owned(options)), Err(ServiceError::Options(_))), "{options:?}");
        }
    }

    #[test]
    fn home_is_the_sixth_field() {
        let line = "alice:x:1000:1000:Alice:/home/alice:/bin/bash";
        assert_eq!(home(line), Some(PathBuf::from("/home/alice")));
        assert_eq!(home("alice:x"), None);
    }
}
