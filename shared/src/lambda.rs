//! The common part of every function's `main`: log, metrics, table and event loop.
//!
//! Standard output is the log: JSON lines of the access log and of the metrics.

use std::convert::Infallible;
use std::future::Future;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use aws_types::SdkConfig;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::lambda_runtime::{LambdaEvent, run};
use lambda_http::{Error, service_fn};
use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing_subscriber::filter::LevelFilter;

use crate::aws::function;
use crate::http::response::Response;
use crate::http::{AppState, HttpRequest, access_log, event, metrics};
use crate::push::iot::IotPush;
use crate::push::{Deployment, PushChannel};
use crate::store::dynamodb::DynamoDbStore;

/// The table's name. `template.yaml` sets it.
pub const TABLE_VARIABLE: &str = "DOORBELL_TABLE";

/// The deployment's name in metrics. `template.yaml` sets it.
const STACK_VARIABLE: &str = "DOORBELL_STACK";

/// The HTTP endpoint of the push channel; empty without one.
pub const PUSH_ENDPOINT_VARIABLE: &str = "DOORBELL_PUSH_ENDPOINT";

/// Where daemons connect.
pub const PUSH_URL_VARIABLE: &str = "DOORBELL_PUSH_URL";

/// The MQTT user name of daemons, which names the authorizer.
pub const PUSH_USERNAME_VARIABLE: &str = "DOORBELL_PUSH_USERNAME";

/// The interval of the heartbeats of a daemon with proven push, in seconds.
pub const PUSH_HEARTBEAT_VARIABLE: &str = "DOORBELL_PUSH_HEARTBEAT_S";

/// The deployment in client ids.
pub const DEPLOYMENT_VARIABLE: &str = "DOORBELL_DEPLOYMENT";

/// Lambda's log level (AWS, "Configuring advanced logging controls").
const LOG_LEVEL_VARIABLE: &str = "AWS_LAMBDA_LOG_LEVEL";

/// Handles events with `handle` until Lambda ends the process.
///
/// # Errors
/// When a variable is not set, or the runtime API cannot be reached.
pub async fn serve<F, A>(uses: Uses, handle: F) -> Result<(), Error>
where
    F: Fn(Arc<AppState<DynamoDbStore>>, HttpRequest) -> A,
    A: Future<Output = Response>,
{
    let state = Arc::new(app_state(uses)?);
    let recorder = recorder()?;
    run(service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| {
        // Boxed: with the SDK's futures inside the runtime's, the type is too deep for the compiler.
        let handle = |request| Box::pin(handle(Arc::clone(&state), request));
        let response = respond(event.payload, handle, recorder, std::io::stdout());
        async { Ok::<_, Infallible>(response.await) }
    }))
    .await
}

/// As [`serve`], for a function that needs neither the table nor the push channel, and does not link them.
///
/// # Errors
/// When a variable is not set, or the runtime API cannot be reached.
pub async fn serve_without_state<F, A>(handle: F) -> Result<(), Error>
where
    F: Fn(HttpRequest) -> A,
    A: Future<Output = Response>,
{
    install_log()?;
    let recorder = recorder()?;
    run(service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| {
        let response = respond(event.payload, &handle, recorder, std::io::stdout());
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

/// What a function uses besides the table. A function that does not use the push channel does not link it.
pub type Uses = fn(&SdkConfig) -> Result<Option<PushChannel>, Error>;

/// The function uses the table only.
pub fn table(_: &SdkConfig) -> Result<Option<PushChannel>, Error> {
    Ok(None)
}

/// The function uses the push channel, if the deployment has one.
///
/// # Errors
/// When a variable of the channel is not set or malformed.
pub fn push(config: &SdkConfig) -> Result<Option<PushChannel>, Error> {
    let Some(endpoint) = push_endpoint() else { return Ok(None) };
    let seconds = variable(PUSH_HEARTBEAT_VARIABLE)?;
    let seconds =
        seconds.parse().map_err(|_| format!("{PUSH_HEARTBEAT_VARIABLE} is not a number of seconds"))?;
    Ok(Some(PushChannel {
        push: Arc::new(IotPush::new(config, &endpoint)),
        deployment: deployment()?,
        url: variable(PUSH_URL_VARIABLE)?,
        username: variable(PUSH_USERNAME_VARIABLE)?,
        interval: Duration::from_secs(seconds),
    }))
}

/// The deployment in client ids.
///
/// # Errors
/// When the variable is not set or malformed.
pub fn deployment() -> Result<Deployment, Error> {
    let deployment = variable(DEPLOYMENT_VARIABLE)?;
    Ok(deployment.parse().map_err(|_| format!("{DEPLOYMENT_VARIABLE} is not a deployment"))?)
}

/// `None`: the deployment has no push channel.
fn push_endpoint() -> Option<String> {
    std::env::var(PUSH_ENDPOINT_VARIABLE).ok().filter(|endpoint| !endpoint.is_empty())
}

/// Installs the log and creates the state of a function.
///
/// # Errors
/// When [`TABLE_VARIABLE`] or one of Lambda's own variables is not set.
pub fn app_state(uses: Uses) -> Result<AppState<DynamoDbStore>, Error> {
    install_log()?;
    let table = variable(TABLE_VARIABLE)?;
    let config = function::config(|name| std::env::var(name).ok(), push_endpoint().as_deref())?;
    let push = uses(&config)?;
    Ok(AppState { push, ..AppState::new(DynamoDbStore::new(aws_sdk_dynamodb::Client::new(&config), table)) })
}

/// Records the metrics of this function.
///
/// # Errors
/// If a variable is not set.
pub fn recorder() -> Result<Recorder, Error> {
    Recorder::install(variable(STACK_VARIABLE)?)
}

/// The value of a variable of the template.
///
/// # Errors
/// If it is not set.
pub fn variable(name: &str) -> Result<String, Error> {
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
    pub fn write(self, mut to: impl Write) {
        let mut lines = Vec::new();
        let written = self.0.flush(&mut lines).and_then(|()| to.write_all(&lines));
        if let Err(error) = written {
            tracing::error!(%error, "metrics not written");
        }
    }
}
