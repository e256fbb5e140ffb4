//! Doorbell's protocol as a model. A checker visits every state that can be reached within a [`Scope`](design::Scope).
//!
//! The exploration is complete: every order of steps and every fault at every step, with no cut by depth or time. Two
//! states count as one when their 64-bit fingerprints are equal.
//!
//! The transitions of a request are those of `doorbell_shared::request`, called with times that are real durations apart.
//! The model adds the order of steps and the faults. It leaves out HTTP, DynamoDB's expressions, the rate limit and tenant
//! isolation: they do not depend on the order of steps, and tests of the real code cover them.
//!
//! # Actors
//!
//! - Clients. Each makes one request and polls any accepted request, at most two polls at once.
//! - Two daemons of the same runtime. Each lists its requests in flight in every heartbeat.
//! - Two function [instances](actors::Instance) whose clocks are four seconds apart.
//! - One runtime and its requests in the table.
//!
//! No actor has to act, so the loss of a call before its start needs no action of its own.
//!
//! # Steps
//!
//! A step is one write to the store, with the reads before it and all that follows from its response.
//!
//! | call | steps |
//! |---|---|
//! | initiate | write the work hint; put |
//! | poll | get; write the timeout of an expired request |
//! | heartbeat | record and list; claim each candidate until a claim is won |
//! | report | write |
//!
//! A response arrives with the last step or never. The invariants count it from that step on, which is stricter than what
//! a client can observe.
//!
//! # Faults
//!
//! At most [`Scope::faults`](design::Scope::faults) in all, in any combination:
//!
//! - the response to a daemon or a client is lost;
//! - a heartbeat or a report is delivered twice, the second time at any later step;
//! - an instance crashes between two steps;
//! - a daemon crashes and restarts without memory, while its calls go on;
//! - the store's response to an applied write is lost, and the SDK retries the write.
//!
//! # Time
//!
//! All clocks move together through seven instants (`actors.rs`), with any number of steps in each. The runtime is always
//! online: an offline runtime only refuses requests.
//!
//! # Modules
//!
//! Each uses only those before it: actors, design, trace, state, store, actions, handlers, heartbeat, protocol,
//! recovery, checker.

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
