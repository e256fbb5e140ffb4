//! Register: a daemon registers the runtimes of its machine. `POST /api/daemon/register`.
//!
//! Registering again gives the same ids: they depend only on workspace, daemon, type and profile.

use doorbell_protocol::limits::RUNTIMES_PER_REGISTRATION;
use doorbell_protocol::{RegisterBody, RegisterResponse, RegisterRuntime, RuntimeId, Scope, WorkspaceId};
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond};
use doorbell_shared::runtime::{Registration, ShortText};
use doorbell_shared::store::Store;

/// The type of a runtime that is registered without one, as existing daemons may do.
const DEFAULT_PROVIDER: &str = "unknown";

const OFFLINE: &str = "offline";

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond("register", |_| Operation::Register, request, register(state, request)).await
}

async fn register<S: Store>(
    state: &AppState<S>,
    request: &HttpRequest,
) -> Result<RegisterResponse, ApiError> {
    let caller = caller(request, Scope::Daemon)?;
    input::limit_body(request)?;
    let (workspace, registrations) = registrations(input::body(request)?)?;
    if !caller.workspaces.contains(workspace) {
        return Err(ApiError::WorkspaceNotFound);
    }

    let now = state.clock.now();
    let mut runtimes = Vec::new();
    for registration in registrations {
        let runtime = state.store.register(registration, now).await.map_err(Operation::Register.failed())?;
        runtimes.push(runtime.record(now));
    }
    Ok(RegisterResponse { runtimes, ..RegisterResponse::default() })
}

/// Validates a body and fills in defaults.
fn registrations(body: RegisterBody) -> Result<(WorkspaceId, Vec<Registration>), ApiError> {
    let daemon_id = input::required(body.daemon_id, ApiError::DaemonIdRequired)?;
    let daemon_id = short_text("daemon_id", daemon_id)?;
    let workspace = input::required(body.workspace_id, ApiError::WorkspaceIdRequired)?;
    let workspace = workspace.parse().map_err(|_| ApiError::InvalidWorkspaceId)?;
    let runtimes = body.runtimes.unwrap_or_default();
    if runtimes.is_empty() && body.failed_profiles.unwrap_or_default().is_empty() {
        return Err(ApiError::NothingToRegister);
    }
    if runtimes.len() > RUNTIMES_PER_REGISTRATION {
        return Err(ApiError::TooManyRuntimes(RUNTIMES_PER_REGISTRATION));
    }
    let registrations = runtimes.into_iter().map(|runtime| registration(workspace, &daemon_id, runtime));
    Ok((workspace, registrations.collect::<Result<_, _>>()?))
}

fn registration(
    workspace: WorkspaceId,
    daemon_id: &ShortText,
    runtime: RegisterRuntime,
) -> Result<Registration, ApiError> {
    let or = |field: Option<String>, default: &str| {
        field.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| default.to_owned())
    };
    let provider = short_text("type", or(runtime.provider, DEFAULT_PROVIDER))?;
    let profile_id = short_text("profile_id", runtime.profile_id.unwrap_or_default())?;
    Ok(Registration {
        id: RuntimeId::derive(workspace, daemon_id.as_str(), provider.as_str(), profile_id.as_str()),
        workspace,
        daemon_id: daemon_id.clone(),
        name: short_text("name", or(runtime.name, provider.as_str()))?,
        provider,
        online: runtime.status.as_deref() != Some(OFFLINE),
    })
}

fn short_text(field: &'static str, value: String) -> Result<ShortText, ApiError> {
    ShortText::try_from(value).map_err(|_| ApiError::TextTooLong(field))
}
