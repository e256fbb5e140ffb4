//! The functions of the deployment, by name.

use doorbell_shared::http::HttpRequest;
use doorbell_shared::http::routes::Function;
use doorbell_shared::http::{AppState, Response};
use doorbell_shared::store::Store;

/// What API Gateway's integration does: hands the event to the route's function.
pub async fn invoke<S: Store>(function: Function, backend: &AppState<S>, event: &HttpRequest) -> Response {
    match function {
        Function::Initiate => doorbell_functions::initiate::handle(backend, event).await,
        Function::Poll => doorbell_functions::poll::handle(backend, event).await,
        Function::Runtimes => doorbell_functions::runtimes::handle(backend, event).await,
        Function::Register => doorbell_functions::register::handle(backend, event).await,
        Function::Deregister => doorbell_functions::deregister::handle(backend, event).await,
        Function::Heartbeat => doorbell_functions::heartbeat::handle(backend, event).await,
        Function::Report => doorbell_functions::report::handle(backend, event).await,
    }
}
