//! The store: a trait for runtimes and requests, a trait for tokens, and their implementations.
//!
//! [`memory`] applies the lifecycle under one lock and is the reference. `dynamodb` implements each transition as one
//! conditional write. `conformance` tests both with the same suite.
//!
//! **For all operations**
//! - A runtime or request that the caller does not [own](Principal::owns), because of its workspace or because of the daemon
//!   that the caller is bound to, is indistinguishable from one that does not exist, except for
//!   [`HeartbeatOutcome::OtherWorkspace`].
//! - Items past their retention do not exist, whether or not TTL has deleted them.
//! - Losing a race is an outcome. A [`StoreError`] means that the operation may or may not have been applied; a retry is safe.
//! - `now` is the caller's time. The clocks of two callers may differ; stored times apply to both.

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
pub mod memory;
mod outcome;

use std::future::Future;

use doorbell_protocol::{IdempotencyKey, Json, Kind, RequestId, RuntimeId, Timestamp, WorkspaceId};

pub use outcome::{
    CancelOutcome, ChargeOutcome, ClaimOutcome, DeregisterOutcome, FindQuestionOutcome, FindSnapshotOutcome,
    FindTokenOutcome, ForgetOutcome, HeartbeatOutcome, InitiateOutcome, PollOutcome, PresenceOutcome,
    ProgressOutcome, RecordedHeartbeat, RedeemOutcome, RegisterOutcome, ReminderOutcome, ReportOutcome,
    Result, RevokeOutcome, RuntimePage, StoreError, StoreErrorKind, TokenPage,
};

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

/// Runtimes and their requests. [`memory::MemoryStore`] and `dynamodb::DynamoDbStore` implement it; the functions call it.
#[warn(missing_docs)]
pub trait Store: Send + Sync {
    /// Creates the request of `ring`, if the runtime is online at `now`, within its [rate limit](crate::rate_limit), and has room in
    /// its open set. A ring with a queue needs no online runtime. Called by initiate.
    ///
    /// The id is added to the open set before the request is put, so that a crash in between leaves an id without a request and
    /// never a request without an id. Afterwards every [`poll`](Self::poll) finds the request. The request id is the idempotency
    /// token of the call: a retry with the same ring and `now` creates nothing new and, unless the request has ended in between, does
    /// not count towards the rate limit again.
    ///
    /// A ring with the idempotency key of an earlier one counts towards nothing, and is answered even if the runtime is offline. A ring
    /// that joins a request counts as any other, but needs no room in the open set.
    fn initiate(
        &self,
        ring: &Ring,
        caller: &Principal,
        now: Timestamp,
    ) -> impl Future<Output = Result<InitiateOutcome>> + Send;

    /// The deadlines of requests of `kind`, if `runtime` declares it as a question. Called by initiate for kinds that are not
    /// built in. Reads only, so it may be cancelled.
    fn find_question(
        &self,
        runtime: RuntimeId,
        kind: Kind,
        caller: &Principal,
        now: Timestamp,
    ) -> impl Future<Output = Result<FindQuestionOutcome>> + Send;

    /// The snapshot of `runtime` and `kind`, if a ring of the caller with the idempotency key `key` may be answered with it: the runtime is
    /// online at `now`, and the snapshot is from its current registration and at most
    /// [`CATALOG_RETENTION`](doorbell_protocol::limits::CATALOG_RETENTION) old. Called by initiate for kinds with a catalog.
    ///
    /// After a report was acknowledged, it finds the snapshot of that report or of a newer one, on any node. Reads only, so it may be
    /// cancelled.
    fn find_snapshot(
        &self,
        runtime: RuntimeId,
        kind: Kind,
        key: Option<&IdempotencyKey>,
        caller: &Principal,
        now: Timestamp,
    ) -> impl Future<Output = Result<FindSnapshotOutcome>> + Send;

    /// Reads the request at `address`, if it is of one of `kinds`. Called by poll, and by initiate while a client waits.
    ///
    /// A timeout is written before it is returned: after a poll has returned a terminal state, every later poll returns the
    /// same, on any node.
    fn poll(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        now: Timestamp,
    ) -> impl Future<Output = Result<PollOutcome>> + Send;

    /// Records that `runtime` was seen at `now`, which keeps it registered. Called by heartbeat. A plain heartbeat also gives it
    /// [plain presence](Presence::plain) in place of a push lease or a deregistration; one of a connected daemon changes no presence.
    /// Does not renew the listing, but its outcome says when that is due.
    fn record_heartbeat(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        channel: HeartbeatChannel,
        now: Timestamp,
    ) -> impl Future<Output = Result<HeartbeatOutcome>> + Send;

