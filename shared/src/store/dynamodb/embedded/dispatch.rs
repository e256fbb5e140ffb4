//! Operation name and JSON body → a call of the engine → status and JSON body, as DynamoDB answers over HTTP.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::tap::Failure;

/// The engine marks some of its validation messages with this, for its own server to strip.
const VALIDATION_MARKER: &str = "VALIDATION:";

/// What would have crossed HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// JSON.
    pub body: String,
    /// The request units that were consumed; zero where that was not asked for.
    pub(super) units: f64,
}

impl Answer {
    /// DynamoDB's own words for it (AWS, "Error handling with DynamoDB").
    pub(super) fn failure(failure: Failure) -> Self {
        let (status, name) = match failure {
            Failure::Throttled => (400, "ProvisionedThroughputExceededException"),
            Failure::Denied => (400, "AccessDeniedException"),
            Failure::Internal => (500, "InternalServerError"),
        };
        let body = serde_json::json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{name}")});
        Self { status, body: body.to_string(), units: 0.0 }
    }

    fn plain(answer: impl Serialize) -> serde_json::Result<Self> {
        Ok(Self { status: 200, body: serde_json::to_string(&answer)?, units: 0.0 })
    }

    /// Without what the answer says of units: nobody asked for it but the meter.
    fn metered(answer: impl Serialize) -> serde_json::Result<Self> {
        let mut answer = serde_json::to_value(answer)?;
        let consumed = answer.as_object_mut().and_then(|answer| answer.shift_remove("ConsumedCapacity"));
        let units = |consumed: &Value| consumed["CapacityUnits"].as_f64().unwrap_or_default();
        let units = match &consumed {
            Some(Value::Array(tables)) => tables.iter().map(units).sum(),
            Some(consumed) => units(consumed),
            None => 0.0,
        };
        Ok(Self { units, ..Self::plain(answer)? })
    }
}

/// The operation that the header `x-amz-target` names: `DynamoDB_20120810.GetItem` is `GetItem`.
pub(super) fn operation(target: &str) -> &str {
    target.rsplit('.').next().unwrap_or_default()
}

/// Carries out one operation; with `metered`, asks for what it consumed.
pub(super) fn dispatch(database: &Database, operation: &str, body: &[u8], metered: bool) -> Answer {
    let done = match operation {
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
        other => Err(DynoxideError::ValidationException(format!("{other} is not embedded"))),
    };
    done.unwrap_or_else(|error| Answer {
        status: error.status_code(),
        body: error.to_json().replace(VALIDATION_MARKER, ""),
        units: 0.0,
    })
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    metered: bool,
    operation: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> dynoxide::Result<Answer> {
    let unreadable = |error: serde_json::Error| DynoxideError::ValidationException(error.to_string());
    let mut body: Value = serde_json::from_slice(body).map_err(unreadable)?;
    if metered {
        body["ReturnConsumedCapacity"] = "TOTAL".into();
    }
    let answer = operation(serde_json::from_value(body).map_err(unreadable)?)?;
    let answer = if metered { Answer::metered(answer) } else { Answer::plain(answer) };
    answer.map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::{EmbeddedDynamoDb, TABLE};

    #[tokio::test]
    async fn a_call_is_answered_as_over_http() {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let body = format!(r#"{{"TableName": "{TABLE}"}}"#);
        let answer = engine.answer("DynamoDB_20120810.DescribeTable", body.as_bytes());
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains(TABLE), "{}", answer.body);
    }

    #[tokio::test]
    async fn what_is_not_embedded_is_refused_as_invalid() {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let answer = engine.answer("DynamoDB_20120810.DeleteTable", b"{}");
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains("ValidationException"), "{}", answer.body);
    }
}
