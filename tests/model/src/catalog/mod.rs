//! The catalog as a model of its own: reports that write snapshots, and rings that are answered with them.
//!
//! A snapshot replaces another, and answers a ring, by the rules of `doorbell_shared::catalog`. The model adds the order of steps and
//! the faults. Requests exist from the start: the model of the lifecycle has the rings that make them, and a ring that is answered and
//! refreshes the snapshot makes one as any other. Reports that keep the snapshot write nothing and are left out.
//!
//! # Time
//!
//! A tick is 30 s: a runtime is online for one more tick after its heartbeat. All clocks are exact, and a removal ends the tick: a
//! registration that follows it is newer. With skew, *newer* is what the clocks of the instances say.
//!
//! # Steps
//!
//! | call | steps |
//! |---|---|
//! | report | begin; record the outcome; write the snapshot |
//! | ring | read the runtime and the snapshot, in either order |
//! | heartbeat, registration, deregistration, removal | one write |
//!
//! A batch read of DynamoDB is consistent for each item and does not isolate the items from writes in between: therefore a ring has
//! two steps. The invariants compare its answer with what was acknowledged, registered and removed before it began.
//!
//! # Faults
//!
//! - The response to a report is lost, or the daemon gives up and sends the report again while the first call goes on.
//! - An instance crashes between two steps.
//! - The write of a snapshot fails, or fails and is applied at any later step.

pub mod checker;
pub mod design;
pub mod enabled;
pub mod protocol;
pub mod report;
pub mod ring;
pub mod state;
