//! Doorbell's protocol as a model. Stateright visits every state within a [`Scope`](design::Scope): every order of steps
//! and every fault at every step. Two states count as one when their 64-bit fingerprints are equal.
//!
//! The transitions of a request are those of `doorbell_shared::request`. The model adds the order of steps and the faults.
//! HTTP, DynamoDB's expressions, the rate limit and tenant isolation do not depend on the order of steps and are left out.
//!
//! # Actors
//!
//! - Clients. Each makes one request and polls any accepted request.
//! - Two daemons of the same runtime. Each lists its requests in flight in every heartbeat.
//! - Two function [instances](actors::Instance) whose clocks are four seconds apart.
//! - One runtime, always online, and its requests in the table.
//!
//! No actor has to act, so a call that is lost before its start needs no action.
//!
//! # Steps
//!
//! A step is one write to the store, with the reads before it and the consequences of its response. A response arrives with
//! the last step or never. The invariants count it from that step on, which is stricter than a client's observation.
//!
//! | call | steps |
//! |---|---|
//! | initiate | write the work hint; put |
//! | poll | get; write the timeout of an expired request |
//! | heartbeat | record and list; claim each candidate until a claim is won |
//! | report | write |
//!
//! # Faults
//!
//! - The response to a daemon or a client is lost.
//! - A heartbeat or a report is delivered twice, the second time at any later step.
//! - An instance crashes between two steps.
//! - A daemon crashes and restarts without memory, while its calls go on.
//! - The store's response to an applied write is lost, and the SDK retries the write.
//!
//! # Modules
//!
//! Each module uses only earlier ones: actors, design, trace, state, store, actions, handlers, heartbeat, protocol, recovery,
//! checker.

pub mod actions;
pub mod actors;
pub mod checker;
pub mod design;
pub mod handlers;
pub mod heartbeat;
pub mod protocol;
pub mod recovery;
pub mod state;
pub mod store;
pub mod trace;
