//! Whether the calls about one request could have happened one after the other, each at some moment between its beginning
//! and its end.
//!
//! The search is Wing and Gong's with the memory of Lowe's ("Testing for linearizability"): what has been tried from one
//! state with the same calls left is not tried again. `stateright` has a tester without that memory; with a dozen unanswered
//! calls it does not come to an end.

mod lifecycle;
mod operations;

use std::collections::HashSet;

use doorbell_protocol::RequestId;

use crate::history::History;
use lifecycle::{Stands, answered, apply};
use operations::{Interval, operations};

/// One bit for each. Histories have about ten.
const MOST: usize = u128::BITS as usize;

/// How many operations on `request` were ordered, or why they cannot be.
pub(crate) fn check(history: &History, request: RequestId) -> Result<usize, String> {
    let mut intervals = operations(history, request)?;
    // Whoever was answered first is tried first, and whoever was not at last: mostly that is the order.
    intervals
        .sort_unstable_by_key(|interval| interval.ended().map_or((true, interval.began), |at| (false, at)));
    if intervals.len() > MOST {
        return Err(format!("{request}: {} operations are too many to order", intervals.len()));
    }
    let left = (0..intervals.len()).fold(0_u128, |left, number| left | 1 << number);
    let mut search = Search { intervals: &intervals, tried: HashSet::new() };
    match search.finds_order(left, None) {
        true => Ok(intervals.len()),
        false => Err(format!("{request}: its calls cannot have happened in any order")),
    }
}

struct Search<'i> {
    intervals: &'i [Interval],
    tried: HashSet<(u128, Option<Stands>)>,
}

impl Search<'_> {
    /// Whether the operations that are left, one bit for each, can follow on what stands.
    fn finds_order(&mut self, left: u128, stands: Option<&Stands>) -> bool {
        let intervals = self.intervals;
        let of_left = || intervals.iter().enumerate().filter(|(number, _)| left & (1 << number) != 0);
        let Some(first_end) = of_left().filter_map(|(_, interval)| interval.ended()).min() else {
            return true;
        };
        if !self.tried.insert((left, stands.cloned())) {
            return false;
        }
        let mut next = of_left().filter(|(_, interval)| interval.began < first_end);
        next.any(|(number, interval)| {
            let after = match &interval.returned {
                Some((_, ret)) => answered(stands, &interval.op, ret),
                // Where it changes nothing, it may as well not have happened.
                None => Some(apply(stands, &interval.op).0).filter(|after| after.as_ref() != stands),
            };
            after.is_some_and(|after| self.finds_order(left & !(1 << number), after.as_ref()))
        })
    }
}
