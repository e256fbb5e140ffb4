//! Presence with push, and the list that shows it.

use doorbell_protocol::{RuntimeId, Timestamp, WorkspaceId};

use super::contents::Contents;
use crate::presence::{Presence, PushLease};
use crate::push::ClientId;
use crate::request::{OpenRequest, Request, State};
use crate::runtime::Runtime;
use crate::store::outcome::{PresenceOutcome, ReminderOutcome, RuntimePage};

impl Contents {
    pub(super) fn replace_presence(
        &mut self,
        runtime: RuntimeId,
        seen: Timestamp,
        presence: &Presence,
        now: Timestamp,
    ) -> PresenceOutcome {
        let entry = self.runtimes.get_mut(&runtime);
        let current = entry.map(|entry| &mut entry.runtime.presence);
        let Some(current) = current.filter(|current| current.online_until == seen || *current == presence)
        else {
            return PresenceOutcome::Changed;
        };
        *current = presence.clone();
        PresenceOutcome::Replaced(self.open(runtime, now).map(OpenRequest::of).collect())
    }

    /// The leases of a client.
    pub(super) fn leases(&self, client: &ClientId, now: Timestamp) -> Vec<(RuntimeId, PushLease)> {
        let recorded = self.connections.get(client).into_iter().flatten();
        let leases = recorded.filter_map(|runtime| {
            let lease = self.runtimes.get(runtime)?.runtime.push_lease(now)?;
            (lease.client == *client).then_some((*runtime, lease))
        });
        leases.collect()
    }

    pub(super) fn take_reminder(&mut self, request: &Request, now: Timestamp) -> ReminderOutcome {
        let Some(stored) = self.request(request.address, now) else { return ReminderOutcome::NotDue };
        let is_unchanged = stored.notified_at == request.notified_at || stored.notified_at == Some(now);
        if stored.notified_at.is_none() || stored.state != State::Pending || !is_unchanged {
            return ReminderOutcome::NotDue;
        }
        stored.notified_at = Some(now);
        let entry = self.runtime(request.address.runtime, now);
        let lease = entry.and_then(|entry| entry.runtime.push_lease(now));
        lease.map_or(ReminderOutcome::NotDue, ReminderOutcome::Taken)
    }

    /// A page of the registered runtimes of a workspace.
    pub(super) fn page(
        &self,
        workspace: WorkspaceId,
        after: Option<RuntimeId>,
        limit: usize,
        now: Timestamp,
    ) -> RuntimePage {
        let runtimes = self.runtimes.values().map(|entry| &entry.runtime);
        let listed = runtimes.filter(|runtime| runtime.workspace == workspace && runtime.is_registered(now));
        let mut listed: Vec<&Runtime> = listed.filter(|runtime| Some(runtime.id) > after).collect();
        listed.sort_unstable_by_key(|runtime| runtime.id);
        let is_last = listed.len() <= limit;
        let runtimes: Vec<Runtime> = listed.into_iter().take(limit).cloned().collect();
        let next = runtimes.last().filter(|_| !is_last).map(|runtime| runtime.id);
        RuntimePage::bounded(runtimes, next)
    }
}
