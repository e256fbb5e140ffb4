//! The machine behind NAT: it registers what it finds, beats, works out what it is asked, and reports.
//!
//! | module | does |
//! |---|---|
//! | [`agents`] | which agent programs are on this machine, or configured |
//! | [`discover`] | asks one of them which models it can run |
//! | [`daemon`] | registers, beats, hands claimed requests to work, signs off |
//! | [`report`] | brings an answer home, against a network that loses things |
//!
//! The server decides what is claimed, and by whom; the daemon decides nothing about a request but its answer.

#![warn(missing_docs)]

pub mod agents;
pub mod daemon;
pub mod discover;
pub mod report;

mod beat;
mod under_way;
mod work;
