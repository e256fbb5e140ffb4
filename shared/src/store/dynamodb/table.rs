//! The table itself, as `template.yaml` deploys it: for the embedded engine, emulators and trying things out.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters as _;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};

use super::error::failed;
use crate::store::{Result, StoreError};

/// The attribute that TTL reads.
pub const TTL_ATTRIBUTE: &str = "expires_at";

/// A table on demand is there within seconds.
const TABLE_PATIENCE: Duration = Duration::from_secs(60);

/// Whether there was something to create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ensured {
    /// The table is new.
    Created,
    /// It was there.
    Existed,
}

/// Creates `table` where it does not exist yet: string keys, on demand, TTL on [`TTL_ATTRIBUTE`].
pub async fn ensure(client: &Client, table: &str) -> Result<Ensured> {
    let create = client
        .create_table()
        .table_name(table)
        .set_attribute_definitions(Some(vec![string_attribute("pk")?, string_attribute("sk")?]))
        .set_key_schema(Some(vec![key("pk", KeyType::Hash)?, key("sk", KeyType::Range)?]))
        .billing_mode(BillingMode::PayPerRequest);
    match create.send().await {
        Ok(_) => {}
        Err(SdkError::ServiceError(e)) if matches!(e.err(), CreateTableError::ResourceInUseException(_)) => {
            return Ok(Ensured::Existed);
        }
        Err(error) => return Err(failed("create table")(&error)),
    }
    wait_until_usable(client, table).await?;
    enable_ttl(client, table).await?;
    Ok(Ensured::Created)
}

/// DynamoDB makes a table in the background, and refuses everything until it is there.
async fn wait_until_usable(client: &Client, table: &str) -> Result<()> {
    let made = client.wait_until_table_exists().table_name(table).wait(TABLE_PATIENCE).await;
    made.map(|_| ()).map_err(|_| StoreError {
        operation: "create table",
        detail: "the table is still not there".to_owned(),
    })
}

async fn enable_ttl(client: &Client, table: &str) -> Result<()> {
    let ttl = TimeToLiveSpecification::builder().attribute_name(TTL_ATTRIBUTE).enabled(true).build();
    let ttl = ttl.map_err(|_| incomplete())?;
    let update = client.update_time_to_live().table_name(table).time_to_live_specification(ttl);
    update.send().await.map_err(|error| failed("enable TTL")(&error))?;
    Ok(())
}

fn string_attribute(name: &str) -> Result<AttributeDefinition> {
    let definition = AttributeDefinition::builder().attribute_name(name);
    definition.attribute_type(ScalarAttributeType::S).build().map_err(|_| incomplete())
}

fn key(name: &str, key_type: KeyType) -> Result<KeySchemaElement> {
    KeySchemaElement::builder().attribute_name(name).key_type(key_type).build().map_err(|_| incomplete())
}

fn incomplete() -> StoreError {
    StoreError { operation: "create table", detail: "the description is incomplete".to_owned() }
}
