//! The functions of the deployment, by name.

use doorbell_shared::http::routes::Function;
use doorbell_shared::http::{Backend, Response};
use doorbell_shared::store::Store;
use lambda_http::Request;

/// What API Gateway's integration does: hands the event to the route's function.
pub async fn call<S: Store>(function: Function, backend: &Backend<S>, event: &Request) -> Response {
    match function {
        Function::Initiate => doorbell_initiate::handle(backend, event).await,
        Function::Poll => doorbell_poll::handle(backend, event).await,
        Function::Runtimes => doorbell_runtimes::handle(backend, event).await,
        Function::Register => doorbell_register::handle(backend, event).await,
        Function::Deregister => doorbell_deregister::handle(backend, event).await,
        Function::Heartbeat => doorbell_heartbeat::handle(backend, event).await,
        Function::Report => doorbell_report::handle(backend, event).await,
    }
}
