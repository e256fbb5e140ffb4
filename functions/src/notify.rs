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
    /// It will collect its requests, or nobody knows.
    Online,
    /// Its daemon is not connected, and has sent no heartbeat for longer than a plain one counts.
    Offline,
}

/// Sends a hint to the daemon of `runtime`, which had `lease`. Takes up to two calls of the push channel and one write.
pub(crate) async fn notify<S: Store>(state: &AppState<S>, runtime: RuntimeId, lease: &PushLease) -> Notified {
    let Some(PushChannel { push, .. }) = &state.push else { return Notified::Online };
    let delivery = push.send(&lease.client, &PushMessage::Hint { runtime_id: runtime }).await;
    if matches!(delivery, Delivery::Delivered) {
        metrics::hint_delivered();
        return Notified::Online;
    }
    metrics::hint_undelivered();
    if let Delivery::Unknown(error) = &delivery {
        tracing::warn!(%error, "hint not sent");
    }
    let now = state.clock.now();
    let is_closed = match delivery {
        Delivery::Delivered | Delivery::NotConnected => true,
        // The daemon may be connected and deaf. Once it has lost the connection, it sends plain heartbeats.
        Delivery::Unacknowledged | Delivery::Unknown(_) => {
            let closed = push.disconnect(&lease.client).await;
            closed.inspect_err(|error| tracing::warn!(%error, "connection not closed")).is_ok()
        }
    };
    // A daemon that may still rely on its connection sends no plain heartbeat, so the runtime is offline soon unless a reminder arrives.
    let presence = if is_closed { lease.ended(now) } else { lease.shortened(now) };
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

/// Sends a hint to a daemon whose lease has lapsed. While the push channel failed, it may have stayed connected and rely on the channel;
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
