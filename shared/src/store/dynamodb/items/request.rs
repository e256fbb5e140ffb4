//! The item of a request.

use std::time::Duration;

use doorbell_protocol::{Json, Kind, RequestId, RuntimeId, Status, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::time;
use crate::request::{
    Address, Deadlines, ErrorText, Lease, LeaseToken, Payload, Request, State, TimeoutReason,
};
use crate::runtime::ShortText;
use crate::store::dynamodb::error::corrupt;
use crate::store::dynamodb::payload_attribute::PayloadAttribute;
use crate::store::outcome::Result;

/// A request without its key.
///
/// The deadlines are stored as the last times of a claim and of a report, so that a condition compares them with the time of its
/// write. `running_ms` becomes `report_by` at the first claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store::dynamodb) struct RequestItem {
    kind: Kind,
    workspace_id: WorkspaceId,
    /// Missing in the item of a version without bound tokens. Then no bound token may report the request.
    #[serde(default)]
    daemon_id: String,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notified_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    claim_by: i64,
    running_ms: u64,
    retention_s: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    queued: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leased_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_by: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_token: Option<LeaseToken>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(flatten)]
    payload: Option<PayloadAttribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cancelled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_reason: Option<TimeoutReason>,
    expires_at: i64,
}

impl From<&Request> for RequestItem {
    fn from(request: &Request) -> Self {
        let Deadlines { running, retention, queued, pending: _ } = request.deadlines;
        let text = |json: &Option<Json>| json.as_ref().map(|json| json.as_str().to_owned());
        let mut item = Self {
            kind: request.kind,
            workspace_id: request.workspace,
            daemon_id: request.daemon_id.to_string(),
            status: request.state.status(),
            args: text(&request.args),
            progress: text(&request.progress),
            notified_at: request.notified_at.map(Timestamp::millis),
            created_at: request.created_at.millis(),
            updated_at: request.updated_at.millis(),
            claim_by: request.claim_by().millis(),
            running_ms: u64::try_from(running.as_millis()).unwrap_or(u64::MAX),
            retention_s: retention.as_secs(),
            queued,
            claimed_at: None,
            leased_at: None,
            report_by: None,
            lease_token: None,
            attempt: None,
            payload: None,
            error: None,
            cancelled: false,
            timeout_reason: None,
            expires_at: request.readable_until().seconds_rounded_up(),
        };
        match &request.state {
            State::Pending => {}
            State::Running(lease) => {
                item.claimed_at = Some(lease.claimed_at.millis());
                item.leased_at = Some(lease.leased_at.millis());
                item.report_by = Some(request.report_by(*lease).millis());
                item.lease_token = Some(lease.token);
                item.attempt = Some(lease.attempt);
            }
            State::Completed(payload) => item.payload = Some(PayloadAttribute::from(payload)),
            State::Failed(error) => item.error = Some(error.as_str().to_owned()),
            State::Cancelled => item.cancelled = true,
            State::Timeout(reason) => item.timeout_reason = Some(*reason),
        }
        item
    }
}

impl RequestItem {
    /// The request, with the ids of the key that was read.
    pub(in crate::store::dynamodb) fn request(
        self,
        runtime: RuntimeId,
        request: RequestId,
    ) -> Result<Request> {
        let created_at = time(self.created_at)?;
        let json = |text: &Option<String>| {
            let json = text.as_deref().map(str::parse::<Json>).transpose();
            json.map_err(|error| corrupt("stored JSON").with_source(error))
        };
        Ok(Request {
            address: Address { runtime, request },
            kind: self.kind,
            workspace: self.workspace_id,
            daemon_id: ShortText::from_stored(&self.daemon_id),
            args: json(&self.args)?,
            progress: json(&self.progress)?,
            notified_at: self.notified_at.map(time).transpose()?,
            created_at,
            updated_at: time(self.updated_at)?,
            deadlines: Deadlines {
                pending: time(self.claim_by)?.since(created_at),
                running: Duration::from_millis(self.running_ms),
                retention: Duration::from_secs(self.retention_s),
                queued: self.queued,
            },
            state: self.state()?,
        })
    }

    fn state(self) -> Result<State> {
        match self.status {
            Status::Pending => Ok(State::Pending),
            Status::Running => self.lease().map(State::Running),
            Status::Completed => {
                let payload = self.payload.ok_or_else(|| corrupt("a completed request without result"))?;
                Ok(State::Completed(Payload::try_from(payload)?))
            }
            Status::Failed if self.cancelled => Ok(State::Cancelled),
            Status::Failed => Ok(State::Failed(ErrorText::from(self.error.unwrap_or_default()))),
            Status::Timeout => {
                let reason = self.timeout_reason.ok_or_else(|| corrupt("a timeout without reason"))?;
                Ok(State::Timeout(reason))
            }
        }
    }

    fn lease(&self) -> Result<Lease> {
        let (Some(claimed_at), Some(leased_at)) = (self.claimed_at, self.leased_at) else {
            return Err(corrupt("a running request without claim"));
        };
        let token = self.lease_token.ok_or_else(|| corrupt("a running request without lease"))?;
        let attempt = self.attempt.unwrap_or(1);
        Ok(Lease { claimed_at: time(claimed_at)?, leased_at: time(leased_at)?, token, attempt })
    }
}
