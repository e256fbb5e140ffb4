//! The history in a request's item: attributes that ring, claim and report add to their own writes, and the read of `doorbell why`.
//!
//! No condition reads them. A retry of an applied write fails its condition, so it adds nothing.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_protocol::{RequestId, RuntimeId, Timestamp, WorkspaceId};
use serde::Deserialize;

use super::DynamoDbStore;
use super::error::corrupt;
use super::items::{RequestItem, RuntimeItem, decode, time};
use super::keys::{Item, Key, LISTED_RUNTIMES, millis, runtime_id, string};
use super::lists::BATCH_KEYS;
use crate::access::Principal;
use crate::limits::HISTORY_DELIVERIES;
use crate::request::{DeliveryRecord, HistorySubject, RequestHistory};
use crate::runtime::Runtime;
use crate::store::outcome::Result;

/// The attribute of a new request: the subject of the ring.
pub(super) const ASKED_BY: &str = "asked_by";

/// The attribute with the deliveries.
pub(super) const LEASES: &str = "leases";

/// The caller's subject as an attribute.
pub(super) fn subject(caller: &Principal) -> AttributeValue {
    string(HistorySubject::from(caller.subject.as_str()).as_str())
}

/// The deliveries of a new request: a list that the claims extend.
pub(super) fn no_deliveries() -> AttributeValue {
    AttributeValue::L(Vec::new())
}

/// One delivery. Its place in the list is its attempt.
pub(super) fn delivery(caller: &Principal, now: Timestamp) -> AttributeValue {
    let fields = [("at", millis(now)), ("by", subject(caller))];
    AttributeValue::M(HashMap::from(fields.map(|(name, value)| (name.to_owned(), value))))
}

/// The place of a delivery in the list. An index past the end appends, and a full list keeps its length: the last element is
/// replaced (AWS, "Update expressions"). So the list is bounded without a read or a condition.
pub(super) fn last_delivery() -> String {
    format!("{LEASES}[{}]", HISTORY_DELIVERIES - 1)
}

/// The attributes of a history.
#[derive(Deserialize)]
struct HistoryItem {
    claimed_at: Option<i64>,
    attempt: Option<u32>,
    asked_by: Option<String>,
    #[serde(default)]
    leases: Vec<DeliveryItem>,
    reported_by: Option<String>,
    cancelled_by: Option<String>,
}

#[derive(Deserialize)]
struct DeliveryItem {
    at: i64,
    by: String,
}

impl HistoryItem {
    /// The last one has the item's attempt, because it replaces others when the list is full.
    fn deliveries(&self) -> Result<Vec<DeliveryRecord>> {
        let last = self.leases.len();
        let delivery = |(attempt, lease): (u32, &DeliveryItem)| {
            let is_last = usize::try_from(attempt) == Ok(last);
            let attempt = if is_last { self.attempt.unwrap_or(attempt).max(attempt) } else { attempt };
            Ok(DeliveryRecord { at: time(lease.at)?, attempt, by: HistorySubject::from(lease.by.as_str()) })
        };
        (1..).zip(&self.leases).map(delivery).collect()
    }
}

fn history(item: Item, runtime: RuntimeId, request: RequestId) -> Result<RequestHistory> {
    let subject = |text: Option<String>| text.map(|text| HistorySubject::from(text.as_str()));
    let history: HistoryItem = decode(item.clone())?;
    Ok(RequestHistory {
        request: decode::<RequestItem>(item)?.request(runtime, request)?,
        claimed_at: history.claimed_at.map(time).transpose()?,
        deliveries: history.deliveries()?,
        asked_by: subject(history.asked_by),
        reported_by: subject(history.reported_by),
        cancelled_by: subject(history.cancelled_by),
    })
}

/// A request, found by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRequest {
    pub history: RequestHistory,
    /// Its runtime; `None` if it was deleted.
    pub runtime: Option<Runtime>,
}

impl DynamoDbStore {
    /// The request with this id in `workspace`, if it is within retention at `now`. Called by `doorbell why`, which is given a
    /// `runtime` or searches all that are listed in the workspace. Reads only.
    ///
    /// With a runtime two calls; otherwise a query, one call for each 100 runtimes until the request is found, and one more.
    ///
    /// # Errors
    /// When a call fails or an item is corrupt.
    pub async fn find_request(
        &self,
        workspace: WorkspaceId,
        runtime: Option<RuntimeId>,
        request: RequestId,
        now: Timestamp,
    ) -> Result<Option<FoundRequest>> {
        let runtimes = match runtime {
            Some(runtime) => vec![runtime],
            None => {
                let listed = self.read_listings(workspace, LISTED_RUNTIMES).await?;
                listed.iter().filter_map(Key::listed_runtime_id).collect()
            }
        };
        for batch in runtimes.chunks(BATCH_KEYS) {
            let keys = batch.iter().map(|runtime| Key::request(*runtime, request)).collect();
            for item in self.read_batches(keys).await? {
                let runtime = runtime_id(&item).ok_or_else(|| corrupt("a request's key"))?;
                let history = history(item, runtime, request)?;
                if history.request.workspace == workspace && history.request.is_readable(now) {
                    let runtime = self.read_runtime(runtime).await?;
                    return Ok(Some(FoundRequest { history, runtime }));
                }
            }
        }
        Ok(None)
    }

    async fn read_runtime(&self, runtime: RuntimeId) -> Result<Option<Runtime>> {
        let item = self.read_batches(vec![Key::runtime(runtime)]).await?.pop();
        item.map(|item| decode::<RuntimeItem>(item)?.runtime(runtime)).transpose()
    }
}
