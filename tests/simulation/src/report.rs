//! A report in the two writes of a table: the outcome, then the snapshot. The store in memory makes them in one, and repeats the second
//! for a repeated report.

use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_shared::access::Principal;
use doorbell_shared::catalog::CatalogUpdate;
use doorbell_shared::request::{Address, KindFilter, RequestOutcome};
use doorbell_shared::store::{ReportOutcome, Result, Store};

use crate::access::unreachable_store;
use crate::context::{Bug, Context, SharedStore};
use crate::history::FaultKind;
use crate::plan::Storage;

/// The arguments of the operation.
pub(crate) struct Report {
    pub(crate) address: Address,
    pub(crate) kinds: KindFilter,
    pub(crate) reporter: Principal,
    pub(crate) outcome: RequestOutcome,
    pub(crate) catalog: CatalogUpdate,
    pub(crate) now: Timestamp,
}

impl Report {
    /// On the embedded engine, the two writes fail in the SDK.
    pub(crate) async fn store<S: SharedStore>(self, context: &Context<S>, store: S) -> Result<ReportOutcome> {
        let environment = &context.environment;
        if environment.plan.storage != Storage::Memory || self.catalog == CatalogUpdate::Keep {
            return self.write(&store, self.catalog).await;
        }
        let reported = self.write(&store, CatalogUpdate::Keep).await?;
        if !matches!(reported, ReportOutcome::Recorded { .. } | ReportOutcome::Duplicate) {
            return Ok(reported);
        }
        environment.sleep(0..15).await;
        // Few reports come in a fault window.
        let rate = 2 * environment.plan.rates.store;
        let is_acknowledged = context.bug == Some(Bug::FailedSnapshotAcknowledged);
        let fails = environment.injects(FaultKind::SnapshotLost, rate);
        // The bug must be found in a few seeds, so its writes fail outside of the windows too.
        if fails || is_acknowledged && environment.rng.happens(250) {
            return if is_acknowledged { Ok(reported) } else { Err(unreachable_store()) };
        }
        if environment.injects(FaultKind::SnapshotLate, rate / 2) {
            let delay = Duration::from_millis(environment.rng.number(50..8_000));
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                self.write(&store, self.catalog).await.ok();
            });
            return Err(unreachable_store());
        }
        self.write(&store, self.catalog).await?;
        Ok(reported)
    }

    async fn write(&self, store: &impl Store, catalog: CatalogUpdate) -> Result<ReportOutcome> {
        let Self { address, kinds, reporter, outcome, now, .. } = self;
        store.report(*address, *kinds, reporter, outcome, catalog, *now).await
    }
}
