//! What the SDK reports → an outcome or a [`StoreError`].
//!
//! The one place that looks into SDK errors. Details are the error's code and kind: a message could quote an item.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId as _;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

use super::items::Item;
use crate::store::{Result, StoreError};

/// How a conditional write went.
pub(super) enum Write<T> {
    /// The condition held.
    Applied(T),
    /// It did not; the item as it stands, if there is one.
    Refused(Option<Item>),
}

/// An SDK error of an operation that may carry a condition.
pub(super) trait Conditional: ProvideErrorMetadata + Sized {
    /// The item that the condition failed on, if that is what happened.
    fn refused(self) -> std::result::Result<Option<Item>, Self>;
}

impl Conditional for UpdateItemError {
    fn refused(self) -> std::result::Result<Option<Item>, Self> {
        match self {
            Self::ConditionalCheckFailedException(failed) => Ok(failed.item),
            other => Err(other),
        }
    }
}

impl Conditional for PutItemError {
    fn refused(self) -> std::result::Result<Option<Item>, Self> {
        match self {
            Self::ConditionalCheckFailedException(failed) => Ok(failed.item),
            other => Err(other),
        }
    }
}

/// The answer to a conditional write: a failed condition is an outcome, anything else an error.
pub(super) fn conditional<T, E: Conditional, R>(
    operation: &'static str,
    answer: std::result::Result<T, SdkError<E, R>>,
) -> Result<Write<T>>
where
    SdkError<E, R>: aws_sdk_dynamodb::operation::RequestId,
{
    let error = match answer {
        Ok(output) => return Ok(Write::Applied(output)),
        Err(error) => error,
    };
    let failure = failed(operation)(&error);
    match error {
        SdkError::ServiceError(service) => {
            service.into_err().refused().map(Write::Refused).map_err(|_| failure)
        }
        _ => Err(failure),
    }
}

/// The error of an operation that carries no condition.
pub(super) fn failed<E: ProvideErrorMetadata, R>(
    operation: &'static str,
) -> impl Fn(&SdkError<E, R>) -> StoreError
where
    SdkError<E, R>: aws_sdk_dynamodb::operation::RequestId,
{
    move |error| {
        let kind = match error {
            SdkError::ConstructionFailure(_) => "the request could not be built",
            SdkError::TimeoutError(_) => "timed out",
            SdkError::DispatchFailure(failure) if failure.is_timeout() => "timed out connecting",
            SdkError::DispatchFailure(_) => "could not be reached",
            SdkError::ResponseError(_) => "the answer could not be read",
            _ => error.code().unwrap_or("refused without a code"),
        };
        let request = error.request_id().map(|id| format!(" (request {id})")).unwrap_or_default();
        StoreError { operation, detail: format!("{kind}{request}") }
    }
}

/// A stored item is not what this code writes.
pub(super) fn corrupt(what: &str) -> StoreError {
    StoreError { operation: "read item", detail: format!("not as stored: {what}") }
}
