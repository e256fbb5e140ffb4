//! Transactions: several writes that are applied together or not at all.

use std::time::Duration;

use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};

use super::DynamoDbStore;
use super::error::failed;
use crate::store::outcome::{Result, StoreError, StoreErrorKind};

/// A transaction conflicts with another one on the same key, and is tried again after these times (AWS, "Amazon DynamoDB Transactions:
/// How it works"). The SDK does not retry it.
pub(super) const CONFLICT_WAITS: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(200)];

/// The code of a reason for a cancelled transaction (AWS, "TransactWriteItems").
const CONFLICT: &str = "TransactionConflict";
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// The outcome of one transaction.
pub(super) enum Transaction {
    Applied,
    ConditionFailed,
    Conflict,
}

impl DynamoDbStore {
    /// One transaction. The SDK's idempotency token makes its retries safe.
    pub(super) async fn transact(
        &self,
        operation: &'static str,
        items: Vec<TransactWriteItem>,
    ) -> Result<Transaction> {
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(Transaction::Applied),
            Err(error) if has_reason(&error, CONDITION_FAILED) => Ok(Transaction::ConditionFailed),
            Err(error) if has_reason(&error, CONFLICT) => Ok(Transaction::Conflict),
            Err(error) => Err(failed(operation)(error)),
        }
    }
}

/// The error of a write that lacks a field.
pub(super) fn incomplete(operation: &'static str) -> impl Fn(BuildError) -> StoreError {
    move |error| StoreError::new(operation, StoreErrorKind::Internal).with_source(error)
}

fn has_reason<R>(error: &SdkError<TransactWriteItemsError, R>, code: &str) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
    else {
        return false;
    };
    cancelled.cancellation_reasons().iter().filter_map(CancellationReason::code).any(|reason| reason == code)
}
