//! The store on one DynamoDB table, through the AWS SDK.
//!
//! Every transition is one conditional write. `keys`, `items` and `payload_attribute` define the stored shapes; `caller_filter` keeps callers to their own items; `registration`,
//! `questions`, `catalog`, `runtimes`, `presence`, `forget`, `lists`, `initiate`, `join`, `idempotency`, `queue`, `requests`, `history`, `tokens` and
//! `token_rates` have the operations with their conditions.
//!
//! **Idempotency.** The SDK retries a write whose response was lost. If the write was applied, the retry fails its condition. So
//! every conditional write stores an idempotency token (an id in the open set, a lease token, or the outcome itself), a failed condition
//! returns the stored item, and finding our own token in it is success.

pub mod table;

#[cfg(feature = "embedded")]
pub mod embedded;

mod caller_filter;
mod catalog;
mod enrolments;
mod error;
mod forget;
mod history;
mod idempotency;
mod initiate;
mod items;
mod join;
mod keys;
mod lists;
mod payload_attribute;
mod presence;
mod questions;
mod queue;
mod registration;
mod requests;
mod runtimes;
mod token_rates;
mod tokens;
mod transaction;

pub use history::FoundRequest;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::BehaviorVersion;
use doorbell_protocol::{IdempotencyKey, Json, Kind, RequestId, RuntimeId, Timestamp, WorkspaceId};

use super::outcome::{
    CancelOutcome, ChargeOutcome, ClaimOutcome, DeregisterOutcome, FindQuestionOutcome, FindSnapshotOutcome,
    FindTokenOutcome, ForgetOutcome, HeartbeatOutcome, InitiateOutcome, PollOutcome, PresenceOutcome,
    ProgressOutcome, RedeemOutcome, RegisterOutcome, ReminderOutcome, ReportOutcome, Result, RevokeOutcome,
    RuntimePage, TokenPage,
};
use super::{Store, TokenStore};
use crate::access::Principal;
use crate::catalog::CatalogUpdate;
use crate::enrolment::{Enrolment, EnrolmentHash};
use crate::presence::{HeartbeatChannel, Presence, PushLease};
use crate::push::ClientId;
use crate::rate_limit::Charge;
use crate::request::{
    Address, ClaimFilter, KindFilter, LeaseToken, OpenRequest, Request, RequestOutcome, Ring,
};
use crate::runtime::{Registration, RuntimeIdNamespace, ShortText};
use crate::token::{Token, TokenHash, TokenRecord};
use crate::token_id::TokenId;

/// A table and its client.
#[derive(Clone, Debug)]
pub struct DynamoDbStore {
    client: Client,
    table: String,
}

impl DynamoDbStore {
    /// The store on an existing `table`. Makes no call.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }
}

/// The SDK's defaults as of this date, so that an update of the SDK does not change them.
pub(crate) fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

impl Store for DynamoDbStore {
    async fn initiate(&self, ring: &Ring, caller: &Principal, now: Timestamp) -> Result<InitiateOutcome> {
        self.ring(ring, caller, now).await
    }

