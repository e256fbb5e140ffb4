//! Creates the table with the settings of `template.yaml`, for the embedded engine, emulators and trials.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters as _;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};

use super::error::failed;
use crate::store::outcome::{Result, StoreError, StoreErrorKind};

/// The attribute that TTL reads, in seconds.
pub const TTL_ATTRIBUTE: &str = "expires_at";

/// An on-demand table is usable within seconds.
const CREATION_TIMEOUT: Duration = Duration::from_secs(60);

/// The outcome of [`ensure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ensured {
    Created,
    Existed,
}

/// Creates `table` if it does not exist: string keys, on demand, TTL on [`TTL_ATTRIBUTE`].
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
        Err(error) => return Err(failed("create table")(error)),
    }
    wait_until_usable(client, table).await?;
    enable_ttl(client, table).await?;
    Ok(Ensured::Created)
}

/// DynamoDB creates a table in the background and rejects all calls until it is active.
async fn wait_until_usable(client: &Client, table: &str) -> Result<()> {
    let created = client.wait_until_table_exists().table_name(table).wait(CREATION_TIMEOUT).await;
    created.map(|_| ()).map_err(|error| {
        StoreError::new("create table", StoreErrorKind::Timeout)
            .with_detail("the table is not active")
            .with_source(error)
    })
}

async fn enable_ttl(client: &Client, table: &str) -> Result<()> {
    let ttl = TimeToLiveSpecification::builder().attribute_name(TTL_ATTRIBUTE).enabled(true).build();
    let ttl = ttl.map_err(invalid)?;
    let update = client.update_time_to_live().table_name(table).time_to_live_specification(ttl);
    update.send().await.map_err(failed("enable TTL"))?;
    Ok(())
}

fn string_attribute(name: &str) -> Result<AttributeDefinition> {
    let definition = AttributeDefinition::builder().attribute_name(name);
    definition.attribute_type(ScalarAttributeType::S).build().map_err(invalid)
}

fn key(name: &str, key_type: KeyType) -> Result<KeySchemaElement> {
    KeySchemaElement::builder().attribute_name(name).key_type(key_type).build().map_err(invalid)
}

fn invalid(error: BuildError) -> StoreError {
    StoreError::new("create table", StoreErrorKind::Internal).with_source(error)
}
