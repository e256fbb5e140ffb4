//! The table that a command reads or writes itself, without the API.

use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;

use super::CommandError;
use crate::arguments::{TableArgs, TableStoreKind};

/// Creates a missing file of the embedded store.
pub(super) async fn open(arguments: &TableArgs) -> Result<DynamoDbStore, CommandError> {
    match (arguments.store, &arguments.data) {
        (TableStoreKind::Embedded, Some(data)) => Ok(EmbeddedDynamoDb::open(data).await?.store()),
        _ => open_existing(arguments).await,
    }
}

/// For a command that needs what is stored already: a mistyped name must not look like an empty table.
pub(super) async fn open_existing(arguments: &TableArgs) -> Result<DynamoDbStore, CommandError> {
    match (arguments.store, &arguments.data) {
        (TableStoreKind::Embedded, Some(data)) => Ok(EmbeddedDynamoDb::open_existing(data).await?.store()),
        (TableStoreKind::Embedded, None) => Err(CommandError::NoData),
        (TableStoreKind::Dynamodb, _) => {
            Ok(DynamoDbStore::new(doorbell_shared::aws::dynamodb().await, arguments.table.clone()))
        }
    }
}
