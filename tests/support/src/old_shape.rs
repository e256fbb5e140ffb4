//! Results in the shape in which all of them were stored once, for what reads them and for what they cost.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_shared::request::Payload;
use doorbell_shared::store::dynamodb::embedded::{CallRecorder, EmbeddedDynamoDb, TABLE};

use crate::metered::Cost;

/// Makes the result of an answered request text, and gives what it costs to write that.
pub async fn store_as_text(
    engine: &EmbeddedDynamoDb,
    runtime: &str,
    request: &str,
    result: &Payload,
) -> Cost {
    let meter = Arc::new(CallRecorder::default());
    let client = engine.client(Some(Arc::<CallRecorder>::clone(&meter) as _));
    let update = client.update_item().table_name(TABLE);
    let update = update
        .key("pk", AttributeValue::S(format!("runtime#{runtime}")))
        .key("sk", AttributeValue::S(format!("request#{request}")))
        .update_expression("SET #result = :text REMOVE result_zlib")
        .expression_attribute_names("#result", "result")
        .expression_attribute_values(":text", AttributeValue::S(result.as_str().to_owned()));
    update.send().await.unwrap();
    Cost(meter.take())
}
