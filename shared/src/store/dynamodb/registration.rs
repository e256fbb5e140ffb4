//! Register: one read of the workspace's namespace, one read of the runtimes, and two writes for each; three for one that has or had
//! questions.
//!
//! Only a registration with new runtimes counts those of the workspace.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, Select};
use doorbell_protocol::limits::RUNTIMES_PER_WORKSPACE;
use doorbell_protocol::{RuntimeId, Timestamp, WorkspaceId};
use futures_util::future::try_join;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::DynamoDbStore;
use super::error::{corrupt, failed};
use super::items::{ListingItem, RuntimeItem, WorkspaceItem, decode, runtime_expiry};
use super::keys::{Key, LISTED_RUNTIMES, millis, number, runtime_id, string};
use crate::limits::{PARALLEL_WRITES, RUNTIME_RETENTION};
use crate::runtime::{Registration, Runtime, RuntimeIdNamespace, ShortText};
use crate::store::outcome::{RegisterOutcome, Result};

/// What a registration reads of a runtime's item. An expired item may still be there.
#[derive(Clone, Copy, Default)]
struct KnownRuntime {
    is_registered: bool,
    has_questions: bool,
}

impl DynamoDbStore {
    /// Registers the runtimes in parallel.
    pub(super) async fn write_registration(
        &self,
        registration: Registration,
        candidate: RuntimeIdNamespace,
        now: Timestamp,
    ) -> Result<RegisterOutcome> {
        if registration.runtimes.is_empty() {
            return Ok(RegisterOutcome::Registered(Vec::new()));
        }
        let workspace = registration.workspace;
        let runtimes = registration.runtimes(self.read_namespace(workspace, candidate).await?, now);
        let ids: Vec<RuntimeId> = runtimes.iter().map(|runtime| runtime.id).collect();
        // The last description of a runtime replaces the others here, because parallel writes have no order.
        let runtimes: BTreeMap<_, _> = runtimes.into_iter().map(|runtime| (runtime.id, runtime)).collect();
        let known = self.read_known(runtimes.keys().copied(), now).await?;
        let is_known = |id: &RuntimeId| known.get(id).is_some_and(|known| known.is_registered);
        let new: Vec<RuntimeId> = runtimes.keys().copied().filter(|id| !is_known(id)).collect();
        if !self.has_room(workspace, &new, now).await? {
            return Ok(RegisterOutcome::WorkspaceFull);
        }
        let writes = stream::iter(runtimes.into_values()).map(|runtime| {
            let known = known.get(&runtime.id).copied().unwrap_or_default();
            self.write_runtime(runtime, known, now)
        });
        let written = writes.buffer_unordered(PARALLEL_WRITES).map_ok(|runtime| (runtime.id, runtime));
        let written: BTreeMap<_, _> = written.try_collect().await?;
        let in_order = ids.iter().filter_map(|id| written.get(id).cloned());
        Ok(RegisterOutcome::Registered(in_order.collect()))
    }

    /// The workspace's namespace; `candidate` if it has none yet.
    ///
    /// Eventually consistent: a namespace never changes, and missing a new one only costs the write.
    async fn read_namespace(
        &self,
        workspace: WorkspaceId,
        candidate: RuntimeIdNamespace,
    ) -> Result<RuntimeIdNamespace> {
        let key = || Some(Key::workspace(workspace).into());
        let get = self.client.get_item().table_name(&self.table).set_key(key());
        let found = get.send().await.map_err(failed("read workspace"))?.item;
        let found = found.map(decode::<WorkspaceItem>).transpose()?;
        if let Some(namespace) = found.and_then(|item| item.runtime_id_namespace) {
            return Ok(namespace);
        }
        let candidate: AttributeValue = serde_dynamo::to_attribute_value(candidate)
            .map_err(|error| corrupt("not encodable").with_source(error))?;
        // Concurrent first registrations, and a retry, get the first one.
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(key())
            .update_expression("SET runtime_id_namespace = if_not_exists(runtime_id_namespace, :candidate)")
            .expression_attribute_values(":candidate", candidate)
            .return_values(ReturnValue::AllNew);
        let written = update.send().await.map_err(failed("write workspace"))?.attributes;
        let written: WorkspaceItem = decode(written.unwrap_or_default())?;
        written.runtime_id_namespace.ok_or_else(|| corrupt("a workspace without namespace"))
    }

    /// Those of `ids` that have an item.
    async fn read_known(
        &self,
        ids: impl Iterator<Item = RuntimeId>,
        now: Timestamp,
    ) -> Result<BTreeMap<RuntimeId, KnownRuntime>> {
        let mut known = BTreeMap::new();
        for item in self.read_batches(ids.map(Key::runtime).collect()).await? {
            let id = runtime_id(&item).ok_or_else(|| corrupt("a runtime's key"))?;
            let item: RuntimeItem = decode(item)?;
            let has_questions = item.has_questions;
            let is_registered = item.runtime(id)?.is_registered(now);
            known.insert(id, KnownRuntime { is_registered, has_questions });
        }
        Ok(known)
    }

