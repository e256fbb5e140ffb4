//! The responses so far, and the invariants that they break. Only the clients' actions depend on it.

use doorbell_protocol::Timestamp;
use doorbell_shared::request::Request;

use crate::actors::Daemon;
use crate::design::Invariant;
use crate::stored::Stored;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Trace {
    pub requests: [RequestTrace; 2],
    broken: Vec<Invariant>,
}

/// The responses about one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestTrace {
    pub initiation: Initiation,
    /// The first terminal record that a poll or a cancellation has returned.
    pub shown: Option<Stored>,
    /// The author of the acknowledged report.
    pub recorded: Option<Daemon>,
    /// Bit n is set when a heartbeat has won the nth delivery.
    pub deliveries: u8,
}

/// Progress of the client that makes a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Initiation {
    #[default]
    NotStarted,
    InProgress,
    Accepted,
    /// The client got no response. The request may exist.
    Abandoned,
}

impl Trace {
    pub fn breaks(&self, invariant: Invariant) -> bool {
        self.broken.contains(&invariant)
    }

    pub fn check(&mut self, invariant: Invariant, holds: bool) {
        if !holds && !self.breaks(invariant) {
            self.broken.push(invariant);
        }
    }

    /// A poll or a cancellation at `now` returns `record`, or 404. `stored` is the latest version.
    pub fn record_poll(
        &mut self,
        request: usize,
        record: Option<&Request>,
        stored: Option<&Request>,
        now: Timestamp,
    ) {
        let trace = &mut self.requests[request];
        let shown = trace.shown.as_ref().map(|shown| &*shown.0).filter(|shown| shown.is_readable(now));
        let changed = shown.is_some_and(|shown| record != Some(shown));
        let lost = record.is_none() && stored.is_some_and(|stored| stored.is_readable(now));
        let denied = trace.recorded.zip(record).is_some_and(|(author, record)| !author.is_author_of(record));
        if trace.shown.is_none() {
            trace.shown =
                record.filter(|record| record.state.status().is_terminal()).cloned().map(Stored::from);
        }
        self.check(Invariant::TerminalIsFinal, !changed);
        self.check(Invariant::AcknowledgedIsStored, !lost && !denied);
    }

    pub fn record_delivery(&mut self, request: usize, attempt: u32) {
        let deliveries = &mut self.requests[request].deliveries;
        let first = *deliveries & (1 << attempt) == 0;
        *deliveries |= 1 << attempt;
        self.check(Invariant::OneWinner, first);
    }

    pub fn record_report(&mut self, request: usize, author: Daemon) {
        let recorded = self.requests[request].recorded.replace(author);
        self.check(Invariant::AcknowledgedIsStored, recorded.is_none_or(|recorded| recorded == author));
    }
}
