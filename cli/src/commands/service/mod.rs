//! `doorbell daemon install` and the other commands for the service of this machine: systemd on Linux, launchd on macOS.

mod error;
mod install;
mod launchd;
mod spec;
mod systemd;
mod unit;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::{env, io};

use service_manager::{
    RestartPolicy, ServiceInstallCtx, ServiceLabel, ServiceLevel, ServiceManager, ServiceStartCtx,
    ServiceStopCtx, ServiceUninstallCtx, native_service_manager,
};

use super::{CommandError, status};
use crate::arguments::{Install, Level, Logs, Service};
use crate::output;
pub use error::ServiceError;
use spec::ServiceSpec;
use systemd::UNIT;

/// The lines of the log that `doorbell daemon logs` begins with.
const LOG_LINES: &str = "200";

const IS_MACOS: bool = cfg!(target_os = "macos");

/// The directory in which a service of the machine keeps its state.
pub(super) fn system_state_directory() -> PathBuf {
    unit::STATE_DIRECTORY.into()
}

/// Runs a command for the service.
///
/// # Errors
/// [`ServiceError`], as [`CommandError`].
pub(super) async fn run(service: Service) -> Result<ExitCode, CommandError> {
    match service {
        Service::Install(arguments) => install(arguments).await?,
        Service::Uninstall(level) => uninstall(level)?,
        Service::Start(level) => {
            manager(level)?.start(ServiceStartCtx { label: label() }).map_err(ServiceError::Manager)?;
            output::note("The service is started. `doorbell daemon status` shows whether it is connected.");
        }
        Service::Stop(level) => {
            manager(level)?.stop(ServiceStopCtx { label: label() }).map_err(ServiceError::Manager)?;
            output::note("The service is stopped.");
        }
        Service::Status(arguments) => return status::run(&arguments),
        Service::Logs(arguments) => logs(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// `doorbell.service`, and `local.doorbell` on macOS, where labels are names of domains in reverse.
fn label() -> ServiceLabel {
    ServiceLabel {
        qualifier: Some("local".to_owned()),
        organization: None,
        application: "doorbell".to_owned(),
    }
}

/// The manager of the user's or the machine's services.
fn manager(level: Level) -> Result<Box<dyn ServiceManager>, ServiceError> {
    if cfg!(target_os = "linux") && !systemd::is_running() {
        return Err(ServiceError::NoSystemd);
    }
    // The list of a daemon of the machine would have to name a user and a state directory of its own.
    if IS_MACOS && level.system {
        return Err(ServiceError::UserServicesOnly);
    }
    match (level.system, is_root()) {
        (true, false) => return Err(ServiceError::NeedsRoot),
        (false, true) if env::var_os("SUDO_USER").is_some() => return Err(ServiceError::Sudo),
        _ => {}
    }
    let mut manager = native_service_manager().map_err(ServiceError::Manager)?;
    let level = if level.system { ServiceLevel::System } else { ServiceLevel::User };
    manager.set_level(level).map_err(ServiceError::Manager)?;
    Ok(manager)
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

async fn install(arguments: Install) -> Result<(), CommandError> {
    let level = arguments.level;
    let is_started = !arguments.no_start;
    let spec = install::spec(arguments)?;
    let manager = manager(level)?;
    let contents = if IS_MACOS {
        launchd::property_list(&label().to_qualified_name(), &spec, &mac_log(level.system)?)
    } else {
        let features = systemd::features(level.system).await;
        if !features.namespaces {
            output::note(
                "This system has no sandboxes for services of users: the unit goes without ProtectSystem and PrivateTmp.",
            );
        }
        unit::unit(&spec, features)
    };
    manager.install(context(&spec, contents)).map_err(ServiceError::Manager)?;
    if !IS_MACOS {
        systemd::systemctl(level.system, &["daemon-reload"])?;
        if is_started {
            // Starts it, or replaces one that runs with the old unit.
            systemd::systemctl(level.system, &["restart", UNIT])?;
        }
    }
    let started = if is_started || IS_MACOS { " and started" } else { "" };
    output::note(format!(
        "The service is installed{started}. `doorbell daemon status` shows whether it is connected."
    ));
    install::print_missing(&spec);
    if !level.system && !IS_MACOS && !systemd::is_lingering() {
        output::note("It runs while you are logged in; `loginctl enable-linger` starts it at boot.");
    }
    Ok(())
}

fn context(spec: &ServiceSpec, contents: String) -> ServiceInstallCtx {
    ServiceInstallCtx {
        label: label(),
        program: spec.program.clone().into(),
        args: spec.command().skip(1).map(Into::into).collect(),
        contents: Some(contents),
        username: None,
        working_directory: None,
        environment: None,
        autostart: true,
        // Part of the contents.
        restart_policy: RestartPolicy::Never,
    }
}

fn uninstall(level: Level) -> Result<(), ServiceError> {
    let manager = manager(level)?;
    // Also when it does not run. Should this fail, `disable` fails for the same reason.
    let _ = manager.stop(ServiceStopCtx { label: label() });
    manager.uninstall(ServiceUninstallCtx { label: label() }).map_err(ServiceError::Manager)?;
    if !IS_MACOS {
        systemd::systemctl(level.system, &["daemon-reload"])?;
    }
    output::note("The service is removed. Its state stays: the id of this machine and its token.");
    Ok(())
}

/// Shows the log on this command's own output.
fn logs(arguments: &Logs) -> Result<(), ServiceError> {
    let Logs { level, follow } = *arguments;
    let (program, mut command) = if IS_MACOS {
        let mut command = Command::new("tail");
        command.args(["-n", LOG_LINES]);
        if follow {
            command.arg("-F");
        }
        command.arg(mac_log(level.system)?);
        ("tail", command)
    } else {
        let mut command = Command::new("journalctl");
        command.args(["--no-pager", "--quiet", "--lines", LOG_LINES]);
        command.args([if level.system { "--unit" } else { "--user-unit" }, UNIT]);
        if follow {
            command.arg("--follow");
        }
        ("journalctl", command)
    };
    let ended = command.stdin(Stdio::null()).status();
    let ended = ended.map_err(|source| ServiceError::Program { program, source })?;
    // Without a code a signal ended it: Ctrl-C.
    if ended.success() || ended.code().is_none() {
        Ok(())
    } else {
        Err(ServiceError::ProgramFailed { program })
    }
}

/// launchd has no journal.
fn mac_log(is_system: bool) -> Result<PathBuf, ServiceError> {
    if is_system {
        return Ok("/Library/Logs/doorbell.log".into());
    }
    let home = env::home_dir().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound));
    Ok(home.map_err(ServiceError::Manager)?.join("Library/Logs/doorbell.log"))
}
