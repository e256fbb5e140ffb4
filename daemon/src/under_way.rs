//! What one runtime's loop has collected and not yet brought home. The loop alone adds to it and takes from it, so what it
//! says is in flight is true at the moment a beat is sent.
//!
//! A request is in flight until its report is delivered or given up: then the server may hand it out again.

use std::collections::HashMap;

use doorbell_protocol::InFlight;
use doorbell_protocol::id::RequestId;
use tokio::task::{Id, JoinError, JoinSet};

/// Work by request. Dropping it drops the work.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    work: JoinSet<()>,
    requests: HashMap<Id, RequestId>,
}

impl UnderWay {
    /// Begins `work` on `request`, unless it is under way already: a request that is handed out again while its first
    /// answer is on its way home needs no second one.
    pub(crate) fn begin(&mut self, request: RequestId, work: impl Future<Output = ()> + Send + 'static) {
        if self.requests.values().any(|under_way| *under_way == request) {
            tracing::info!(%request, "handed out again, and under way already");
            return;
        }
        let task = self.work.spawn(work).id();
        self.requests.insert(task, request);
    }

    /// The next request whose work has ended, if any is under way. May be dropped without missing one.
    pub(crate) async fn next_ended(&mut self) -> Option<RequestId> {
        let ended = self.work.join_next_with_id().await?;
        let task = ended.map_or_else(|panicked: JoinError| panicked.id(), |(task, ())| task);
        self.requests.remove(&task)
    }

    /// Every request under way; nothing when there are more than a heartbeat may list.
    pub(crate) fn in_flight(&self) -> Option<InFlight> {
        self.requests.values().copied().collect::<Vec<_>>().try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: u128) -> RequestId {
        format!("{number:032x}").parse().unwrap()
    }

    #[tokio::test]
    async fn a_request_is_in_flight_until_its_work_has_ended() {
        let mut under_way = UnderWay::default();
        under_way.begin(request(1), async {});
        under_way.begin(request(2), std::future::pending());
        assert_eq!(under_way.next_ended().await, Some(request(1)));
        assert_eq!(under_way.in_flight(), Some(vec![request(2)].try_into().unwrap()));
    }

    #[tokio::test]
    async fn work_that_panics_has_ended() {
        let mut under_way = UnderWay::default();
        under_way.begin(request(1), async { panic!("the discoverer is broken") });
        assert_eq!(under_way.next_ended().await, Some(request(1)));
        assert_eq!(under_way.next_ended().await, None);
    }

    #[tokio::test]
    async fn a_request_that_is_under_way_is_not_begun_again() {
        let mut under_way = UnderWay::default();
        under_way.begin(request(1), async {});
        under_way.begin(request(1), async { panic!("begun again") });
        assert_eq!(under_way.next_ended().await, Some(request(1)));
        assert_eq!(under_way.next_ended().await, None);
    }
}
