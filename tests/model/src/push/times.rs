//! The times of the design, in ticks of five seconds.

pub type Ticks = u8;

/// Heartbeats without proven push: 15 s.
pub const FALLBACK: Ticks = 3;
/// The presence that a plain heartbeat writes: 45 s.
pub const PLAIN: Ticks = 9;
/// A runtime that cannot collect a request is shown offline within 60 s of a ring.
pub const OFFLINE_LIMIT: Ticks = 12;
/// A lease is older than 5 s on any clock: `REDELIVERY_AFTER` and a difference of 4 s.
pub const REDELIVERY: Ticks = 2;
/// A daemon finds its socket dead: a keep-alive of 30 s, and 10 s for the response.
pub const DAEMON_NOTICES: Ticks = 8;
/// The broker drops a silent client: one and a half times the keep-alive.
pub const BROKER_NOTICES: Ticks = 9;
/// API Gateway ends a call after 30 s, so a late heartbeat does not arrive later.
pub const LATEST_ARRIVAL: Ticks = 6;
/// A call ends within 9 s, so a heartbeat that has arrived writes nothing after the next tick.
pub const CALL_ENDS: Ticks = 1;
/// Longer than a call: a lease that was proven before the connection was lost has been written.
pub const PRESENCE_WAITS: Ticks = 2;
