//! A person's client: rings, and polls as the web clients do.

use std::time::Duration;

use doorbell_cli::client::POLL_INTERVAL;
use doorbell_daemon::api::ApiError;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::request::Status;
use doorbell_shared::wire::RequestRecord;

use crate::Ring;
use crate::machine::Machine;
use crate::site::Site;

/// A ring that was answered, and where its time went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    /// From the ring to the models.
    pub(crate) whole: Duration,
    /// From the ring to the heartbeat that collected it.
    pub(crate) beat: Duration,
    /// From there to the stored report.
    pub(crate) work: Duration,
    /// How often the client asked.
    pub(crate) polls: u32,
}

impl Answered {
    /// What is left: the ring's own call, and waiting for the client to ask again.
    pub(crate) fn client(self) -> Duration {
        self.whole.saturating_sub(self.beat + self.work)
    }
}

/// Rings `machine` when its `rings` begin, `watch` having started with the run. A ring that is late begins at once.
pub(crate) async fn ring_all(
    site: &Site,
    machine: &Machine,
    rings: Vec<Ring>,
    watch: Stopwatch,
) -> Vec<Answered> {
    let mut answered = Vec::new();
    for ring in rings {
        tokio::time::sleep(ring.saturating_sub(watch.elapsed())).await;
        answered.extend(ring_once(site, machine).await.ok().flatten());
    }
    answered
}

/// `None` for a ring that ended without models. An error ends it too: the clients give up at the first.
async fn ring_once(site: &Site, machine: &Machine) -> Result<Option<Answered>, ApiError> {
    let (models, watch) = (format!("/api/runtimes/{}/models", machine.runtime), Stopwatch::start());
    let mut record: RequestRecord = site.person.post(&models, &()).await?;
    let mut polls = 0;
    while !record.status.is_terminal() {
        tokio::time::sleep(POLL_INTERVAL).await;
        record = site.person.get(&format!("{models}/{}", record.id)).await?;
        polls += 1;
    }
    let whole = watch.elapsed();
    Ok(machine.asked_at().filter(|_| record.status == Status::Completed).map(|asked_at| Answered {
        whole,
        beat: asked_at.since(record.created_at),
        work: record.updated_at.since(asked_at),
        polls,
    }))
}
