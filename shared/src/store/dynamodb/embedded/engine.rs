//! The SDK's HTTP connector, with the engine in place of a socket: operation and JSON body → status and JSON body, and
//! interceptors of every call.
//!
//! Calls run inline. The engine takes microseconds, and on another thread a test's virtual time would advance in between.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The fault of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Applied and answered after a delay.
    Delayed(Duration),
    /// Not applied: the connection is closed.
    Unreachable,
    /// Not applied: answered with an error.
    Rejected(ServiceError),
    /// Applied; the response is lost.
    ResponseLost,
    /// Applied; the response is delayed.
    ResponseDelayed(Duration),
    /// Applied; half of the response arrives.
    ResponseCut,
    /// Applied; answered with an error.
    ResponseReplaced(ServiceError),
}

/// An error response that DynamoDB may give to any call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceError {
    Throttled,
    /// IAM's response to an action that no policy allows.
    AccessDenied,
    Internal,
}

/// A call that was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedCall {
    /// DynamoDB's name of the operation.
    pub operation: String,
    /// The consumed request units: write units of a write, read units of a read.
    pub units: f64,
    pub request_bytes: usize,
    /// The length of the response body without its consumed units.
    pub response_bytes: usize,
}

/// Intercepts every call, the SDK's retries included.
pub trait Interceptor: fmt::Debug + Send + Sync {
    /// The fault of a call of `operation`.
    fn fault(&self, operation: &str) -> Fault;
    /// May change the request body before the call is applied.
    fn request<'b>(&self, _operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        Cow::Borrowed(body)
    }
    /// Receives each applied call.
    fn applied(&self, _call: RecordedCall) {}
    /// May change the response body.
    fn response(&self, _operation: &str, body: String) -> String {
        body
    }
}

/// Records calls with their request units and bytes.
#[derive(Debug, Default)]
pub struct CallRecorder(Mutex<Vec<RecordedCall>>);

impl CallRecorder {
    /// The calls since the last `take`.
    pub fn take(&self) -> Vec<RecordedCall> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Interceptor for CallRecorder {
    fn fault(&self, _operation: &str) -> Fault {
        Fault::None
    }

    fn applied(&self, call: RecordedCall) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}

#[derive(Clone)]
pub(super) struct Connector {
    database: Database,
    interceptor: Option<Arc<dyn Interceptor>>,
}

impl Connector {
    pub(super) fn new(database: Database, interceptor: Option<Arc<dyn Interceptor>>) -> Self {
        Self { database, interceptor }
    }

    async fn respond(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let operation = operation(request.headers().get(TARGET_HEADER).unwrap_or_default()).to_owned();
        let body = request.body().bytes().unwrap_or_default();
        let Some(interceptor) = &self.interceptor else {
            return http_response(dispatch(&self.database, &operation, body, false));
        };

        let fault = interceptor.fault(&operation);
        match fault {
            Fault::Unreachable => return Err(connection_closed()),
            Fault::Rejected(error) => return http_response(EngineResponse::error(error)),
            Fault::Delayed(delay) => tokio::time::sleep(delay).await,
            _ => {}
        }
        let request_body = interceptor.request(&operation, body);
        let mut response = dispatch(&self.database, &operation, &request_body, true);
        interceptor.applied(RecordedCall {
            operation: operation.clone(),
            units: response.units,
            request_bytes: request_body.len(),
            response_bytes: response.body.len(),
        });
        response.body = interceptor.response(&operation, response.body);
        match fault {
            Fault::ResponseLost => return Err(connection_closed()),
            Fault::ResponseReplaced(error) => return http_response(EngineResponse::error(error)),
            Fault::ResponseDelayed(delay) => tokio::time::sleep(delay).await,
            Fault::ResponseCut => response.body.truncate(response.body.len() / 2),
            _ => {}
        }
        http_response(response)
    }
}

fn connection_closed() -> ConnectorError {
    ConnectorError::io("the connection was closed".into())
}

fn http_response(response: EngineResponse) -> Result<HttpResponse, ConnectorError> {
    let status =
        StatusCode::try_from(response.status).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut http = HttpResponse::new(status, SdkBody::from(response.body));
    http.headers_mut().insert("content-type", CONTENT_TYPE);
    Ok(http)
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().respond(request))
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

/// The engine prefixes some validation messages with this, for its own server to strip.
const VALIDATION_MARKER: &str = "VALIDATION:";

/// The header with a call's operation.
pub const TARGET_HEADER: &str = "x-amz-target";

/// The content type of DynamoDB's responses.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// The response to one call.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineResponse {
    pub status: u16,
    /// JSON.
    pub body: String,
    /// The consumed request units; zero unless metered.
    pub(super) units: f64,
}

