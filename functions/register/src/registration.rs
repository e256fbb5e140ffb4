//! What a registration says, checked and with its gaps filled, or why it is refused.

use doorbell_shared::http::{ApiError, input};
use doorbell_shared::id::{RuntimeId, WorkspaceId};
use doorbell_shared::limits::RUNTIMES_PER_REGISTRATION;
use doorbell_shared::runtime::{Registration, Text};
use doorbell_shared::wire::{RegisterBody, RegisterRuntime};

/// The runtimes of one daemon in one workspace.
#[derive(Debug)]
pub(crate) struct Registrations {
    pub(crate) workspace: WorkspaceId,
    pub(crate) runtimes: Vec<Registration>,
}

/// Daemons have always been allowed to leave out what kind of agent it is.
const UNNAMED_PROVIDER: &str = "unknown";

const OFFLINE: &str = "offline";

pub(crate) fn read(body: RegisterBody) -> Result<Registrations, ApiError> {
    let daemon_id = input::required(body.daemon_id, ApiError::DaemonIdRequired)?;
    let daemon_id = text("daemon_id", daemon_id)?;
    let workspace = input::required(body.workspace_id, ApiError::WorkspaceIdRequired)?;
    let workspace = workspace.parse().map_err(|_| ApiError::InvalidWorkspaceId)?;
    let runtimes = body.runtimes.unwrap_or_default();
    if runtimes.is_empty() && body.failed_profiles.unwrap_or_default().is_empty() {
        return Err(ApiError::NothingToRegister);
    }
    if runtimes.len() > RUNTIMES_PER_REGISTRATION {
        return Err(ApiError::TooManyRuntimes(RUNTIMES_PER_REGISTRATION));
    }
    let runtimes = runtimes.into_iter().map(|runtime| registration(workspace, &daemon_id, runtime));
    Ok(Registrations { workspace, runtimes: runtimes.collect::<Result<_, _>>()? })
}

fn registration(
    workspace: WorkspaceId,
    daemon_id: &Text,
    runtime: RegisterRuntime,
) -> Result<Registration, ApiError> {
    let or = |field: Option<String>, default: &str| {
        field.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| default.to_owned())
    };
    let provider = text("type", or(runtime.provider, UNNAMED_PROVIDER))?;
    let profile_id = text("profile_id", runtime.profile_id.unwrap_or_default())?;
    Ok(Registration {
        id: RuntimeId::derive(workspace, daemon_id.as_str(), provider.as_str(), profile_id.as_str()),
        workspace,
        daemon_id: daemon_id.clone(),
        name: text("name", or(runtime.name, provider.as_str()))?,
        provider,
        online: runtime.status.as_deref() != Some(OFFLINE),
    })
}

fn text(field: &'static str, value: String) -> Result<Text, ApiError> {
    Text::try_from(value).map_err(|_| ApiError::TextTooLong(field))
}
