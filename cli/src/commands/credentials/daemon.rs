//! The connection and the identity of a daemon.

use doorbell_client::Api;
use doorbell_gateway::DAEMON_A;
use doorbell_protocol::WorkspaceId;
use reqwest::Url;

use super::{dev_token, dev_workspace, is_server, no_token, token, url};
use crate::arguments::Daemon;
use crate::commands::{CommandError, connect};
use crate::output;
use crate::secret::Secret;
use crate::state::{EnrolmentFile, StateDirectory, identity};

/// What a daemon needs of its machine.
#[derive(Debug)]
pub(in crate::commands) struct DaemonConnection {
    pub(in crate::commands) api: Api,
    pub(in crate::commands) url: Url,
    pub(in crate::commands) workspace: WorkspaceId,
    pub(in crate::commands) daemon_id: String,
}

/// What is given, else what `doorbell join` stored, else the workspace and the public token of `doorbell dev` on loopback. Makes no
/// call.
pub(in crate::commands) fn daemon(arguments: &Daemon) -> Result<DaemonConnection, CommandError> {
    let Daemon { server, token, workspace, daemon_id, .. } = arguments;
    token::warn_if_visible(token);
    let given = match token::given(token)? {
        Some(given) => Some(given),
        None => token::of_unit()?,
    };
    let is_complete = given.is_some() && server.url.is_some() && workspace.is_some() && daemon_id.is_some();
    let stored = if is_complete { None } else { stored()? };
    let stored = stored.filter(|stored| is_server(&stored.url, server));
    if let (None, Some(stored)) = (&given, &stored) {
        check_bound(stored, *workspace, daemon_id.as_deref())?;
    }
    let url = url(server, stored.as_ref().map(|stored| &stored.url))?;
    let allow_http = server.allow_http || stored.as_ref().is_some_and(|stored| stored.allow_http);
    connect::check_encrypted(&url, allow_http)?;
    let workspace = workspace.or(stored.as_ref().map(|stored| stored.workspace));
    let workspace = workspace.or_else(|| dev_workspace(&DAEMON_A, &url)).ok_or(CommandError::NoWorkspace)?;
    let daemon_id = match daemon_id.clone().or(stored.as_ref().map(|stored| stored.daemon_id.clone())) {
        Some(daemon_id) => daemon_id,
        None => self::daemon_id()?,
    };
    let token: Option<Secret> = given.or(stored.map(|stored| stored.token));
    let token = token.or_else(|| dev_token(&DAEMON_A, &url));
    let token = token.ok_or_else(|| {
        no_token(&url, "enrol this machine with `doorbell join`, or use --token-file, DOORBELL_TOKEN_FILE or DOORBELL_TOKEN")
    })?;
    Ok(DaemonConnection { api: connect::to(&url, token.reveal())?, url, workspace, daemon_id })
}

fn stored() -> Result<Option<EnrolmentFile>, CommandError> {
    let Some(directory) = StateDirectory::of_process() else { return Ok(None) };
    Ok(EnrolmentFile::load(&directory)?)
}

/// The server would answer 404 without a reason.
fn check_bound(
    stored: &EnrolmentFile,
    workspace: Option<WorkspaceId>,
    daemon_id: Option<&str>,
) -> Result<(), CommandError> {
    if workspace.is_some_and(|workspace| workspace != stored.workspace) {
        let bound = stored.workspace.to_string();
        return Err(CommandError::Bound {
            what: "workspace",
            option: "--workspace (DOORBELL_WORKSPACE)",
            bound,
        });
    }
    if daemon_id.is_some_and(|daemon_id| daemon_id != stored.daemon_id) {
        let bound = stored.daemon_id.clone();
        return Err(CommandError::Bound {
            what: "daemon id",
            option: "--daemon-id (DOORBELL_DAEMON_ID)",
            bound,
        });
    }
    Ok(())
}

/// The id of this machine's daemon, made once and kept. Where nothing can be kept, the host name, with a warning.
///
/// # Errors
/// The file has no id. The host name instead would be another daemon.
pub(in crate::commands) fn daemon_id() -> Result<String, CommandError> {
    let reason = match StateDirectory::of_process().map(|directory| identity::daemon_id(&directory)) {
        Some(Ok(daemon_id)) => return Ok(daemon_id),
        Some(Err(error)) if !error.is_io() => return Err(error.into()),
        Some(Err(error)) => error.to_string(),
        None => CommandError::NoStateDirectory.to_string(),
    };
    output::warning(format!(
        "{reason}; the daemon id is the host name, which another machine may have too: give --daemon-id (DOORBELL_DAEMON_ID)"
    ));
    Ok(identity::host_name())
}
