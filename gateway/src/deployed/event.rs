//! The gateway's event → JSON, as API Gateway sends it to a function and to the authorizer (AWS, "Control access to HTTP APIs with AWS
//! Lambda authorizers": payload format 2.0).

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::http::header;
use serde_json::{Map, Value, json};

use super::invocation::InvokeError;

/// Fields that the type shares with events of other versions, or that have no value here.
const OTHER_FIELDS: [&str; 2] = ["httpMethod", "stageVariables"];

/// The fields that an authorizer's event lacks.
const BODY_FIELDS: [&str; 2] = ["body", "isBase64Encoded"];

/// The function's event.
pub(super) fn of_function(event: &ApiGatewayV2httpRequest) -> Result<Map<String, Value>, InvokeError> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(event) else {
        return Err(InvokeError::EventNotSerialized);
    };
    fields.retain(|name, value| !value.is_null() && !OTHER_FIELDS.contains(&name.as_str()));
    Ok(fields)
}

/// The authorizer's event for the call of `event`: the same without a body, and what it is for.
pub(super) fn of_authorizer(event: &ApiGatewayV2httpRequest) -> Result<Map<String, Value>, InvokeError> {
    let mut fields = of_function(event)?;
    fields.retain(|name, _| !BODY_FIELDS.contains(&name.as_str()));
    let method = &event.request_context.http.method;
    let path = event.raw_path.as_deref().unwrap_or_default();
    let route = format!("arn:aws:execute-api:us-east-1:000000000000:local/$default/{method}{path}");
    let identity = event.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let identity: Vec<_> = identity.into_iter().collect();
    for (name, value) in
        [("type", json!("REQUEST")), ("routeArn", json!(route)), ("identitySource", json!(identity))]
    {
        fields.insert(name.to_owned(), value);
    }
    Ok(fields)
}
