//! The proof of the push channel: a daemon that says it is connected is sent `hello`, and gets push leases if it acknowledges it.
//!
//! Claims come first, because they are what a client waits for. Leases follow in writes of their own, each conditional on the
//! presence that the heartbeat has found.

use std::time::Duration;

use doorbell_protocol::{PushMessage, RequestId, RuntimeId, Timestamp};
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::AppState;
use doorbell_shared::limits::{HEARTBEAT_INTERVAL, LATEST_PROOF_START, PARALLEL_WRITES, PRESENCE_TIMEOUT};
use doorbell_shared::presence::Presence;
use doorbell_shared::push::{ClientId, Delivery, PushChannel};
use doorbell_shared::request::OpenRequest;
use doorbell_shared::store::{PresenceOutcome, RecordedHeartbeat, Result, Store};
use futures_util::{StreamExt as _, stream};

/// The connected daemon of a heartbeat.
pub(super) struct Proof<'a, S> {
    pub(super) state: &'a AppState<S>,
    pub(super) channel: &'a PushChannel,
    /// The start of the call.
    pub(super) started: Stopwatch,
}

/// A runtime of the heartbeat.
pub(super) struct ProvenRuntime {
    pub(super) id: RuntimeId,
    pub(super) recorded: RecordedHeartbeat,
    /// The requests that the daemon works on after this heartbeat: those in flight and those that it has claimed.
    pub(super) at_work: Vec<RequestId>,
}

impl ProvenRuntime {
    /// Whether another request waits or may be lost. No hint says so: its ring may have seen no lease, or its hint has been followed.
    fn has_more(&self, open: &[OpenRequest]) -> bool {
        open.iter().any(|entry| !self.at_work.contains(&entry.request))
    }
}

impl<S: Store> Proof<'_, S> {
    /// Renews the presence of the recorded runtimes, and returns when the next heartbeat is expected.
    ///
    /// A daemon has one connection, so its runtimes have one client id. Those of another client than the first runtime's get the presence
    /// of plain heartbeats.
    pub(super) async fn next_heartbeat(&self, runtimes: &[ProvenRuntime]) -> Duration {
        let Some(first) = runtimes.first() else { return HEARTBEAT_INTERVAL };
        let client = self.client(&first.recorded);
        let now = self.state.clock.now();
        if let Some(left) = self.shortest_lease(runtimes, &client, now) {
            let has_more = runtimes.iter().any(|runtime| runtime.has_more(&runtime.recorded.open));
            return if has_more { HEARTBEAT_INTERVAL } else { left };
        }
        // A heartbeat that was this slow ends before the proof would. Its runtimes stay online for as long as they were.
        if self.started.elapsed() > LATEST_PROOF_START {
            return HEARTBEAT_INTERVAL;
        }
        let is_proven = match self.channel.push.send(&client, &PushMessage::HELLO).await {
            Delivery::Delivered => true,
            Delivery::NotConnected | Delivery::Unacknowledged => false,
            Delivery::Unknown(error) => {
                tracing::warn!(%error, "hello not sent");
                false
            }
        };
        let renewal = self.renew(runtimes, is_proven.then_some(&client));
        match tokio::time::timeout(PRESENCE_TIMEOUT, renewal).await {
            Ok(Ok(true)) => self.channel.interval,
            Ok(Ok(false)) => HEARTBEAT_INTERVAL,
            Ok(Err(error)) => {
                tracing::warn!(%error, "presence not renewed");
                HEARTBEAT_INTERVAL
            }
            Err(_) => {
                tracing::warn!("renewal of the presence timed out");
                HEARTBEAT_INTERVAL
            }
        }
    }

    fn client(&self, recorded: &RecordedHeartbeat) -> ClientId {
        ClientId::new(&self.channel.deployment, recorded.workspace, &recorded.daemon_id)
    }

    /// How long the shortest lease is good for, if each runtime has one of `client` that is in its first half. A daemon that has lost its
    /// connection sends a plain heartbeat first, which ends its leases; so these were proven on the connection that it has.
    fn shortest_lease(
        &self,
        runtimes: &[ProvenRuntime],
        client: &ClientId,
        now: Timestamp,
    ) -> Option<Duration> {
        let left = runtimes.iter().map(|runtime| {
            let Presence { online_until, client: of } = &runtime.recorded.presence;
            let left = online_until.since(now).saturating_sub(self.channel.margin());
            (of.as_ref() == Some(client) && left > self.channel.interval / 2).then_some(left)
        });
        left.collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    /// Returns whether all runtimes have leases, and no request waits for the next heartbeat.
    async fn renew(&self, runtimes: &[ProvenRuntime], proven: Option<&ClientId>) -> Result<bool> {
        let now = self.state.clock.now();
        let online_until = now + self.channel.interval + self.channel.margin();
        let presence = |recorded: &RecordedHeartbeat| {
            let client = proven.filter(|client| self.client(recorded) == **client).cloned();
            let lease = client.map(|client| Presence { online_until, client: Some(client) });
            lease.unwrap_or_else(|| Presence::plain(now))
        };
        let renewals: Vec<_> =
            runtimes.iter().map(|runtime| (runtime, presence(&runtime.recorded))).collect();
        let leased = renewals.iter().filter(|(_, presence)| presence.client.is_some());
        let leased: Vec<RuntimeId> = leased.map(|(runtime, _)| runtime.id).collect();
        if let Some(client) = proven {
            // Before the leases: the end of a connection ends the leases that are found here.
            self.state.store.record_connection(client, &leased, online_until).await?;
        }
        let mut writes = Vec::with_capacity(renewals.len());
        for (runtime, presence) in renewals {
            writes.push(self.replace(runtime, presence, now));
        }
        let mut outcomes = stream::iter(writes).buffer_unordered(PARALLEL_WRITES);
        let mut may_sleep = leased.len() == runtimes.len();
        while let Some(outcome) = outcomes.next().await {
            may_sleep &= outcome?;
        }
        Ok(may_sleep)
    }

    /// Returns whether the presence was replaced, and no request of the runtime waits for the next heartbeat.
    async fn replace(&self, runtime: &ProvenRuntime, presence: Presence, now: Timestamp) -> Result<bool> {
        let seen = runtime.recorded.presence.online_until;
        let replaced = self.state.store.replace_presence(runtime.id, seen, &presence, now).await?;
        Ok(matches!(replaced, PresenceOutcome::Replaced(open) if !runtime.has_more(&open)))
    }
}
