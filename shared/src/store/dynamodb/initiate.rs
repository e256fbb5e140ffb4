//! Initiate: adds the id to the runtime's open set, then puts the request.
//!
//! DynamoDB's updates have no `max`, so GCRA needs two updates: one for a ring at or after the TAT, one for a ring within the
//! burst. Clients rarely ring twice in a second, so the first is tried first, and an early ring costs one more write.
//!
//! The idempotency token is the id itself: a retry finds it in the open set. The set keeps it until the request has ended, or its put is
//! overdue.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use doorbell_protocol::limits::OPEN_REQUESTS_PER_RUNTIME;
use doorbell_protocol::{RuntimeId, Timestamp, WorkspaceId};

use super::DynamoDbStore;
use super::caller_filter::CallerFilter;
use super::error::{ConditionalWrite, conditional};
use super::history;
use super::items::{RequestItem, RuntimeItem, decode, encode};
use super::join::{FoundRequests, joinable, removable};
use super::keys::{Item, Key, millis, number, string};
use crate::access::Principal;
use crate::limits::{RING_INTERVAL, RUNTIME_RETENTION};
use crate::presence::PushLease;
use crate::push::ClientId;
use crate::rate_limit::{RUNTIME_RINGS, RateLimited};
use crate::request::{Address, OpenRequest, Request, Ring};
use crate::runtime::{Runtime, ShortText};
use crate::store::outcome::{InitiateOutcome, Result};

/// Required of a ring that may not wait.
const ONLINE: &str = "online_until > :now";

/// Required of a ring that may wait: within the retention of runtimes.
const REGISTERED: &str = "last_seen_at >= :registered_since";

/// At or after the TAT.
const ON_TIME: &str = "(attribute_not_exists(rate_limit_tat) OR rate_limit_tat <= :now)";

/// Before the TAT and within the burst, and not a retry.
const EARLY: &str = "rate_limit_tat <= :max_tat AND NOT contains(#open, :id)";

const ROOM: &str = "(attribute_not_exists(#open) OR size(#open) < :most)";

/// The outcome of one of the two updates.
enum OpenOutcome {
    /// With the open set, the new id included.
    Added {
        workspace: WorkspaceId,
        daemon_id: ShortText,
        open: Vec<OpenRequest>,
        lease: Option<PushLease>,
    },
    /// The ring is before the TAT; the second update follows.
    Early,
    /// With the open set.
    RateLimited(RateLimited, Vec<OpenRequest>),
    Full(FullSet),
    Offline(Option<ClientId>),
    NotFound,
}

/// An open set without room.
struct FullSet {
    open: Vec<OpenRequest>,
    unreadable: Vec<String>,
}

