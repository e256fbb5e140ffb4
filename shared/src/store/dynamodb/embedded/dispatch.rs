//! Dispatches an operation's name and JSON body to the engine, and responds as DynamoDB does over HTTP.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::interceptor::ServiceError;

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
        "GetItem" => call(body, metered, |request| database.get_item(request)),
        "PutItem" => call(body, metered, |request| database.put_item(request)),
        "Query" => call(body, metered, |request| database.query(request)),
        "Scan" => call(body, metered, |request| database.scan(request)),
        "UpdateItem" => call(body, metered, |request| database.update_item(request)),
        "UpdateTimeToLive" => call(body, false, |request| database.update_time_to_live(request)),
        other => Err(DynoxideError::ValidationException(format!("{other} is not supported"))),
    };
    result.unwrap_or_else(|error| EngineResponse {
        status: error.status_code(),
        body: error.to_json().replace(VALIDATION_MARKER, ""),
        units: 0.0,
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
