//! The common part of every function's `main`: log, metrics, table and event loop.
//!
//! Standard output is the log: JSON lines of the access log and of the metrics.

use std::convert::Infallible;
use std::future::Future;
use std::io::Write;
use std::sync::Arc;

use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::lambda_runtime::{LambdaEvent, run};
use lambda_http::{Error, service_fn};
use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing_subscriber::filter::LevelFilter;

use crate::http::response::Response;
use crate::http::{AppState, HttpRequest, access_log, event, metrics};
use crate::store::dynamodb::DynamoDbStore;
use crate::store::dynamodb::connect::function;

/// The table's name. `template.yaml` sets it.
pub const TABLE_VARIABLE: &str = "DOORBELL_TABLE";

/// The deployment's name in metrics. `template.yaml` sets it.
const STACK_VARIABLE: &str = "DOORBELL_STACK";

/// Lambda's log level (AWS, "Configuring advanced logging controls").
const LOG_LEVEL_VARIABLE: &str = "AWS_LAMBDA_LOG_LEVEL";

/// Handles events with `handle` until Lambda ends the process.
///
/// # Errors
/// When a variable is not set, or the runtime API cannot be reached.
pub async fn serve<F, A>(handle: F) -> Result<(), Error>
where
    F: Fn(Arc<AppState<DynamoDbStore>>, HttpRequest) -> A,
    A: Future<Output = Response>,
{
    let state = Arc::new(app_state()?);
    let recorder = Recorder::install(variable(STACK_VARIABLE)?)?;
    run(service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| {
        // Boxed: with the SDK's futures inside the runtime's, the type is too deep for the compiler.
        let handle = |request| Box::pin(handle(Arc::clone(&state), request));
        let response = respond(event.payload, handle, recorder, std::io::stdout());
        async { Ok::<_, Infallible>(response.await) }
    }))
    .await
}

/// Handles one event, then writes its metrics to `metrics`: after the response Lambda freezes the process.
pub async fn respond<A: Future<Output = Response>>(
    event: ApiGatewayV2httpRequest,
    handle: impl FnOnce(HttpRequest) -> A,
    recorder: Recorder,
    metrics: impl Write,
) -> ApiGatewayV2httpResponse {
    let response = handle(event::request(event)).await;
    recorder.write(metrics);
    event::response(response)
}

/// Installs the log and creates the state of a function.
///
/// # Errors
/// When [`TABLE_VARIABLE`] or one of Lambda's own variables is not set.
pub fn app_state() -> Result<AppState<DynamoDbStore>, Error> {
    install_log()?;
    let table = variable(TABLE_VARIABLE)?;
    Ok(AppState::new(DynamoDbStore::new(function::client(|name| std::env::var(name).ok())?, table)))
}

fn variable(name: &str) -> Result<String, Error> {
    Ok(std::env::var(name).map_err(|_| format!("{name} is not set"))?)
}

fn install_log() -> Result<(), Error> {
    let level = std::env::var(LOG_LEVEL_VARIABLE).ok().and_then(|level| level.parse().ok());
    let subscriber = access_log::subscriber(level.unwrap_or(LevelFilter::INFO), std::io::stdout);
    Ok(tracing::subscriber::set_global_default(subscriber)?)
}

/// Records the metrics of this process, in CloudWatch's embedded metric format.
#[derive(Clone, Copy)]
pub struct Recorder(&'static Collector);

impl Recorder {
    /// Installs the recorder, for the deployment `stack`.
    ///
    /// # Errors
    /// If a recorder is already installed.
    pub fn install(stack: String) -> Result<Self, Error> {
        let builder = Builder::new().cloudwatch_namespace(metrics::NAMESPACE);
        let collector = builder.with_dimension(metrics::STACK, stack).init()?;
        metrics::describe();
        Ok(Self(collector))
    }

    /// Writes the metrics recorded since the last call, in one write. It writes nothing if there are none: most calls are idle
    /// heartbeats, and each line costs money.
    fn write(self, mut to: impl Write) {
        let mut lines = Vec::new();
        let written = self.0.flush(&mut lines).and_then(|()| to.write_all(&lines));
        if let Err(error) = written {
            tracing::error!(%error, "metrics not written");
        }
    }
}
