//! The functions with a push channel that tests script: hints, reminders, the proof of the channel, and lost connections.

mod bound_tokens;
mod fixtures;
mod heartbeats;
mod lost_connections;
mod registration;
mod reminders;
mod rings;
