//! What every function's `main` does, once per cold start.
//!
//! Standard output is the log, and nothing else may write there: one JSON object a line, of [`log`] or of the metrics.

use std::convert::Infallible;
use std::future::Future;
use std::io::Write;
use std::sync::Arc;

use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::lambda_runtime::{LambdaEvent, run};
use lambda_http::{Error, Request, service_fn};
use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing_subscriber::filter::LevelFilter;

use crate::http::{Backend, Response, event, log, metrics};
use crate::store::dynamodb::DynamoDbStore;
use crate::store::dynamodb::connect::function;

/// Names the table; the template sets it.
pub const TABLE_VARIABLE: &str = "DOORBELL_TABLE";

/// Names the deployment in metrics; the template sets it.
const STACK_VARIABLE: &str = "DOORBELL_STACK";

/// Lambda's own setting of how much is logged (AWS, "Configuring advanced logging controls").
const LOG_LEVEL_VARIABLE: &str = "AWS_LAMBDA_LOG_LEVEL";

/// Connects to the table and answers events with `handle` until Lambda ends the process.
///
/// # Errors
/// When a variable is not set, or the runtime API cannot be reached.
pub async fn serve<F, A>(handle: F) -> Result<(), Error>
where
    F: Fn(Arc<Backend<DynamoDbStore>>, Request) -> A,
    A: Future<Output = Response>,
{
    let backend = Arc::new(backend()?);
    let recorder = Recorder::install(variable(STACK_VARIABLE)?)?;
    run(service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| {
        // Boxed: the runtime's futures around the SDK's are deeper than the compiler follows.
        let handle = |request| Box::pin(handle(Arc::clone(&backend), request));
        let answer = answer(event.payload, handle, recorder, std::io::stdout());
        async { Ok::<_, Infallible>(answer.await) }
    }))
    .await
}

/// Answers one event, and then writes to `metrics` what was counted meanwhile: after the answer the process is frozen.
pub async fn answer<A: Future<Output = Response>>(
    event: ApiGatewayV2httpRequest,
    handle: impl FnOnce(Request) -> A,
    recorder: Recorder,
    metrics: impl Write,
) -> ApiGatewayV2httpResponse {
    let response = handle(event::request(event)).await;
    recorder.write(metrics);
    event::answer(response)
}

/// Installs the log and connects to the table.
///
/// # Errors
/// When [`TABLE_VARIABLE`] or one of Lambda's own is not set.
pub fn backend() -> Result<Backend<DynamoDbStore>, Error> {
    log_json()?;
    let table = variable(TABLE_VARIABLE)?;
    Ok(Backend::new(DynamoDbStore::new(function::client(|name| std::env::var(name).ok())?, table)))
}

fn variable(name: &str) -> Result<String, Error> {
    Ok(std::env::var(name).map_err(|_| format!("{name} is not set"))?)
}

/// Installs the log, at Lambda's own level.
fn log_json() -> Result<(), Error> {
    let level = std::env::var(LOG_LEVEL_VARIABLE).ok().and_then(|level| level.parse().ok());
    let subscriber = log::subscriber(level.unwrap_or(LevelFilter::INFO), std::io::stdout);
    Ok(tracing::subscriber::set_global_default(subscriber)?)
}

/// Keeps what is counted in this process until it is written, in CloudWatch's embedded metric format.
#[derive(Clone, Copy)]
pub struct Recorder(&'static Collector);

impl Recorder {
    /// Makes this process count, as part of the deployment `stack`.
    ///
    /// # Errors
    /// When it does already.
    pub fn install(stack: String) -> Result<Self, Error> {
        let builder = Builder::new().cloudwatch_namespace(metrics::NAMESPACE);
        let collector = builder.with_dimension(metrics::STACK, stack).init()?;
        metrics::describe();
        Ok(Self(collector))
    }

    /// Writes what was counted since the last time, and nothing where nothing was: most calls are idle heartbeats, and
    /// every line costs money. The lines go out in one write, as the log's do.
    fn write(self, mut to: impl Write) {
        let mut lines = Vec::new();
        let written = self.0.flush(&mut lines).and_then(|()| to.write_all(&lines));
        if let Err(error) = written {
            tracing::error!(%error, "metrics not written");
        }
    }
}
