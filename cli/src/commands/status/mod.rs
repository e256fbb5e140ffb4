//! `doorbell daemon status`: reads what the running daemon wrote. It makes no call and needs no token.
//!
//! [`record`](fn@record) writes it.

mod file;
mod record;

use std::process::ExitCode;

use doorbell_shared::clock::{Clock as _, SystemClock};
use serde_json::json;

use super::{CommandError, service};
use crate::arguments::ServiceStatus;
use crate::output;
use crate::state::StateDirectory;
pub(super) use file::DaemonProcess;
use file::StatusFile;
pub(super) use record::record;

/// As `systemctl status` ends for a unit that does not run.
const NOT_RUNNING: u8 = 3;

/// Whether a daemon runs that keeps its state in `directory`.
pub(super) fn is_running(directory: &StateDirectory) -> bool {
    StatusFile::load(directory).ok().flatten().is_some_and(|file| file.is_running(directory))
}

/// Prints the status.
///
/// # Errors
/// The file of the daemon cannot be read.
pub(super) fn run(arguments: &ServiceStatus) -> Result<ExitCode, CommandError> {
    let directory = if arguments.level.system {
        Some(StateDirectory::at(service::system_state_directory()))
    } else {
        StateDirectory::of_process()
    };
    let file = directory.as_ref().map(StatusFile::load).transpose()?.flatten();
    let running = file.as_ref().zip(directory.as_ref()).is_some_and(|(file, at)| file.is_running(at));
    if arguments.json {
        print_json(file.as_ref(), running);
    } else {
        print(file.as_ref(), running);
    }
    Ok(match file {
        Some(file) if running && file.connected => ExitCode::SUCCESS,
        Some(_) if running => ExitCode::FAILURE,
        _ => ExitCode::from(NOT_RUNNING),
    })
}

/// The last status of a daemon that does not run is history, so it is not connected.
fn print_json(file: Option<&StatusFile>, running: bool) {
    let mut json = json!({ "running": running });
    let status = file.and_then(|file| serde_json::to_value(file).ok());
    if let (Some(json), Some(serde_json::Value::Object(status))) = (json.as_object_mut(), status) {
        json.extend(status);
    }
    json["connected"] = (running && file.is_some_and(|file| file.connected)).into();
    output::json(&json);
}

fn print(file: Option<&StatusFile>, running: bool) {
    let Some(file) = file.filter(|_| running) else {
        output::line("The daemon does not run.");
        output::note("`doorbell daemon` runs it, `doorbell daemon start` its service.");
        if let Some(file) = file {
            output::note(format!("It last was: {}.", output::plain(&state(file))));
        }
        return;
    };
    output::line(format!("The daemon is {}.", output::plain(&state(file))));
    let ago = output::ago(SystemClock.now().since(file.since));
    let rows = [("Since", format!("{} ({ago})", file.since))].into_iter().chain(file.process.rows());
    output::line(output::fields(rows.chain([("Push", file.push.clone())])));
    if !file.runtimes.is_empty() {
        output::line(format!(
            "\n{}",
            output::served_runtimes(file.runtimes.iter().map(|runtime| {
                let version = runtime.version.clone().unwrap_or_default();
                [runtime.name.clone(), runtime.provider.clone(), version, runtime.id.to_string()]
            }))
        ));
    }
}

fn state(file: &StatusFile) -> String {
    let reason = file.reason.as_deref().map(|reason| format!(": {reason}"));
    format!("{}{}", file.connection, reason.unwrap_or_default())
}
