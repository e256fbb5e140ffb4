//! Held responses: `?wait=` on the routes that ask and poll.

use std::future::Future;
use std::time::Duration;

use doorbell_shared::access::Principal;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, input, metrics};
use doorbell_shared::limits::{CALL_TIMEOUT, HELD_CALL_TIMEOUT};
use doorbell_shared::request::{Address, KindFilter, Request};
use doorbell_shared::store::{PollOutcome, Store, StoreError};
use tokio::time::{sleep, timeout};

use crate::notify::remind;

/// The first interval between two reads of a held call.
const FIRST_INTERVAL: Duration = Duration::from_millis(200);

/// The longest interval: that of existing clients, so that a held call is never later than their polls.
const LONGEST_INTERVAL: Duration = Duration::from_millis(500);

/// The first interval if the daemon was notified: with a fast agent program the answer is there after a few round trips.
const FIRST_INTERVAL_AFTER_HINT: Duration = Duration::from_millis(20);

/// The growth of the interval: 13 tenths.
const GROWTH: (u32, u32) = (13, 10);

/// The growth after a hint: 3 halves, so that the first second has eight reads.
const GROWTH_AFTER_HINT: (u32, u32) = (3, 2);

/// The intervals between the reads of a held call.
pub fn intervals() -> impl Iterator<Item = Duration> {
    growing(FIRST_INTERVAL, GROWTH)
}

/// The intervals for a request whose daemon was notified.
pub fn intervals_after_hint() -> impl Iterator<Item = Duration> {
    growing(FIRST_INTERVAL_AFTER_HINT, GROWTH_AFTER_HINT)
}

fn growing(first: Duration, growth: (u32, u32)) -> impl Iterator<Item = Duration> {
    let next = move |interval: &Duration| Some(LONGEST_INTERVAL.min(*interval * growth.0 / growth.1));
    std::iter::successors(Some(first), next)
}

/// How long a call is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    started: Stopwatch,
    wait: Duration,
}

impl Hold {
    /// The hold of a call that starts now.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        Ok(Self::from_now(input::wait(request)?))
    }

    fn from_now(wait: Duration) -> Self {
        Self { started: Stopwatch::start(), wait }
    }

    /// Reads `request` again until it has ended or the time is over, and returns what was read last.
    ///
    /// A failed read ends the hold: the client has its record, and its next poll gets the error.
    pub(crate) async fn until_ended<F>(self, mut request: Request, read: impl Fn() -> F) -> Request
    where
        F: Future<Output = Result<Option<Request>, StoreError>>,
    {
        let intervals: Box<dyn Iterator<Item = Duration> + Send> = match request.notified_at {
            None => Box::new(intervals()),
            Some(_) => Box::new(intervals_after_hint()),
        };
        for interval in intervals {
            let left = self.wait.saturating_sub(self.started.elapsed());
            if request.state.status().is_terminal() || left.is_zero() {
                break;
            }
            sleep(interval.min(left)).await;
            let left = HELD_CALL_TIMEOUT.saturating_sub(self.started.elapsed());
            match timeout(CALL_TIMEOUT.min(left), read()).await {
                Ok(Ok(Some(read))) => request = read,
                Ok(Ok(None)) => break,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "hold ended by a failed read");
                    break;
                }
                Err(_) => {
                    tracing::warn!("hold ended by a slow read");
                    break;
                }
            }
        }
        request
    }
}

