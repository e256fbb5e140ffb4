//! One consistent read; a lapse is written down before it is shown.

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::DynamoDbStore;
use super::error::{Write, conditional, failed};
use super::expressions::{millis, number, string};
use super::items::{request, request_expiry};
use super::keys::Key;
use crate::access::Workspaces;
use crate::request::{Address, Lapse, Request, State, Status};
use crate::store::{Poll, Polled, Result};
use crate::time::Timestamp;

impl Poll for DynamoDbStore {
    async fn poll(&self, address: Address, allowed: &Workspaces, now: Timestamp) -> Result<Polled> {
        let Some(request) = self.read(address, allowed, now).await? else { return Ok(Polled::Unknown) };
        match request.lapse(now) {
            None => Ok(Polled::Found(request)),
            Some(lapse) => self.time_out(&request, lapse, now).await,
        }
    }
}

impl DynamoDbStore {
    /// Consistent: an eventually consistent read can miss the record just written, and a client gives up at one 404.
    async fn read(&self, at: Address, allowed: &Workspaces, now: Timestamp) -> Result<Option<Request>> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(Key::request(at).into()));
        let output = get.consistent_read(true).send().await.map_err(|error| failed("poll")(&error))?;
        let request = output.item.map(request).transpose()?;
        Ok(request.filter(|request| {
            request.address == at && allowed.contains(request.workspace) && request.is_readable(now)
        }))
    }

    /// Only from the very state that was read. When it has changed meanwhile, what it has become is the answer: that
    /// way two nodes whose clocks differ tell one story. Our own first try, applied and unanswered, is known by its time.
    async fn time_out(&self, read: &Request, lapse: Lapse, now: Timestamp) -> Result<Polled> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::request(read.address).into()))
            .update_expression(
                "SET #status = :timeout, #error = :error, updated_at = :now, expires_at = :expires_at",
            )
            .condition_expression("#status = :status_read AND updated_at = :updated_at_read")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":timeout", string(Status::Timeout.as_str()))
            .expression_attribute_values(":error", string(lapse.as_str()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires_at", number(request_expiry(now)))
            .expression_attribute_values(":status_read", string(read.state.status().as_str()))
            .expression_attribute_values(":updated_at_read", millis(read.updated_at))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let item = match conditional("time out", update.send().await)? {
            Write::Applied(output) => output.attributes,
            Write::Refused(item) => item,
        };
        let Some(stands) = item.map(request).transpose()? else { return Ok(Polled::Unknown) };
        let ours = stands.state == State::Timeout(lapse) && stands.updated_at == now;
        Ok(if ours { Polled::TimedOut(stands) } else { Polled::Found(stands) })
    }
}
