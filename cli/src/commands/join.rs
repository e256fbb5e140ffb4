//! `doorbell join`: redeems an enrolment code for a token of this machine's daemon.

use std::io::{self, Read as _};

use doorbell_client as client;
use doorbell_protocol::{RedeemBody, RedeemResponse};
use doorbell_shared::enrolment::EnrolmentCode;

use super::credentials::{same_server, state_directory};
use super::{CommandError, connect, status};
use crate::secret::Secret;
use crate::state::{EnrolmentFile, LockKey, StateDirectory, identity, lock};
use crate::{arguments, output};

/// A code has 19 characters. The rest is blanks.
const CODE_BYTES: u64 = 1 << 10;

pub(super) async fn run(arguments: arguments::Join) -> Result<(), CommandError> {
    let code = code(&arguments.code)?;
    let directory = state_directory()?;
    // A malformed file is replaced.
    let before = EnrolmentFile::load(&directory).ok().flatten();
    let arguments::Server { url, allow_http } = &arguments.server;
    let replaces = arguments.force;
    if let Some(before) = before.as_ref().filter(|before| !replaces && !same_server(&before.url, url)) {
        return Err(CommandError::OtherServer { url: before.url.origin().ascii_serialization() });
    }
    let api = connect::encrypted(url, *allow_http, "")?;
    let daemon_id = match arguments.daemon_id {
        Some(daemon_id) => daemon_id,
        None => identity::daemon_id(&directory)?,
    };
    let body = RedeemBody {
        code: Some(code.reveal().to_owned()),
        daemon_id: Some(daemon_id),
        device_name: Some(arguments.device_name.unwrap_or_else(identity::host_name)),
    };
    let RedeemResponse { token, workspace_id, daemon_id } = client::redeem(&api, &body).await?;
    if before.as_ref().is_some_and(|before| !replaces && before.workspace != workspace_id) {
        return Err(CommandError::OtherWorkspace { workspace: workspace_id });
    }
    let token = Secret::new(&token).ok_or(CommandError::NoTokenInResponse)?;
    let file = EnrolmentFile {
        url: url.clone(),
        workspace: workspace_id,
        daemon_id,
        token,
        allow_http: *allow_http,
    };
    file.store(&directory)?;
    print(&file, &directory);
    // A service may have been installed before this enrolment, the first one.
    if before.is_some_and(|before| is_running(&directory, &before)) || status::is_running(&directory) {
        output::note("A daemon runs that does not use this enrolment yet: start it again.");
    }
    Ok(())
}

/// The code of the argument, or of standard input if that is `-`.
fn code(argument: &str) -> Result<Secret, CommandError> {
    let mut text = argument.to_owned();
    if argument == "-" {
        text.clear();
        io::stdin().take(CODE_BYTES).read_to_string(&mut text)?;
    }
    // As it is typed: the server reads it in the same way.
    let code = Secret::new(&text).filter(|code| EnrolmentCode::parse(code.reveal()).is_some());
    code.ok_or(CommandError::InvalidCode)
}

fn is_running(directory: &StateDirectory, file: &EnrolmentFile) -> bool {
    lock::is_held(directory, &LockKey::new(&file.url, file.workspace, &file.daemon_id))
}

fn print(file: &EnrolmentFile, directory: &StateDirectory) {
    let EnrolmentFile { url, workspace, daemon_id, .. } = file;
    let server = url.origin().ascii_serialization();
    output::line(output::plain(&format!(
        "This machine joined the workspace {workspace} of {server} as {daemon_id}.\n\
         Its token is in {}.\n\
         \nNext steps:\n  \
         doorbell daemon            answer rings until Ctrl-C\n  \
         doorbell daemon install    answer rings as a service",
        directory.file(EnrolmentFile::NAME).display()
    )));
}
