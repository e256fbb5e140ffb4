//! The steps of a report, and its write of the snapshot.

use doorbell_shared::catalog::Snapshot;

use crate::catalog::design::{CatalogMutation, Content};
use crate::catalog::protocol::CatalogProtocol;
use crate::catalog::state::{
    CatalogCall, CatalogFault, CatalogState, Recorded, ReportStep, Sent, SnapshotItem, Tick,
};

impl CatalogProtocol {
    /// The report takes its time here. Its outcome and its snapshot have this time, however late they are written.
    pub fn begin_report(&self, state: &mut CatalogState, report: usize) {
        let began = state.now;
        let early = self.has(CatalogMutation::SnapshotBeforeOutcome);
        let step = if early { ReportStep::Write { recorded_at: began } } else { ReportStep::Record };
        state.sent[report] = Sent::InProgress;
        state.calls.push(CatalogCall::Report { report, awaited: true, began, step });
    }

    /// `None` if the step has no such fault.
    pub fn proceed(&self, state: &mut CatalogState, call: usize, fault: Option<CatalogFault>) -> Option<()> {
        state.faults -= u8::from(fault.is_some());
        match (state.calls.remove(call), fault) {
            (CatalogCall::LateWrite(snapshot), None) => self.write(state, snapshot),
            (CatalogCall::LateWrite(_), Some(_)) => return None,
            (CatalogCall::Report { report, awaited, began, step: ReportStep::Record }, None) => {
                let next = self.record(state, report, began);
                self.continue_report(state, report, awaited, began, next);
            }
            (CatalogCall::Report { step: ReportStep::Record, .. }, Some(_)) => return None,
            (CatalogCall::Report { report, awaited, began, step: ReportStep::Write { recorded_at } }, _) => {
                let snapshot = SnapshotItem { report, stored_at: recorded_at };
                match fault {
                    None | Some(CatalogFault::ResponseLost) => self.write(state, snapshot),
                    Some(CatalogFault::WriteFailed) => {}
                    Some(CatalogFault::WriteLate) => state.calls.push(CatalogCall::LateWrite(snapshot)),
                }
                let acknowledged = match fault {
                    None => true,
                    Some(CatalogFault::ResponseLost) => false,
                    Some(_) => self.has(CatalogMutation::FailedWriteAcknowledged),
                };
                if !acknowledged {
                    fail(state, report, awaited);
                } else if self.has(CatalogMutation::SnapshotBeforeOutcome) {
                    self.continue_report(state, report, awaited, began, Some(ReportStep::Record));
                } else {
                    self.continue_report(state, report, awaited, began, None);
                }
            }
        }
        Some(())
    }

    /// Returns the next step; `None` acknowledges the report.
    fn record(&self, state: &mut CatalogState, report: usize, began: Tick) -> Option<ReportStep> {
        let outcome = &mut state.outcomes[self.scope.reports[report].request];
        let first = outcome.is_none();
        let recorded = *outcome.get_or_insert(Recorded { report, at: began });
        // Another daemon's outcome is stored: the report is stale, and changes nothing.
        let is_stale = recorded.report != report;
        let is_ignored = !first && self.has(CatalogMutation::DuplicateWritesNothing);
        if is_stale || is_ignored || self.has(CatalogMutation::SnapshotBeforeOutcome) {
            return None;
        }
        let own_time = self.has(CatalogMutation::DuplicateUsesOwnTime);
        Some(ReportStep::Write { recorded_at: if own_time { began } else { recorded.at } })
    }

    fn continue_report(
        &self,
        state: &mut CatalogState,
        report: usize,
        awaited: bool,
        began: Tick,
        next: Option<ReportStep>,
    ) {
        match next {
            Some(step) => state.calls.push(CatalogCall::Report { report, awaited, began, step }),
            None if awaited => state.sent[report] = Sent::Acknowledged,
            None => {}
        }
    }

    /// The conditional write of a snapshot.
    fn write(&self, state: &mut CatalogState, snapshot: SnapshotItem) {
        let index = self.snapshot_of(self.scope.reports[snapshot.report].runtime);
        let stored = state.snapshots[index];
        let older = stored.map(|stored| self.snapshot(stored));
        let is_newer = self.snapshot(snapshot).is_newer_than(older.as_ref());
        if !is_newer && !self.has(CatalogMutation::WriteWithoutCondition) {
            return;
        }
        let is_removal = self.has(CatalogMutation::DeletionRemovesItem)
            && self.scope.reports[snapshot.report].content == Content::Nothing;
        state.snapshots[index] = (!is_removal).then_some(snapshot);
        if self.has(CatalogMutation::EventuallyConsistentRead) {
            state.previous[index] = stored;
        }
    }

    /// The item as the code has it.
    pub fn snapshot(&self, SnapshotItem { report, stored_at }: SnapshotItem) -> Snapshot {
        let has_list = self.scope.reports[report].content == Content::List;
        Snapshot { result: has_list.then(|| self.list.clone()), stored_at: self.time(stored_at) }
    }
}

/// A report without a response is sent again, unless it was given up: then it was sent again already.
pub fn fail(state: &mut CatalogState, report: usize, awaited: bool) {
    if awaited {
        state.sent[report] = Sent::No;
    }
}
