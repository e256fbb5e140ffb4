//! The push channel and presence as a model of their own: one runtime, its daemon, the broker, and the calls between them.
//!
//! The model of requests leaves out who is shown online, and this one leaves out what follows a claim: together they would have
//! too many states. They share the claim: a heartbeat that reads the id of a stored request gets it.
//!
//! # Time
//!
//! A [tick](times) is five seconds, and every time is relative, so that equal situations at different times are one state. Time
//! passes only when nothing [must](enabled::due) happen first: an action without a fault is at most one tick late.
//!
//! # Steps
//!
//! | call | steps |
//! |---|---|
//! | initiate | add the id, read the lease; put; hint; disconnect; end the lease |
//! | poll | read the lease; hint; disconnect; end the lease |
//! | heartbeat, plain | write the presence |
//! | heartbeat, connected | write `last_seen_at`, read the lease, claim; hello; record the connection; write the lease |
//! | presence | wait; read the lease; ask the broker; end the lease |
//!
//! Conditions on `online_until` hold if nothing has written it since it was read: two writes never store the same time.
//!
//! # Faults
//!
//! - A hint or hello is lost, doubled or late, or its acknowledgement is lost. The broker's API fails, once or until it recovers.
//! - A socket is closed, half-open, closed at one end only, or taken over by another process.
//! - A lifecycle event is lost, late or doubled.
//! - A heartbeat is lost or late, or its response is lost. An instance crashes between two steps.
//! - The daemon crashes, with or without closing its socket.

pub mod actions;
pub mod channel;
pub mod checker;
pub mod daemon;
pub mod design;
pub mod enabled;
pub mod heartbeat;
pub mod notify;
pub mod presence;
pub mod protocol;
pub mod recovery;
pub mod state;
pub mod times;
pub mod verdicts;
