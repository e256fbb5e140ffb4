//! What every function's `main` does, once per cold start.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::lambda_runtime::{LambdaEvent, run};
use lambda_http::{Error, Request, service_fn};
use tracing_subscriber::filter::LevelFilter;

use crate::http::{Backend, Response, event, log};
use crate::store::dynamodb::{DynamoDbStore, connect};

/// Names the table; the template sets it.
pub const TABLE_VARIABLE: &str = "DOORBELL_TABLE";

/// Lambda's own setting of how much is logged (AWS, "Configuring advanced logging controls").
const LOG_LEVEL_VARIABLE: &str = "AWS_LAMBDA_LOG_LEVEL";

/// Connects to the table and answers events with `handle` until Lambda ends the process.
///
/// # Errors
/// When [`TABLE_VARIABLE`] is not set, or the runtime API cannot be reached.
pub async fn serve<F, A>(handle: F) -> Result<(), Error>
where
    F: Fn(Arc<Backend<DynamoDbStore>>, Request) -> A,
    A: Future<Output = Response>,
{
    let backend = Arc::new(backend().await?);
    run(service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| {
        // Boxed: the runtime's futures around the SDK's are deeper than the compiler follows.
        let handle = |request| Box::pin(handle(Arc::clone(&backend), request));
        let answer = answer(event.payload, handle);
        async { Ok::<_, Infallible>(answer.await) }
    }))
    .await
}

/// Answers one event.
pub async fn answer<A: Future<Output = Response>>(
    event: ApiGatewayV2httpRequest,
    handle: impl FnOnce(Request) -> A,
) -> ApiGatewayV2httpResponse {
    event::answer(handle(event::request(event)).await)
}

/// Installs the log and connects to the table.
///
/// # Errors
/// When [`TABLE_VARIABLE`] is not set.
pub async fn backend() -> Result<Backend<DynamoDbStore>, Error> {
    log_json()?;
    let table = std::env::var(TABLE_VARIABLE).map_err(|_| format!("{TABLE_VARIABLE} is not set"))?;
    Ok(Backend::new(DynamoDbStore::new(connect::from_environment().await, table)))
}

/// Installs the log, at Lambda's own level.
fn log_json() -> Result<(), Error> {
    let level = std::env::var(LOG_LEVEL_VARIABLE).ok().and_then(|level| level.parse().ok());
    let subscriber = log::subscriber(level.unwrap_or(LevelFilter::INFO), std::io::stdout);
    Ok(tracing::subscriber::set_global_default(subscriber)?)
}
