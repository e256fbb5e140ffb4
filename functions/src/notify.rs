//! Notifies daemons through the push channel, and ends the push leases of those that it does not reach.
//!
//! A lost hint costs time, not the answer: the request stays pending, and the daemon's next heartbeat finds it.

use doorbell_protocol::{PushMessage, RuntimeId};
use doorbell_shared::http::{AppState, metrics};
use doorbell_shared::presence::PushLease;
use doorbell_shared::push::{ClientId, Delivery, PushChannel};
use doorbell_shared::request::Request;
use doorbell_shared::store::{PresenceOutcome, ReminderOutcome, Store};

/// What a hint has shown of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notified {
    /// It will collect its requests, as far as is known.
    Online,
    /// Its daemon is not connected, and has sent no heartbeat for longer than a plain one counts.
    Offline,
}

/// What became of a hint.
enum Hint {
    Delivered,
    /// The daemon has no connection, or has none any more: it sends plain heartbeats once it notices.
    NotConnected,
    /// The daemon may be connected, and rely on it.
    Unknown,
}

/// Sends a hint to the daemon of `runtime`, which had `lease`. Takes up to two calls of the push channel and one write.
pub(crate) async fn notify<S: Store>(state: &AppState<S>, runtime: RuntimeId, lease: &PushLease) -> Notified {
    let hint = match &state.push {
        Some(channel) => send_hint(channel, runtime, lease).await,
        // The deployment had a channel when it gave the lease. Its daemon is not told that it has none.
        None => Hint::NotConnected,
    };
    let now = state.clock.now();
    let presence = match hint {
        Hint::Delivered => return Notified::Online,
        Hint::NotConnected => lease.ended(now),
        // The runtime is offline soon, unless a reminder arrives.
        Hint::Unknown => lease.shortened(now),
    };
    match state.store.replace_presence(runtime, lease.until, &presence, now).await {
        Ok(PresenceOutcome::Replaced(_)) => {
            metrics::lease_ended();
            tracing::info!(runtime_id = %runtime, "push lease ended: hint not delivered");
            if presence.is_online(now) { Notified::Online } else { Notified::Offline }
        }
        // A heartbeat or a registration came first.
        Ok(PresenceOutcome::Changed) => Notified::Online,
        Err(error) => {
            tracing::warn!(%error, "push lease not ended");
            Notified::Online
        }
    }
}

/// Closes the connection of a daemon that has not acknowledged the hint: it may be connected and deaf, and then relies on it.
async fn send_hint(channel: &PushChannel, runtime: RuntimeId, lease: &PushLease) -> Hint {
    let PushChannel { push, .. } = channel;
    match push.send(&lease.client, &PushMessage::Hint { runtime_id: runtime }).await {
        Delivery::Delivered => {
            metrics::hint_delivered();
            return Hint::Delivered;
        }
        Delivery::NotConnected => {
            metrics::hint_undelivered();
            return Hint::NotConnected;
        }
        Delivery::Unacknowledged => {}
        Delivery::Unknown(error) => tracing::warn!(%error, "hint not sent"),
    }
    metrics::hint_undelivered();
    match push.disconnect(&lease.client).await {
        Ok(()) => Hint::NotConnected,
        Err(error) => {
            tracing::warn!(%error, "connection not closed");
            Hint::Unknown
        }
    }
}

/// Sends a hint to a daemon whose lease has expired. While the push channel failed, it may have stayed connected and rely on the channel;
/// it then comes back online with the heartbeat that the hint causes.
pub(crate) async fn wake<S: Store>(state: &AppState<S>, runtime: RuntimeId, client: &ClientId) {
    let Some(PushChannel { push, .. }) = &state.push else { return };
    match push.send(client, &PushMessage::Hint { runtime_id: runtime }).await {
        Delivery::Delivered => metrics::hint_delivered(),
        Delivery::NotConnected | Delivery::Unacknowledged | Delivery::Unknown(_) => {
            metrics::hint_undelivered();
        }
    }
}

/// Notifies the daemon again, if `request` is due a reminder and no other poll sends it.
pub(crate) async fn remind<S: Store>(state: &AppState<S>, request: &Request) {
    let now = state.clock.now();
    if state.push.is_none() || !request.reminder_is_due(now) {
        return;
    }
    match state.store.take_reminder(request, now).await {
        Ok(ReminderOutcome::Taken(lease)) => {
            notify(state, request.address.runtime, &lease).await;
        }
        Ok(ReminderOutcome::NotDue) => {}
        Err(error) => tracing::warn!(%error, "reminder not taken"),
    }
}