/// The request at `address`, if the caller may see it. Reminds the daemon of one that is pending for long.
pub(crate) async fn read<S: Store>(
    state: &AppState<S>,
    address: Address,
    kinds: KindFilter,
    caller: &Principal,
) -> Result<Option<Request>, StoreError> {
    Ok(match state.store.poll(address, kinds, caller, state.clock.now()).await? {
        PollOutcome::Found(request) => {
            remind(state, &request).await;
            Some(request)
        }
        PollOutcome::TimedOut(request) => {
            metrics::request_timed_out(request.kind);
            Some(request)
        }
        PollOutcome::NotFound => None,
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use doorbell_protocol::limits::WAIT_MAX_S;
    use doorbell_protocol::{Kind, RequestId, RuntimeId, Timestamp};
    use doorbell_shared::request::{Deadlines, Ring};
    use doorbell_shared::runtime::ShortText;
    use doorbell_shared::store::StoreErrorKind;

    use super::*;

    const LONGEST_WAIT: Duration = Duration::from_secs(WAIT_MAX_S as u64);

    fn pending() -> Request {
        let runtime: RuntimeId = "11111111-2222-4333-8444-555555555555".parse().unwrap();
        let address = Address { runtime, request: RequestId::MIN };
        let ring = Ring::new(address, Kind::MODEL_LIST, Deadlines::of_seconds(30, 60, 120));
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let daemon_id = ShortText::from_stored("laptop");
        Request::new(ring, workspace, daemon_id, Timestamp::from_millis(1_795_000_000_000).unwrap())
    }

    fn ended() -> Request {
        let pending = pending();
        pending.cancelled_if_open(pending.created_at).unwrap()
    }

    /// What is read when the request ends after `ended_after`.
    async fn read_at(started: Stopwatch, ended_after: Duration) -> Result<Option<Request>, StoreError> {
        Ok(Some(if started.elapsed() >= ended_after { ended() } else { pending() }))
    }

    #[tokio::test(start_paused = true)]
    async fn answer_comes_at_the_next_read() {
        for (ended_after, answered_after) in [(0, 200), (200, 200), (201, 460), (461, 798), (5_000, 5_238)] {
            let started = Stopwatch::start();
            let hold = Hold::from_now(LONGEST_WAIT);
            let answer = hold.until_ended(pending(), || read_at(started, Duration::from_millis(ended_after)));
            assert_eq!(answer.await, ended());
            assert_eq!(started.elapsed().as_millis(), answered_after, "ended after {ended_after} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn answer_of_notified_daemon_comes_sooner() {
        for (ended_after, answered_after) in [(0, 20), (20, 20), (21, 50), (90, 95)] {
            let started = Stopwatch::start();
            let notified = Request { notified_at: Some(pending().created_at), ..pending() };
            let hold = Hold::from_now(LONGEST_WAIT);
            let answer = hold.until_ended(notified, || read_at(started, Duration::from_millis(ended_after)));
            assert_eq!(answer.await, ended());
            assert_eq!(started.elapsed().as_millis(), answered_after, "ended after {ended_after} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ended_request_is_not_read_again() {
        let started = Stopwatch::start();
        let hold = Hold::from_now(LONGEST_WAIT);
        assert_eq!(hold.until_ended(ended(), || async { panic!("read") }).await, ended());
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn open_request_is_returned_after_the_wait() {
        for wait in [Duration::ZERO, Duration::from_secs(1), LONGEST_WAIT] {
            let started = Stopwatch::start();
            let request =
                Hold::from_now(wait).until_ended(pending(), || read_at(started, Duration::MAX)).await;
            assert_eq!((request, started.elapsed()), (pending(), wait));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn last_read_is_at_the_end() {
        let started = Stopwatch::start();
        let wait = Duration::from_secs(1);
        let request = Hold::from_now(wait).until_ended(pending(), || read_at(started, wait)).await;
        assert_eq!(request, ended());
    }

    #[tokio::test(start_paused = true)]
    async fn failed_read_returns_what_was_read_last() {
        let reads = Cell::new(0);
        let read = || async {
            reads.set(reads.get() + 1);
            if reads.get() < 3 {
                Ok(Some(pending()))
            } else {
                Err(StoreError::new("poll", StoreErrorKind::Timeout))
            }
        };
        assert_eq!(Hold::from_now(LONGEST_WAIT).until_ended(pending(), read).await, pending());
        assert_eq!(reads.get(), 3);
    }

    /// API Gateway ends a call after 30 s, and its client gets no record.
    #[tokio::test(start_paused = true)]
    async fn hanging_read_ends_before_api_gateway_does() {
        let started = Stopwatch::start();
        let read = || async {
            if started.elapsed() > LONGEST_WAIT - Duration::from_secs(1) {
                std::future::pending::<()>().await;
            }
            Ok(Some(pending()))
        };
        assert_eq!(Hold::from_now(LONGEST_WAIT).until_ended(pending(), read).await, pending());
        assert!(started.elapsed() < Duration::from_secs(29), "{:?}", started.elapsed());
    }
}