impl DynamoDbStore {
    /// Two writes; three for an early ring. A ring that may join reads other open requests of its kind, if there are any. A ring with an
    /// idempotency key reads the key first. A full open set is cleaned once: one read, and one write. The futures of rare steps are
    /// boxed, because every ring would have their size on its stack.
    pub(super) async fn ring(
        &self,
        ring: &Ring,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<InitiateOutcome> {
        let key = ring.idempotency_key.as_ref();
        if let Some(key) = key
            && let Some(outcome) = Box::pin(self.read_earlier(key, ring, caller, now)).await?
        {
            return Ok(outcome);
        }
        let mut added = self.add_open(ring, caller, now).await?;
        if let OpenOutcome::Full(full) = added {
            let found = Box::pin(self.read_open(ring.address.runtime, &full.open)).await?;
            if !self.make_room(ring.address.runtime, &full, &found, now).await? {
                let joined = joinable(ring, &found, now).cloned();
                return Ok(joined.map_or(InitiateOutcome::QueueFull, InitiateOutcome::Existing));
            }
            added = self.add_open(ring, caller, now).await?;
        }
        match added {
            OpenOutcome::Added { workspace, daemon_id, open, lease } => {
                let notified_at = lease.as_ref().map(|_| now);
                let request =
                    Request { notified_at, ..Request::new(ring.clone(), workspace, daemon_id, now) };
                if let Some(joined) = Box::pin(self.find_joined(ring, open, now)).await? {
                    self.remove_closed(ring.address.runtime, OpenRequest::of(&request)).await;
                    return Ok(InitiateOutcome::Existing(joined));
                }
                match key {
                    None => self.enqueue(request, caller, lease).await,
                    Some(key) => {
                        Box::pin(self.enqueue_with_key(key, ring, request, caller, lease, now)).await
                    }
                }
            }
            OpenOutcome::Offline(client) => Ok(InitiateOutcome::Offline(client)),
            OpenOutcome::NotFound => Ok(InitiateOutcome::NotFound),
            OpenOutcome::RateLimited(limited, open) => {
                let joined = Box::pin(self.find_joined(ring, open, now)).await?;
                Ok(joined.map_or(InitiateOutcome::RateLimited(limited), InitiateOutcome::Existing))
            }
            OpenOutcome::Full(_) => Ok(InitiateOutcome::QueueFull),
            // Concurrent rings used up the burst.
            OpenOutcome::Early => {
                Ok(InitiateOutcome::RateLimited(RateLimited { retry_after: RING_INTERVAL }))
            }
        }
    }

    async fn add_open(&self, ring: &Ring, caller: &Principal, now: Timestamp) -> Result<OpenOutcome> {
        match self.add_on_time(ring, caller, now).await? {
            OpenOutcome::Early => self.add_early(ring, caller, now).await,
            outcome => Ok(outcome),
        }
    }

    async fn add_on_time(&self, ring: &Ring, caller: &Principal, now: Timestamp) -> Result<OpenOutcome> {
        let filter = CallerFilter::new(caller);
        let presence = if ring.deadlines.queued { REGISTERED } else { ONLINE };
        let mut update = self
            .update_open_set(ring, filter.values)
            .condition_expression(format!("{} AND {ON_TIME} AND {ROOM} AND {presence}", filter.condition))
            .update_expression("SET rate_limit_tat = :next_tat ADD #open :entry")
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":next_tat", millis(now + RING_INTERVAL));
        if ring.deadlines.queued {
            update = update.expression_attribute_values(":registered_since", millis(now - RUNTIME_RETENTION));
        }
        open_outcome(update, ring, caller, now).await
    }

    /// The first update has just checked the workspace, and that the runtime is registered. A runtime that was deleted since has no TAT.
    async fn add_early(&self, ring: &Ring, caller: &Principal, now: Timestamp) -> Result<OpenOutcome> {
        let interval = i64::try_from(RING_INTERVAL.as_millis()).unwrap_or(i64::MAX);
        let condition = format!("{EARLY} AND {ROOM}");
        let mut update = self
            .update_open_set(ring, HashMap::new())
            .update_expression("SET rate_limit_tat = rate_limit_tat + :interval ADD #open :entry")
            .expression_attribute_values(":id", string(entry(ring).to_string()))
            .expression_attribute_values(":max_tat", millis(RUNTIME_RINGS.max_tat(now)))
            .expression_attribute_values(":interval", number(interval));
        update = if ring.deadlines.queued {
            update.condition_expression(condition)
        } else {
            update
                .condition_expression(format!("{condition} AND {ONLINE}"))
                .expression_attribute_values(":now", millis(now))
        };
        open_outcome(update, ring, caller, now).await
    }