    async fn find_question(
        &self,
        runtime: RuntimeId,
        kind: Kind,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<FindQuestionOutcome> {
        self.read_question(runtime, kind, caller, now).await
    }

    async fn find_snapshot(
        &self,
        runtime: RuntimeId,
        kind: Kind,
        key: Option<&IdempotencyKey>,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<FindSnapshotOutcome> {
        self.read_snapshot(runtime, kind, key, caller, now).await
    }

    async fn poll(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<PollOutcome> {
        self.read_request(address, kinds, caller, now).await
    }

    async fn record_heartbeat(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        channel: HeartbeatChannel,
        now: Timestamp,
    ) -> Result<HeartbeatOutcome> {
        self.write_heartbeat(runtime, caller, channel, now).await
    }

    async fn replace_presence(
        &self,
        runtime: RuntimeId,
        seen: Timestamp,
        presence: &Presence,
        _now: Timestamp,
    ) -> Result<PresenceOutcome> {
        self.write_presence(runtime, seen, presence).await
    }

    async fn record_connection(
        &self,
        client: &ClientId,
        runtimes: &[RuntimeId],
        until: Timestamp,
    ) -> Result<()> {
        self.write_connection(client, runtimes, until).await
    }

    async fn find_leases(&self, client: &ClientId, now: Timestamp) -> Result<Vec<(RuntimeId, PushLease)>> {
        self.read_leases(client, now).await
    }

    async fn take_reminder(&self, request: &Request, now: Timestamp) -> Result<ReminderOutcome> {
        self.write_reminder(request, now).await
    }

    async fn renew_listing(&self, workspace: WorkspaceId, runtime: RuntimeId, now: Timestamp) -> Result<()> {
        self.write_renewal(workspace, runtime, now).await
    }

    async fn claim(
        &self,
        address: Address,
        caller: &Principal,
        filter: ClaimFilter,
        token: LeaseToken,
        now: Timestamp,
    ) -> Result<ClaimOutcome> {
        self.write_lease(address, caller, filter, token, now).await
    }

    async fn remove_open(&self, runtime: RuntimeId, ended: &[OpenRequest]) -> Result<()> {
        self.write_removal(runtime, ended).await
    }

    async fn find_cancelled(
        &self,
        runtime: RuntimeId,
        requests: &[RequestId],
        now: Timestamp,
    ) -> Result<Vec<RequestId>> {
        self.read_cancelled(runtime, requests, now).await
    }

    async fn report(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        outcome: &RequestOutcome,
        catalog: CatalogUpdate,
        now: Timestamp,
    ) -> Result<ReportOutcome> {
        self.write_report(address, kinds, caller, outcome, catalog, now).await
    }

    async fn report_progress(
        &self,
        address: Address,
        caller: &Principal,
        progress: &Json,
        now: Timestamp,
    ) -> Result<ProgressOutcome> {
        self.write_progress(address, caller, progress, now).await
    }

    async fn cancel(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<CancelOutcome> {
        self.write_cancellation(address, kinds, caller, now).await
    }

    async fn register(
        &self,
        registration: Registration,
        namespace: RuntimeIdNamespace,
        now: Timestamp,
    ) -> Result<RegisterOutcome> {
        self.write_registration(registration, namespace, now).await
    }

    async fn deregister(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<DeregisterOutcome> {
        self.write_deregistration(runtime, caller, now).await
    }

    async fn forget_runtime(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<ForgetOutcome> {
        self.delete_runtime(runtime, caller, now).await
    }

    async fn list_runtimes(
        &self,
        workspace: WorkspaceId,
        after: Option<RuntimeId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<RuntimePage> {
        self.read_runtimes(workspace, after, limit, now).await
    }

    async fn charge(&self, charge: &Charge, now: Timestamp) -> Result<ChargeOutcome> {
        self.write_charge(charge, now).await
    }
}

impl TokenStore for DynamoDbStore {
    async fn find_token(&self, hash: TokenHash, now: Timestamp) -> Result<FindTokenOutcome> {
        self.read_token(hash, now).await
    }

    async fn record_token_use(&self, hash: TokenHash, now: Timestamp) -> Result<()> {
        self.write_token_use(hash, now).await
    }

    async fn issue_token(&self, record: &TokenRecord) -> Result<()> {
        self.write_token(record).await
    }

    async fn list_tokens(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<TokenRecord>> {
        self.read_tokens(workspace, now).await
    }

    async fn list_token_page(
        &self,
        workspace: WorkspaceId,
        after: Option<TokenHash>,
        limit: usize,
        now: Timestamp,
    ) -> Result<TokenPage> {
        self.read_token_page(workspace, after, limit, now).await
    }

    async fn find_token_hash(&self, workspace: WorkspaceId, id: TokenId) -> Result<Option<TokenHash>> {
        self.read_token_hash(workspace, id).await
    }

    async fn record_token_connection(
        &self,
        hash: TokenHash,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<()> {
        self.write_token_connection(hash, client, now).await
    }

    async fn find_token_connections(&self, hash: TokenHash) -> Result<Vec<ClientId>> {
        self.read_token_connections(hash).await
    }

    async fn revoke_token(&self, workspace: WorkspaceId, hash: TokenHash) -> Result<RevokeOutcome> {
        self.delete_token(workspace, hash).await
    }

    async fn create_enrolment(&self, enrolment: &Enrolment) -> Result<()> {
        self.write_enrolment(enrolment).await
    }

    async fn redeem_enrolment(
        &self,
        code: EnrolmentHash,
        daemon_id: &ShortText,
        token: &Token,
        now: Timestamp,
    ) -> Result<RedeemOutcome> {
        self.write_redemption(code, daemon_id, token, now).await
    }
}