impl EngineResponse {
    /// AWS, "Error handling with DynamoDB".
    pub(super) fn error(error: ServiceError) -> Self {
        let (status, name) = match error {
            ServiceError::Throttled => (400, "ProvisionedThroughputExceededException"),
            ServiceError::AccessDenied => (400, "AccessDeniedException"),
            ServiceError::Internal => (500, "InternalServerError"),
        };
        let body = serde_json::json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{name}")});
        Self { status, body: body.to_string(), units: 0.0 }
    }

    fn plain(output: impl Serialize) -> serde_json::Result<Self> {
        Ok(Self { status: 200, body: serde_json::to_string(&output)?, units: 0.0 })
    }

    /// Moves the consumed units out of the body, because the SDK did not request them.
    fn metered(output: impl Serialize) -> serde_json::Result<Self> {
        let mut output = serde_json::to_value(output)?;
        let consumed = output.as_object_mut().and_then(|output| output.shift_remove("ConsumedCapacity"));
        let units = |consumed: &Value| consumed["CapacityUnits"].as_f64().unwrap_or_default();
        let units = match &consumed {
            Some(Value::Array(tables)) => tables.iter().map(units).sum(),
            Some(consumed) => units(consumed),
            None => 0.0,
        };
        Ok(Self { units, ..Self::plain(output)? })
    }
}

/// The operation in the target header: `DynamoDB_20120810.GetItem` is `GetItem`.
pub(super) fn operation(target: &str) -> &str {
    target.rsplit('.').next().unwrap_or_default()
}

/// Applies one operation. With `metered`, the response has the consumed units.
pub(super) fn dispatch(database: &Database, operation: &str, body: &[u8], metered: bool) -> EngineResponse {
    let result = match operation {
        "BatchGetItem" => call(body, metered, |request| database.batch_get_item(request)),
        "CreateTable" => call(body, false, |request| database.create_table(request)),
        "DeleteItem" => call(body, metered, |request| database.delete_item(request)),
        "DescribeTable" => call(body, false, |request| database.describe_table(request)),
        "DescribeTimeToLive" => call(body, false, |request| database.describe_time_to_live(request)),
        "GetItem" => call(body, metered, |request| database.get_item(request)),
        "PutItem" => call(body, metered, |request| database.put_item(request)),
        "Query" => call(body, metered, |request| database.query(request)),
        "Scan" => call(body, metered, |request| database.scan(request)),
        "TransactWriteItems" => call(body, metered, |request| database.transact_write_items(request)),
        "UpdateItem" => call(body, metered, |request| database.update_item(request)),
        "UpdateTimeToLive" => call(body, false, |request| database.update_time_to_live(request)),
        other => Err(DynoxideError::ValidationException(format!("{other} is not supported"))),
    };
    result.unwrap_or_else(|error| {
        if error.status_code() >= 500 {
            // The response shows only that the engine failed. SQLite's texts, such as "database or disk is full", quote no item.
            tracing::error!(operation, %error, "the embedded store failed");
        }
        EngineResponse {
            status: error.status_code(),
            body: error.to_json().replace(VALIDATION_MARKER, ""),
            units: 0.0,
        }
    })
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    metered: bool,
    operation: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> dynoxide::Result<EngineResponse> {
    let unreadable = |error: serde_json::Error| DynoxideError::ValidationException(error.to_string());
    let mut body: Value = serde_json::from_slice(body).map_err(unreadable)?;
    if metered {
        body["ReturnConsumedCapacity"] = "TOTAL".into();
    }
    let output = operation(serde_json::from_value(body).map_err(unreadable)?)?;
    let response = if metered { EngineResponse::metered(output) } else { EngineResponse::plain(output) };
    response.map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