    fn update_open_set(
        &self,
        ring: &Ring,
        values: HashMap<String, AttributeValue>,
    ) -> UpdateItemFluentBuilder {
        let most = i64::try_from(OPEN_REQUESTS_PER_RUNTIME).unwrap_or(i64::MAX);
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(ring.address.runtime).into()))
            .set_expression_attribute_values(Some(values))
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":entry", AttributeValue::Ss(vec![entry(ring).to_string()]))
            .expression_attribute_values(":most", number(most))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Removes the entries of a full open set that are no open request. Returns whether there were any.
    async fn make_room(
        &self,
        runtime: RuntimeId,
        full: &FullSet,
        found: &FoundRequests,
        now: Timestamp,
    ) -> Result<bool> {
        let removable = removable(&full.open, found, now);
        let removable = removable.iter().map(OpenRequest::to_string);
        if !full.unreadable.is_empty() {
            tracing::warn!(count = full.unreadable.len(), "unreadable entries removed from a full open set");
        }
        let removable: Vec<String> = removable.chain(full.unreadable.iter().cloned()).collect();
        if removable.is_empty() {
            return Ok(false);
        }
        self.remove_entries(runtime, removable).await?;
        Ok(true)
    }

    /// The request's id is the idempotency token: an existing item comes from our first try.
    async fn enqueue(
        &self,
        request: Request,
        caller: &Principal,
        lease: Option<PushLease>,
    ) -> Result<InitiateOutcome> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(new_item(&request, caller)?))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match conditional("enqueue", put.send().await)? {
            ConditionalWrite::Applied(_) | ConditionalWrite::ConditionFailed(None) => {
                Ok(InitiateOutcome::Enqueued(request, lease))
            }
            ConditionalWrite::ConditionFailed(Some(item)) => {
                let Address { runtime, request } = request.address;
                let request = decode::<RequestItem>(item)?.request(runtime, request)?;
                Ok(InitiateOutcome::Enqueued(request, lease))
            }
        }
    }
}

/// The item of a new request.
pub(super) fn new_item(request: &Request, caller: &Principal) -> Result<Item> {
    let mut item = Item::from(Key::request(request.address.runtime, request.address.request));
    item.extend(encode(RequestItem::from(request))?);
    item.insert(history::ASKED_BY.to_owned(), history::subject(caller));
    item.insert(history::LEASES.to_owned(), history::no_deliveries());
    Ok(item)
}

/// The ring's entry in the open set.
fn entry(ring: &Ring) -> OpenRequest {
    OpenRequest { request: ring.address.request, kind: ring.kind }
}

async fn open_outcome(
    update: UpdateItemFluentBuilder,
    ring: &Ring,
    caller: &Principal,
    now: Timestamp,
) -> Result<OpenOutcome> {
    let item = match conditional("add to open set", update.send().await)? {
        ConditionalWrite::Applied(output) => output.attributes.unwrap_or_default(),
        ConditionalWrite::ConditionFailed(None) => return Ok(OpenOutcome::NotFound),
        ConditionalWrite::ConditionFailed(Some(item)) => item,
    };
    let item: RuntimeItem = decode(item)?;
    let open = item.open();
    let (tat, full) = (item.rate_limit_tat()?, full_set(&item));
    let runtime = item.runtime(ring.address.runtime)?;
    // Finding our own id is success: it was added, by this try or the first one.
    if open.contains(&entry(ring)) && caller.owns(runtime.workspace, &runtime.daemon_id) {
        let lease = runtime.push_lease(now);
        let Runtime { workspace, daemon_id, .. } = runtime;
        return Ok(OpenOutcome::Added { workspace, daemon_id, open, lease });
    }
    let outcome = failed_clause(runtime, tat, full, ring, caller, now);
    Ok(outcome.unwrap_or_else(|limited| OpenOutcome::RateLimited(limited, open)))
}

fn full_set(item: &RuntimeItem) -> Option<FullSet> {
    item.is_full().then(|| FullSet { open: item.open(), unreadable: item.unreadable_open() })
}

/// Which clause of the condition failed on `runtime`. An error if it was the rate limit.
fn failed_clause(
    runtime: Runtime,
    tat: Option<Timestamp>,
    full: Option<FullSet>,
    ring: &Ring,
    caller: &Principal,
    now: Timestamp,
) -> std::result::Result<OpenOutcome, RateLimited> {
    if !caller.owns(runtime.workspace, &runtime.daemon_id) || !runtime.is_registered(now) {
        return Ok(OpenOutcome::NotFound);
    }
    if !ring.deadlines.queued && !runtime.is_online(now) {
        return Ok(OpenOutcome::Offline(runtime.presence.client));
    }
    RUNTIME_RINGS.next_tat(tat, now)?;
    Ok(full.map_or(OpenOutcome::Early, OpenOutcome::Full))
}