    /// Replaces the presence of `runtime`, if it is still online until `seen`. Called by heartbeat, once the channel is proven or not,
    /// and by all that find a connection ended: initiate, poll and presence.
    fn replace_presence(
        &self,
        runtime: RuntimeId,
        seen: Timestamp,
        presence: &Presence,
        now: Timestamp,
    ) -> impl Future<Output = Result<PresenceOutcome>> + Send;

    /// Records which runtimes the connection of `client` serves, besides earlier ones. Called by heartbeat before it gives them a push
    /// lease, so that [`find_leases`](Self::find_leases) finds every runtime with one. `until` is the end of the leases.
    fn record_connection(
        &self,
        client: &ClientId,
        runtimes: &[RuntimeId],
        until: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The recorded runtimes with a push lease of `client`, in no particular order. Called by presence.
    fn find_leases(
        &self,
        client: &ClientId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<(RuntimeId, PushLease)>>> + Send;

    /// Takes the reminder of `request`, which was read and is [due](Request::reminder_is_due) one. Called by poll. Of concurrent
    /// callers one takes it. `now` is the idempotency token.
    fn take_reminder(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> impl Future<Output = Result<ReminderOutcome>> + Send;

    /// Keeps `runtime` listed in `workspace` for as long as it is registered after a heartbeat at `now`. Called by heartbeat, with
    /// the workspace of its outcome. May be cancelled: it stays due until it has succeeded.
    fn renew_listing(
        &self,
        workspace: WorkspaceId,
        runtime: RuntimeId,
        now: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Claims the request at `address`, creating the lease `token`. Called by heartbeat for the ids of the runtime's open set, the
    /// oldest first, without those in flight; [`record_heartbeat`](Self::record_heartbeat) has checked that the caller owns it.
    ///
    /// Of all claims of one pending request, or in place of one lost lease, one wins. `token` is the idempotency token: a retry
    /// has the same outcome for as long as the lease holds. A redelivery counts one more attempt and does not restart the
    /// running deadline. Must not be cancelled: a cancelled claim may have won.
    fn claim(
        &self,
        address: Address,
        caller: &Principal,
        filter: ClaimFilter,
        token: LeaseToken,
        now: Timestamp,
    ) -> impl Future<Output = Result<ClaimOutcome>> + Send;

    /// Removes ids from the open set of `runtime`: those of requests that have ended, or [were never
    /// put](crate::request::OpenRequest::is_orphan). Called by heartbeat for what its claims have found. May be cancelled: the next
    /// heartbeat finds them again.
    fn remove_open(
        &self,
        runtime: RuntimeId,
        ended: &[OpenRequest],
    ) -> impl Future<Output = Result<()>> + Send;

    /// Those of `requests` of `runtime` that were cancelled. Called by heartbeat for requests in flight that are not in the open set.
    /// Reads only, so it may be cancelled.
    fn find_cancelled(
        &self,
        runtime: RuntimeId,
        requests: &[RequestId],
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<RequestId>>> + Send;

    /// Stores the outcome of an open request of one of `kinds`, then updates the catalog of its kind and removes its id from the open
    /// set. Called by report. The outcome is the idempotency token.
    ///
    /// The catalog keeps the snapshot of the newest report. If its update fails, so does the operation; a retry updates it. The removal
    /// may fail: heartbeats find the id, and remove it.
    fn report(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        outcome: &RequestOutcome,
        catalog: CatalogUpdate,
        now: Timestamp,
    ) -> impl Future<Output = Result<ReportOutcome>> + Send;

    /// Stores the progress of a running request. Called by report.
    fn report_progress(
        &self,
        address: Address,
        caller: &Principal,
        progress: &Json,
        now: Timestamp,
    ) -> impl Future<Output = Result<ProgressOutcome>> + Send;

    /// Cancels an open request of one of `kinds`, then removes its id from the open set as [`report`](Self::report) does. Called by
    /// cancel.
    fn cancel(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        now: Timestamp,
    ) -> impl Future<Output = Result<CancelOutcome>> + Send;

    /// Registers runtimes and lists them in their workspace, or updates them. Called by register, which has checked that the
    /// caller owns runtimes of the daemon in the workspace.
    ///
    /// `namespace` becomes the workspace's if it has none yet; ids are derived from the workspace's, so registering again gives
    /// the same ids. A workspace has at most [`RUNTIMES_PER_WORKSPACE`](doorbell_protocol::limits::RUNTIMES_PER_WORKSPACE)
    /// runtimes. Runtimes that exist can always be registered again. Concurrent registrations may exceed the limit by what
    /// they add at once. After an error, some of the runtimes may be registered.
    fn register(
        &self,
        registration: Registration,
        namespace: RuntimeIdNamespace,
        now: Timestamp,
    ) -> impl Future<Output = Result<RegisterOutcome>> + Send;

    /// Takes the runtime offline at once, until its next heartbeat or registration. Called by deregister.
    fn deregister(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> impl Future<Output = Result<DeregisterOutcome>> + Send;

    /// Deletes the runtime, until its next registration. Called by forget.
    ///
    /// Requests of the runtime stay readable for their retention. A heartbeat does not recreate the runtime; its daemon registers it
    /// again. A call after an error may find that the runtime is gone.
    fn forget_runtime(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> impl Future<Output = Result<ForgetOutcome>> + Send;

    /// Registered runtimes of `workspace` with ids greater than `after`, the smallest ids first, at most `limit` (1 or more).
    /// Called by runtimes, which has checked that the caller is in the workspace.
    ///
    /// Pages that follow each other's `next` contain every runtime that is registered all the time exactly once. A page may have
    /// fewer than `limit` runtimes and still a `next`. Reads only, so it may be cancelled.
    fn list_runtimes(
        &self,
        workspace: WorkspaceId,
        after: Option<RuntimeId>,
        limit: usize,
        now: Timestamp,
    ) -> impl Future<Output = Result<RuntimePage>> + Send;

    /// Counts a call towards the rate of its token, across instances. Called by initiate and register, through
    /// `http::token_rates`.
    ///
    /// The charge's id is the idempotency token: a retry counts once, unless another call of the token came in between. May be
    /// cancelled: a lost charge lets one call more through, or one less.
    fn charge(&self, charge: &Charge, now: Timestamp) -> impl Future<Output = Result<ChargeOutcome>> + Send;
}

/// Opaque tokens and enrolment codes. The authorizer looks up tokens and records their use, `administer` creates, lists and revokes
/// them, and `redeem` redeems codes; IAM denies all else.
#[warn(missing_docs)]
pub trait TokenStore: Send + Sync {
    /// Looks up a token that is valid at `now`. Called by the authorizer.
    fn find_token(
        &self,
        hash: TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Result<FindTokenOutcome>> + Send;

    /// Records that a token was used at `now`, unless a use within [`TOKEN_USE_INTERVAL`](crate::limits::TOKEN_USE_INTERVAL) is
    /// recorded. Called by the authorizer when it is [due](TokenRecord::is_use_due). Does nothing for a token that was revoked in
    /// the meantime. May be cancelled.
    fn record_token_use(&self, hash: TokenHash, now: Timestamp) -> impl Future<Output = Result<()>> + Send;

    /// Stores a token in each of its workspaces. Called by administer and `doorbell token create`.
    fn issue_token(&self, record: &TokenRecord) -> impl Future<Output = Result<()>> + Send;

    /// The valid tokens of `workspace`, in no particular order. Called by `doorbell token list`.
    fn list_tokens(
        &self,
        workspace: WorkspaceId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<TokenRecord>>> + Send;

    /// Valid tokens of `workspace` with hashes greater than `after`, the smallest first, at most `limit` (1 or more). Called by
    /// administer.
    ///
    /// A page may have fewer than `limit` tokens and still a `next`. Reads only, so it may be cancelled.
    fn list_token_page(
        &self,
        workspace: WorkspaceId,
        after: Option<TokenHash>,
        limit: usize,
        now: Timestamp,
    ) -> impl Future<Output = Result<TokenPage>> + Send;

    /// The hash of a token of `workspace` with this id, valid or not. Called by administer, whose callers have only the id. Of several, the
    /// smallest.
    fn find_token_hash(
        &self,
        workspace: WorkspaceId,
        id: TokenId,
    ) -> impl Future<Output = Result<Option<TokenHash>>> + Send;

    /// Remembers that the token has connected as `client` at `now`, for as long as a connection may last. Called by connect.
    fn record_token_connection(
        &self,
        hash: TokenHash,
        client: &ClientId,
        now: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The clients that the token has connected as. Some may have ended. Called by administer and `doorbell token revoke`, which close
    /// them.
    fn find_token_connections(&self, hash: TokenHash) -> impl Future<Output = Result<Vec<ClientId>>> + Send;

    /// Deletes a token of `workspace` from all of its workspaces. Called by administer and `doorbell token revoke`.
    fn revoke_token(
        &self,
        workspace: WorkspaceId,
        hash: TokenHash,
    ) -> impl Future<Output = Result<RevokeOutcome>> + Send;

    /// Stores a code that was not redeemed. Called by administer.
    fn create_enrolment(&self, enrolment: &Enrolment) -> impl Future<Output = Result<()>> + Send;

    /// Redeems a code for `token`, which is bound to `daemon_id`, if it is [redeemable](Enrolment::is_redeemable). Called by redeem.
    ///
    /// Of any number of redemptions of a code, the token of the last one is valid; it replaces those before it. A token that was
    /// revoked is not replaced.
    fn redeem_enrolment(
        &self,
        code: EnrolmentHash,
        daemon_id: &ShortText,
        token: &Token,
        now: Timestamp,
    ) -> impl Future<Output = Result<RedeemOutcome>> + Send;
}
