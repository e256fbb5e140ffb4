//! Register: a daemon says which runtimes its machine offers.
//!
//! `POST /api/daemon/register`. Registering again gives the same ids, whatever has changed but the workspace, the daemon,
//! the type and the profile.

mod registration;

use doorbell_shared::access::Scope;
use doorbell_shared::http::error::Operation;
use doorbell_shared::http::{ApiError, Backend, Response, answer, input, principal};
use doorbell_shared::store::Register;
use doorbell_shared::wire::{RegisterAnswer, RegisterBody, RuntimeRecord};
use lambda_http::Request;

/// Answers one event.
pub async fn handle<S: Register>(backend: &Backend<S>, request: &Request) -> Response {
    answer("register", request, register(backend, request)).await
}

async fn register<S: Register>(backend: &Backend<S>, request: &Request) -> Result<RegisterAnswer, ApiError> {
    let caller = principal::caller(request, Scope::Daemon)?;
    input::limit_body(request)?;
    let registrations = registration::read(input::body::<RegisterBody>(request)?)?;
    if !caller.workspaces.contains(registrations.workspace) {
        return Err(ApiError::WorkspaceNotFound);
    }

    let now = backend.clock.now();
    let mut runtimes = Vec::new();
    for registration in registrations.runtimes {
        let registered = backend.store.register(registration, now).await;
        let runtime = registered.map_err(Operation::Register.failed())?;
        runtimes.push(RuntimeRecord::new(&runtime, now));
    }
    Ok(RegisterAnswer { runtimes, ..RegisterAnswer::default() })
}
