//! Creates the table with the settings of `template.yaml`, for the embedded engine, emulators and trials.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters as _;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use aws_smithy_runtime_api::client::waiters::error::WaiterError;

use super::error::failed;
use crate::store::outcome::{Result, StoreError, StoreErrorKind};

/// The attribute that TTL reads, in seconds.
pub const TTL_ATTRIBUTE: &str = "expires_at";

/// An on-demand table is usable within seconds.
const CREATION_TIMEOUT: Duration = Duration::from_secs(60);

/// The timeouts of [`ensure`]'s calls. No daemon or client waits for them, and an emulator that has just started is slow: the
/// first call to LocalStack 4.14.0 was measured to take up to 2.7 s, more than an attempt of the store may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The outcome of [`ensure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ensured {
    Created,
    /// Also if the response to our own `CreateTable` was lost: the SDK's retry finds the table.
    Existed,
}

/// Creates `table` if it does not exist, waits until it is usable, and enables TTL if it is not: string keys, on demand, TTL
/// on [`TTL_ATTRIBUTE`]. Every step can be repeated, so a call that failed or whose response was lost is completed by the next.
pub async fn ensure(client: &Client, table: &str) -> Result<Ensured> {
    let client = with_control_plane_timeouts(client);
    let ensured = create(&client, table).await?;
    wait_until_usable(&client, table).await?;
    enable_ttl(&client, table).await?;
    Ok(ensured)
}

/// Keeps the connect timeout, because an endpoint that does not accept connections is a wrong endpoint.
fn with_control_plane_timeouts(client: &Client) -> Client {
    let config = client.config();
    let timeouts = config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
    let timeouts = timeouts.operation_attempt_timeout(ATTEMPT_TIMEOUT).operation_timeout(OPERATION_TIMEOUT);
    Client::from_conf(config.to_builder().timeout_config(timeouts.build()).build())
}

async fn create(client: &Client, table: &str) -> Result<Ensured> {
    let create = client
        .create_table()
        .table_name(table)
        .set_attribute_definitions(Some(vec![string_attribute("pk")?, string_attribute("sk")?]))
        .set_key_schema(Some(vec![key("pk", KeyType::Hash)?, key("sk", KeyType::Range)?]))
        .billing_mode(BillingMode::PayPerRequest);
    match create.send().await {
        Ok(_) => Ok(Ensured::Created),
        Err(SdkError::ServiceError(e)) if matches!(e.err(), CreateTableError::ResourceInUseException(_)) => {
            Ok(Ensured::Existed)
        }
        Err(error) => Err(failed("create table")(error)),
    }
}

/// DynamoDB creates a table in the background and rejects all calls until it is active.
async fn wait_until_usable(client: &Client, table: &str) -> Result<()> {
    let created = client.wait_until_table_exists().table_name(table).wait(CREATION_TIMEOUT).await;
    created.map(|_| ()).map_err(|error| {
        let failure = match error {
            WaiterError::ExceededMaxWait(_) => StoreError::new("create table", StoreErrorKind::Timeout)
                .with_detail("the table is not active"),
            _ => StoreError::new("describe table", StoreErrorKind::Rejected),
        };
        failure.with_source(error)
    })
}

/// Reads before it writes, because DynamoDB rejects the enabling of an enabled TTL. It also rejects the SDK's retry of an update
/// whose response was lost, so a rejected update is read again.
async fn enable_ttl(client: &Client, table: &str) -> Result<()> {
    if is_ttl_enabled(client, table).await? {
        return Ok(());
    }
    let ttl = TimeToLiveSpecification::builder().attribute_name(TTL_ATTRIBUTE).enabled(true).build();
    let ttl = ttl.map_err(invalid)?;
    let update = client.update_time_to_live().table_name(table).time_to_live_specification(ttl);
    match update.send().await {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(_)) if is_ttl_enabled(client, table).await? => Ok(()),
        Err(error) => Err(failed("enable TTL")(error)),
    }
}

/// Whether TTL reads [`TTL_ATTRIBUTE`]. A table whose TTL reads another attribute is not ours.
async fn is_ttl_enabled(client: &Client, table: &str) -> Result<bool> {
    let described = client.describe_time_to_live().table_name(table).send().await;
    let described = described.map_err(failed("describe TTL"))?.time_to_live_description;
    let Some(ttl) = described else { return Ok(false) };
    let is_on =
        matches!(ttl.time_to_live_status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
    match ttl.attribute_name.as_deref() {
        Some(TTL_ATTRIBUTE) => Ok(is_on),
        Some(other) if is_on => Err(StoreError::new("enable TTL", StoreErrorKind::Rejected)
            .with_detail(format!("it is enabled on the attribute {other}"))),
        _ => Ok(false),
    }
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
