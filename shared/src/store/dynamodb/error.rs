//! Converts SDK errors to outcomes and [`StoreError`]s.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

use super::expressions::Item;
use crate::store::outcome::{Result, StoreError, StoreErrorKind};

/// The outcome of a conditional write.
pub(super) enum ConditionalWrite<T> {
    Applied(T),
    /// With the stored item, if there is one.
    ConditionFailed(Option<Item>),
}

/// An SDK error of an operation that may have a condition.
pub(super) trait Conditional: ProvideErrorMetadata + Sized {
    /// `Some` if the condition failed, with the stored item if there is one.
    fn condition_failed(self) -> Option<Option<Item>>;
}

impl Conditional for UpdateItemError {
    fn condition_failed(self) -> Option<Option<Item>> {
        match self {
            Self::ConditionalCheckFailedException(failed) => Some(failed.item),
            _ => None,
        }
    }
}

impl Conditional for PutItemError {
    fn condition_failed(self) -> Option<Option<Item>> {
        match self {
            Self::ConditionalCheckFailedException(failed) => Some(failed.item),
            _ => None,
        }
    }
}

/// The response to a conditional write: a failed condition is an outcome, everything else an error.
pub(super) fn conditional<T, E: Conditional, R>(
    operation: &'static str,
    response: std::result::Result<T, SdkError<E, R>>,
) -> Result<ConditionalWrite<T>>
where
    SdkError<E, R>: RequestId,
{
    let error = match response {
        Ok(output) => return Ok(ConditionalWrite::Applied(output)),
        Err(error) => error,
    };
    let failure = failed(operation)(&error);
    let condition = match error {
        SdkError::ServiceError(service) => service.into_err().condition_failed(),
        _ => None,
    };
    condition.map(ConditionalWrite::ConditionFailed).ok_or(failure)
}

/// Converts an SDK error. Details are its code and the request's id, because its message could quote an item.
pub(super) fn failed<E: ProvideErrorMetadata, R>(
    operation: &'static str,
) -> impl Fn(&SdkError<E, R>) -> StoreError
where
    SdkError<E, R>: RequestId,
{
    move |error| {
        let kind = match error {
            SdkError::ConstructionFailure(_) => StoreErrorKind::Internal,
            SdkError::TimeoutError(_) => StoreErrorKind::Timeout,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => StoreErrorKind::Timeout,
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