    /// Whether `new` runtimes fit into the workspace.
    async fn has_room(&self, workspace: WorkspaceId, new: &[RuntimeId], now: Timestamp) -> Result<bool> {
        if new.is_empty() {
            return Ok(true);
        }
        let listed = self.count_listings(workspace, now).await?;
        if listed + new.len() <= RUNTIMES_PER_WORKSPACE {
            return Ok(true);
        }
        // A registration that failed between its two writes has left listings, which are counted already.
        let keys = new.iter().map(|id| Key::listing(workspace, *id)).collect();
        let mut counted = 0;
        for item in self.read_batches(keys).await? {
            counted += usize::from(decode::<ListingItem>(item)?.is_unexpired(seconds(now)));
        }
        Ok(listed + new.len() - counted <= RUNTIMES_PER_WORKSPACE)
    }

    /// The unexpired listings of the workspace.
    async fn count_listings(&self, workspace: WorkspaceId, now: Timestamp) -> Result<usize> {
        let query = self
            .query_listings(workspace, LISTED_RUNTIMES)
            .select(Select::Count)
            .filter_expression("expires_at > :now")
            .expression_attribute_values(":now", number(seconds(now)));
        let mut pages = query.into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed("count runtimes"))?;
            count += usize::try_from(page.count).unwrap_or_default();
        }
        Ok(count)
    }

    /// Upserts of the listing and the questions, then of the runtime. A crash in between leaves a listing without a runtime, which
    /// reads skip, never a runtime without a listing. Questions count only if the runtime's item has `has_questions`. A retry repeats
    /// the same writes.
    async fn write_runtime(&self, runtime: Runtime, known: KnownRuntime, now: Timestamp) -> Result<Runtime> {
        let questions = self.write_questions(&runtime, known.has_questions, now);
        try_join(self.write_listing(&runtime, now), questions).await?;
        let text = |text: &ShortText| string(text.as_str());
        let optional = |value: &Option<ShortText>| value.as_ref().map(text);
        let attributes = [
            ("workspace_id", Some(string(runtime.workspace.to_string()))),
            ("daemon_id", Some(text(&runtime.daemon_id))),
            ("provider", Some(text(&runtime.provider))),
            ("profile_id", optional(&runtime.profile_id)),
            ("name", Some(text(&runtime.name))),
            ("device_name", optional(&runtime.device_name)),
            ("version", optional(&runtime.version)),
            ("cli_version", optional(&runtime.cli_version)),
            ("owner_id", optional(&runtime.owner_id)),
            ("last_seen_at", Some(millis(now))),
            ("online_until", Some(millis(runtime.presence.online_until))),
            ("push_client_id", None),
            ("has_questions", (!runtime.questions.is_empty()).then_some(AttributeValue::Bool(true))),
            ("listed_until", Some(millis(now + RUNTIME_RETENTION))),
            ("expires_at", Some(number(runtime_expiry(now)))),
        ];
        // A new runtime may have an expired item. A known one keeps the time of its first registration. Open set and rate
        // limit stay; in an expired item they have no effect.
        let registered_at = if known.is_registered {
            "if_not_exists(registered_at, :registered_at)"
        } else {
            ":registered_at"
        };
        let mut set = vec![format!("registered_at = {registered_at}")];
        let mut remove = Vec::new();
        let mut update = self.client.update_item().table_name(&self.table);
        for (name, value) in attributes {
            // Some names are reserved words of expressions.
            update = update.expression_attribute_names(format!("#{name}"), name);
            let Some(value) = value else {
                remove.push(format!("#{name}"));
                continue;
            };
            set.push(format!("#{name} = :{name}"));
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        let removed =
            if remove.is_empty() { String::new() } else { format!(" REMOVE {}", remove.join(", ")) };
        let update = update
            .set_key(Some(Key::runtime(runtime.id).into()))
            .update_expression(format!("SET {}{removed}", set.join(", ")))
            .expression_attribute_values(":registered_at", millis(now))
            .return_values(ReturnValue::AllNew);
        let output = update.send().await.map_err(failed("register"))?;
        let written = decode::<RuntimeItem>(output.attributes.unwrap_or_default())?.runtime(runtime.id)?;
        Ok(Runtime { questions: runtime.questions, ..written })
    }
}

/// The resolution of `expires_at`.
fn seconds(now: Timestamp) -> i64 {
    now.millis() / 1000
}
