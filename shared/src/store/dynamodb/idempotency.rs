//! Idempotency keys: a client's name for a ring, in an item of its own.
//!
//! The key and its request are put in one transaction, so that a key never refers to a request that does not exist, and a request with
//! a key is never put twice. A ring without a key needs no transaction: it is put with one write.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use doorbell_protocol::limits::IDEMPOTENCY_RETENTION;
use doorbell_protocol::{IdempotencyKey, RequestId, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::DynamoDbStore;
use super::error::failed;
use super::items::{RequestItem, RuntimeItem, decode, encode, time};
use super::keys::{Item, Key, is_runtime, millis};
use super::transaction::{CONFLICT_WAITS, Transaction, incomplete};
use crate::access::Principal;
use crate::presence::PushLease;
use crate::request::{Fingerprint, OpenRequest, Request, Ring};
use crate::runtime::Runtime;
use crate::store::outcome::{InitiateOutcome, Result, StoreError, StoreErrorKind};

/// Unused, or used too long ago.
const UNUSED: &str = "attribute_not_exists(pk) OR used_at < :valid_since";

/// A key that was used, without its own key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct UsedKeyItem {
    request_id: RequestId,
    fingerprint: Fingerprint,
    workspace_id: WorkspaceId,
    used_at: i64,
    expires_at: i64,
}

impl UsedKeyItem {
    fn is_valid(&self, caller: &Principal, now: Timestamp) -> Result<bool> {
        let is_recent = now.since(time(self.used_at)?) <= IDEMPOTENCY_RETENTION;
        Ok(is_recent && caller.workspaces.contains(self.workspace_id))
    }
}

/// Whether `item` is that of a key that the caller has used, not too long ago.
pub(super) fn is_used(item: Item, caller: &Principal, now: Timestamp) -> Result<bool> {
    decode::<UsedKeyItem>(item)?.is_valid(caller, now)
}

impl DynamoDbStore {
    /// The answer of an earlier ring with the same key, if there is one. One read; two if there is one.
    pub(super) async fn read_earlier(
        &self,
        key: &IdempotencyKey,
        ring: &Ring,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<Option<InitiateOutcome>> {
        let runtime = ring.address.runtime;
        let get = self.client.get_item().table_name(&self.table);
        let get = get.set_key(Some(Key::idempotency_key(runtime, key).into())).consistent_read(true);
        let Some(item) = get.send().await.map_err(failed("read idempotency key"))?.item else {
            return Ok(None);
        };
        let used: UsedKeyItem = decode(item)?;
        if !used.is_valid(caller, now)? {
            return Ok(None);
        }
        let mut request = None;
        let mut found = None;
        for item in
            self.read_batches(vec![Key::runtime(runtime), Key::request(runtime, used.request_id)]).await?
        {
            if is_runtime(&item) {
                found = Some(decode::<RuntimeItem>(item)?.runtime(runtime)?);
            } else {
                request = Some(decode::<RequestItem>(item)?.request(runtime, used.request_id)?);
            }
        }
        let is_visible = |runtime: &Runtime| {
            caller.owns(runtime.workspace, &runtime.daemon_id) && runtime.is_registered(now)
        };
        let Some(found) = found.filter(is_visible) else {
            return Ok(Some(InitiateOutcome::NotFound));
        };
        if used.fingerprint != ring.fingerprint() {
            return Ok(Some(InitiateOutcome::IdempotencyKeyUsed));
        }
        let is_ours = used.request_id == ring.address.request;
        Ok(request.map(|request| {
            if is_ours {
                InitiateOutcome::Enqueued(request, found.push_lease(now))
            } else {
                InitiateOutcome::Existing(request)
            }
        }))
    }

    /// Puts the request of `ring` and its key, unless another ring with the key has come first. The request needs no condition of its own:
    /// it is put only together with its key. The id is in the open set, and is removed if the ring creates no request.
    pub(super) async fn enqueue_with_key(
        &self,
        key: &IdempotencyKey,
        ring: &Ring,
        request: Request,
        caller: &Principal,
        lease: Option<PushLease>,
        now: Timestamp,
    ) -> Result<InitiateOutcome> {
        for wait in CONFLICT_WAITS.map(Some).into_iter().chain([None]) {
            match self.put_with_key(key, ring, &request, caller, now).await? {
                Transaction::Applied => return Ok(InitiateOutcome::Enqueued(request, lease)),
                // Another ring has used the key.
                Transaction::ConditionFailed => {
                    let Some(outcome) = self.read_earlier(key, ring, caller, now).await? else { break };
                    if !matches!(outcome, InitiateOutcome::Enqueued(..)) {
                        self.remove_closed(ring.address.runtime, OpenRequest::of(&request)).await;
                    }
                    return Ok(outcome);
                }
                Transaction::Conflict => {
                    let Some(wait) = wait else { break };
                    tokio::time::sleep(wait).await;
                }
            }
        }
        Err(StoreError::new("enqueue", StoreErrorKind::Rejected).with_detail("conflicting rings"))
    }

    async fn put_with_key(
        &self,
        key: &IdempotencyKey,
        ring: &Ring,
        request: &Request,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<Transaction> {
        let used = UsedKeyItem {
            request_id: request.address.request,
            fingerprint: ring.fingerprint(),
            workspace_id: request.workspace,
            used_at: now.millis(),
            expires_at: (now + IDEMPOTENCY_RETENTION).seconds_rounded_up(),
        };
        let mut key_item = Item::from(Key::idempotency_key(request.address.runtime, key));
        key_item.extend(encode(used)?);
        let put_key = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key_item))
            .condition_expression(UNUSED)
            .expression_attribute_values(":valid_since", millis(now - IDEMPOTENCY_RETENTION));
        let put_request = Put::builder()
            .table_name(&self.table)
            .set_item(Some(super::initiate::new_item(request, caller)?));
        let put = |put: std::result::Result<Put, _>| {
            Ok(TransactWriteItem::builder().put(put.map_err(incomplete("enqueue"))?).build())
        };
        self.transact("enqueue", vec![put(put_key.build())?, put(put_request.build())?]).await
    }
}
