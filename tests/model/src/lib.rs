//! Doorbell's protocol as a model, of which a checker visits every state that can be reached.
//!
//! **Guarantee.** Within its [`Scope`] the exploration is complete: every order of steps, every fault at every step, no cut
//! by depth or time. Two states are taken for one when their 64-bit fingerprints are equal, as in any explicit-state
//! checker of this kind.
//!
//! **Authority.** `doorbell_shared::request` decides what a transition is: the model's store holds its `Request`s, and calls
//! its lifecycle literally with times that are real durations apart. The model adds what the lifecycle cannot know:
//! who does what in which order, and what is lost.
//!
//! **Must stay out**: HTTP, DynamoDB's expressions, the pace of rings, and the walls between workspaces (invariant 6), which
//! are no matter of order and are tested on the real code.
//!
//! # Who takes part
//!
//! - Clients, who ask one question each and poll any that was accepted, as often as they like, two at once.
//! - Two daemons of the same runtime: two machines by mistake, or one and what a restart has left of its predecessor. Each
//!   holds what it was handed until it has reported it, lists that with every beat, and answers in its own words, so that
//!   two answers can be told apart.
//! - Two function [instances](Instance), whose clocks are four seconds apart.
//! - One runtime and its requests in the table.
//!
//! Nobody has to do anything: each may stop for ever at any point, and so the loss of a call that has not begun, or an
//! instance that crashes while nobody's next step depends on it, needs no step of its own.
//!
//! # What is one step
//!
//! One access to the store that changes it, with everything that follows from its answer until the next. Reads go with what
//! comes before them: a call that begins later reads the same.
//!
//! | call | steps |
//! |---|---|
//! | initiate | draw attention; put |
//! | poll | get; time out, if it has lapsed |
//! | heartbeat | sign of life and look; claim, for each candidate until one is won |
//! | report | write |
//!
//! An answer arrives with the last step or never. What is shown or acknowledged counts from that step on, which is earlier
//! than a client could know of it, and so asks for more than the invariants do.
//!
//! # What goes wrong
//!
//! At most [`Scope::faults`] times in all, in any mixture:
//!
//! - an answer is lost on its way to the daemon or the client;
//! - a heartbeat or a report is delivered twice, the second time whenever it likes;
//! - an instance crashes between two steps;
//! - a daemon crashes, forgets everything and is started again; its calls go on, answers that it had just sent included;
//! - a write is applied and the store's answer is lost, at every conditional write, and the SDK tries it again.
//!
//! At most [`Scope::calls`] calls are under way at once.
//!
//! # Time
//!
//! All clocks go through a handful of [moments](MOMENTS) together. They are chosen so that every comparison of the lifecycle
//! comes out both ways, and for each deadline there is a moment at which the two instances disagree. As many steps as anyone
//! likes fit into a moment. That a runtime has to be online to be rung is left out: only fewer questions could be asked.

mod action;
mod call;
mod choices;
mod design;
mod history;
mod invariant;
mod occurrence;
mod party;
mod protocol;
mod recovery;
mod steps;
mod store;
mod time;
mod words;
mod world;

pub use action::{Action, Fate};
pub use call::{Call, Candidate, Step};
pub use design::{Design, Mutation};
pub use history::{Asked, History, Told};
pub use invariant::Invariant;
pub use occurrence::Occurrence;
pub use party::{Daemon, Instance, Question, Questions};
pub use protocol::{Protocol, Scope};
pub use store::Store;
pub use time::{Clocks, MOMENTS, Moment};
pub use words::story;
pub use world::World;
