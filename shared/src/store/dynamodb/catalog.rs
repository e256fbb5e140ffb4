//! Snapshots of the catalog: one item for each runtime and kind.
//!
//! A report writes its snapshot after its outcome, so a report that ends in between is answered as failed and is sent again. The newest
//! report wins, in whatever order the writes arrive: also one that deletes the snapshot stores its time.

use doorbell_protocol::limits::CATALOG_RETENTION;
use doorbell_protocol::{IdempotencyKey, Kind, RuntimeId, Timestamp};
use serde::Deserialize;

use super::DynamoDbStore;
use super::error::{ConditionalWrite, conditional};
use super::idempotency::is_used;
use super::items::{RuntimeItem, decode, time};
use super::keys::{Key, is_runtime, is_snapshot, millis, number};
use super::payload_attribute::PayloadAttribute;
use crate::access::Principal;
use crate::catalog::Snapshot;
use crate::request::Payload;
use crate::store::outcome::{FindSnapshotOutcome, Result};

/// A snapshot without its key.
#[derive(Deserialize)]
struct SnapshotItem {
    /// Missing once a report has deleted the snapshot.
    #[serde(flatten)]
    result: Option<PayloadAttribute>,
    stored_at: i64,
}

impl SnapshotItem {
    fn snapshot(self) -> Result<Snapshot> {
        let result = self.result.map(Payload::try_from).transpose()?;
        Ok(Snapshot { result, stored_at: time(self.stored_at)? })
    }
}

impl DynamoDbStore {
    /// One batch read: the runtime, its snapshot and, for a ring with one, the idempotency key. Consistent, so that a ring finds what an
    /// acknowledged report has stored.
    pub(super) async fn read_snapshot(
        &self,
        runtime: RuntimeId,
        kind: Kind,
        key: Option<&IdempotencyKey>,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<FindSnapshotOutcome> {
        let mut keys = vec![Key::runtime(runtime), Key::catalog(runtime, kind)];
        keys.extend(key.map(|key| Key::idempotency_key(runtime, key)));
        let mut found = None;
        let mut snapshot = None;
        for item in self.read_batches(keys).await? {
            if is_runtime(&item) {
                found = Some(decode::<RuntimeItem>(item)?);
            } else if is_snapshot(&item) {
                snapshot = Some(decode::<SnapshotItem>(item)?.snapshot()?);
            } else if is_used(item, caller, now)? {
                return Ok(FindSnapshotOutcome::NotFound);
            }
        }
        let Some((item, snapshot)) = found.zip(snapshot) else { return Ok(FindSnapshotOutcome::NotFound) };
        let open = item.open();
        let runtime = item.runtime(runtime)?;
        let is_visible = caller.owns(runtime.workspace, &runtime.daemon_id) && runtime.is_registered(now);
        let served =
            Some(snapshot).filter(|_| is_visible).and_then(|snapshot| snapshot.served(&runtime, now));
        Ok(served.map_or(FindSnapshotOutcome::NotFound, |served| FindSnapshotOutcome::Found(served, open)))
    }

    /// One write. Its own first try has the same time, and need not be recognized.
    pub(super) async fn write_snapshot(
        &self,
        runtime: RuntimeId,
        kind: Kind,
        result: Option<PayloadAttribute>,
        stored_at: Timestamp,
    ) -> Result<()> {
        let result = result.map(PayloadAttribute::into_name_and_value);
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::catalog(runtime, kind).into()))
            .condition_expression("attribute_not_exists(pk) OR stored_at < :stored_at")
            .expression_attribute_values(":stored_at", millis(stored_at))
            .expression_attribute_values(
                ":expires_at",
                number((stored_at + CATALOG_RETENTION).seconds_rounded_up()),
            );
        // `result` is a reserved word (AWS, "Reserved words in DynamoDB").
        let mut removed = Vec::new();
        for name in PayloadAttribute::NAMES {
            if result.as_ref().is_none_or(|(stored, _)| *stored != name) {
                let placeholder = format!("#old_{name}");
                update = update.expression_attribute_names(&placeholder, name);
                removed.push(placeholder);
            }
        }
        let removed = removed.join(", ");
        let mut set = "SET stored_at = :stored_at, expires_at = :expires_at".to_owned();
        if let Some((name, value)) = result {
            set.push_str(", #result = :result");
            update = update
                .expression_attribute_names("#result", name)
                .expression_attribute_values(":result", value);
        }
        let update = update.update_expression(format!("{set} REMOVE {removed}"));
        match conditional("store snapshot", update.send().await)? {
            ConditionalWrite::Applied(_) | ConditionalWrite::ConditionFailed(_) => Ok(()),
        }
    }
}
