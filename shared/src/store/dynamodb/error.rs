//! Converts SDK errors to outcomes and [`StoreError`]s.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId as _;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::keys::Item;
use crate::store::outcome::{Result, StoreError, StoreErrorKind};

/// The outcome of a conditional write.
pub(super) enum ConditionalWrite<T> {
    Applied(T),
    /// With the stored item, if there is one.
    ConditionFailed(Option<Item>),
}

impl<T> ConditionalWrite<T> {
    pub(super) fn map<U>(self, output: impl FnOnce(T) -> U) -> ConditionalWrite<U> {
        match self {
            Self::Applied(applied) => ConditionalWrite::Applied(output(applied)),
            Self::ConditionFailed(item) => ConditionalWrite::ConditionFailed(item),
        }
    }
}

/// An SDK error of an operation that may have a condition.
pub(super) trait Conditional: ProvideErrorMetadata + Error + Send + Sync + Sized + 'static {
    /// `Ok` if the condition failed, with the stored item if there is one.
    fn condition_failed(self) -> std::result::Result<Option<Item>, Self>;
}

impl Conditional for UpdateItemError {
    fn condition_failed(self) -> std::result::Result<Option<Item>, Self> {
        match self {
            Self::ConditionalCheckFailedException(failed) => Ok(failed.item),
            other => Err(other),
        }
    }
}

impl Conditional for DeleteItemError {
    fn condition_failed(self) -> std::result::Result<Option<Item>, Self> {
        match self {
            Self::ConditionalCheckFailedException(failed) => Ok(failed.item),
            other => Err(other),
        }
    }
}

impl Conditional for PutItemError {
    fn condition_failed(self) -> std::result::Result<Option<Item>, Self> {
        match self {
            Self::ConditionalCheckFailedException(failed) => Ok(failed.item),
            other => Err(other),
        }
    }
}

/// The response to a conditional write: a failed condition is an outcome, everything else an error.
pub(super) fn conditional<T, E: Conditional>(
    operation: &'static str,
    response: std::result::Result<T, SdkError<E, HttpResponse>>,
) -> Result<ConditionalWrite<T>> {
    let error = match response {
        Ok(output) => return Ok(ConditionalWrite::Applied(output)),
        Err(error) => error,
    };
    let failure = store_error(operation, &error);
    match error {
        SdkError::ServiceError(service) => match service.into_err().condition_failed() {
            Ok(item) => Ok(ConditionalWrite::ConditionFailed(item)),
            Err(error) => Err(failure.with_source(error)),
        },
        error => Err(failure.with_source(error)),
    }
}

/// The error of an operation without a condition.
pub(super) fn failed<E>(operation: &'static str) -> impl Fn(SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    move |error| store_error(operation, &error).with_source(error)
}

/// The error without its source. Its detail is the code and the request's id, because a message could quote an item.
fn store_error<E: ProvideErrorMetadata>(
    operation: &'static str,
    error: &SdkError<E, HttpResponse>,
) -> StoreError {
    let kind = match error {
        SdkError::ConstructionFailure(_) => StoreErrorKind::Internal,
        SdkError::TimeoutError(_) => StoreErrorKind::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => StoreErrorKind::ConnectTimeout,
        SdkError::DispatchFailure(_) => StoreErrorKind::Unreachable,
        SdkError::ResponseError(_) => StoreErrorKind::BadResponse,
        _ => error.code().map_or(StoreErrorKind::Rejected, kind_of_code),
    };
    let code = error.code().map(str::to_owned);
    let request = error.request_id().map(|id| format!("request {id}"));
    let detail: Vec<String> = code.into_iter().chain(request).collect();
    let failure = StoreError::new(operation, kind);
    if detail.is_empty() { failure } else { failure.with_detail(detail.join(", ")) }
}

/// AWS, "Error handling with DynamoDB".
fn kind_of_code(code: &str) -> StoreErrorKind {
    match code {
        "ProvisionedThroughputExceededException" | "RequestLimitExceeded" | "ThrottlingException" => {
            StoreErrorKind::Throttled
        }
        _ => StoreErrorKind::Rejected,
    }
}

/// A stored item has an unexpected shape.
pub(super) fn corrupt(detail: &'static str) -> StoreError {
    StoreError::new("read item", StoreErrorKind::Corrupt).with_detail(detail)
}
