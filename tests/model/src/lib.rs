//! Doorbell's protocol as a model. Stateright visits every state within a [`Scope`](design::Scope): every order of steps
//! and every fault at every step. Two states count as one when their 64-bit fingerprints are equal.
//!
//! The transitions of a request are those of `doorbell_shared::request`. The model adds the order of steps and the faults.
//! HTTP, DynamoDB's expressions, the rate limit and tenant isolation do not depend on the order of steps and are left out.
//!
//! # Actors
//!
//! - Clients. Each makes one request, and polls and cancels any accepted request.
//! - Two daemons of the same runtime. Each lists its requests in flight in every heartbeat.
//! - Two function [instances](actors::Instance) whose clocks are four seconds apart.
//! - One runtime, always online, with its open set, and its requests in the table.
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
//! | initiate | add the id; put. A full set: read its requests, remove the ids of ended ones, add the id again |
//! | poll | get; write the timeout of an expired request |
//! | cancel | write; an expired request gets its timeout as in a poll |
//! | heartbeat | record; claim each request of the open set, the oldest first, until enough claims are won |
//! | report | write |
//! | the end of a poll, a cancellation, a heartbeat, a report | remove the ids of ended requests |
//!
//! The removal of ids is a call of its own without a caller, because no actor waits for it. Time may pass between any two
//! steps. An initiate is cut off after `CALL_TIMEOUT`; other calls are not, which is stricter.
//!
//! # Faults
//!
//! - The response to a daemon or a client is lost.
//! - A heartbeat or a report is delivered twice, the second time at any later step.
//! - An instance crashes between two steps. A removal of ids is lost.
//! - A daemon crashes and restarts without memory, while its calls go on.
//! - The store's response to an applied write is lost, and the SDK retries the write.
//! - The store rejects a claim, and the SDK's retries fail.
//!
//! # Modules
//!
//! Each module uses only earlier ones: actors, stored, design, trace, state, verdicts, actions, store, handlers, initiate,
//! heartbeat, protocol, enabled, recovery, checker. The push channel and presence are a model of their own,
//! [`push`], and so is the [`catalog`].

pub mod actions;
pub mod actors;
pub mod catalog;
pub mod checker;
pub mod design;
pub mod enabled;
pub mod handlers;
pub mod heartbeat;
pub mod initiate;
pub mod protocol;
pub mod push;
pub mod recovery;
pub mod state;
pub mod store;
pub mod stored;
pub mod trace;
pub mod verdicts;
