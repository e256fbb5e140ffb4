//! Timeouts and retention.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use doorbell_protocol::limits::{PENDING_DEADLINE, RETENTION, RUNNING_DEADLINE};

use super::TestContext;
use super::context::{QUEUE, TICK, completed, kind};
use crate::limits::{CLOCK_SKEW, RUNTIME_RETENTION};
use crate::presence::HeartbeatChannel;
use crate::request::{ClaimFilter, Deadlines, KindFilter, Ring, State, TimeoutReason};
use crate::store::{
    ClaimOutcome, DeregisterOutcome, HeartbeatOutcome, InitiateOutcome, PollOutcome, ReportOutcome, Store,
};

pub async fn pending_request_times_out_after_30_s<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let deadline = test.start + PENDING_DEADLINE;
    assert_eq!(test.poll(&test.replica_a, request.address, deadline).await, Some(request.clone()));
    let timed_out = test.poll(&test.replica_a, request.address, deadline + TICK).await.unwrap();
    assert_eq!(timed_out.state, State::Timeout(TimeoutReason::NotClaimed));
    assert_eq!((timed_out.created_at, timed_out.updated_at), (test.start, deadline + TICK));
}

pub async fn running_request_times_out_60_s_after_claim<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let running = test.claim(request.address, test.at(29)).await;
    let deadline = test.at(29) + RUNNING_DEADLINE;
    assert_eq!(test.poll(&test.replica_b, request.address, deadline).await, Some(running));
    let timed_out = test.poll(&test.replica_b, request.address, deadline + TICK).await.unwrap();
    assert_eq!(timed_out.state, State::Timeout(TimeoutReason::NotReported));
}

/// The outcome distinguishes the poll that wrote the timeout from later polls.
pub async fn one_poll_writes_the_timeout<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let first =
        test.replica_a.poll(request.address, KindFilter::Any, &test.caller, test.at(31)).await.unwrap();
    let PollOutcome::TimedOut(timed_out) = first else { panic!("not timed out by this poll: {first:?}") };
    let later =
        test.replica_b.poll(request.address, KindFilter::Any, &test.caller, test.at(31)).await.unwrap();
    assert_eq!(later, PollOutcome::Found(timed_out));
}

pub async fn timeout_is_final<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let timed_out = test.poll(&test.replica_a, request.address, test.at(31)).await.unwrap();
    assert_eq!(test.report(request.address, &completed("{}"), test.at(32)).await, ReportOutcome::Stale);
    assert_eq!(test.poll(&test.replica_b, request.address, test.at(33)).await, Some(timed_out));
}

pub async fn slower_clock_sees_written_timeout<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let timed_out = test.poll(&test.replica_a, request.address, test.at(31)).await;
    assert_eq!(test.poll(&test.replica_b, request.address, test.at(29)).await, timed_out);
    assert_eq!(test.report(request.address, &completed("{}"), test.at(29)).await, ReportOutcome::Stale);
}

pub async fn request_is_readable_2_min_after_last_change<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.report(request.address, &completed("{}"), test.at(20)).await;
    let end = test.at(20) + RETENTION;
    assert!(test.poll(&test.replica_a, request.address, end).await.is_some());
    assert_eq!(test.poll(&test.replica_a, request.address, end + TICK).await, None);
    assert_eq!(test.report(request.address, &completed("{}"), end + TICK).await, ReportOutcome::NotFound);
}

pub async fn runtime_is_forgotten_after_a_week<S: Store>(test: TestContext<S>) {
    let end = test.start + RUNTIME_RETENTION;
    let known = test.list_runtimes(end).await;
    assert_eq!(known.len(), 1);
    let gone = end + TICK;
    assert_eq!(test.list_runtimes(gone).await, []);
    assert_eq!(test.initiate(&test.new_ring(gone), gone).await, InitiateOutcome::NotFound);
    assert_eq!(test.initiate(&test.queued_ring(gone), gone).await, InitiateOutcome::NotFound);
    for channel in [HeartbeatChannel::Plain, HeartbeatChannel::Connected] {
        let heartbeat = test.replica_a.record_heartbeat(test.runtime, &test.caller, channel, gone);
        assert_eq!(heartbeat.await.unwrap(), HeartbeatOutcome::NotFound);
    }
    let deregistered = test.replica_a.deregister(test.runtime, &test.caller, gone).await.unwrap();
    assert_eq!(deregistered, DeregisterOutcome::NotFound);
}

/// Each kind has its own deadlines and retention.
pub async fn requests_of_two_kinds_have_own_deadlines<S: Store>(test: TestContext<S>) {
    let deadlines = Deadlines::of_seconds(10, 5, 300);
    let short = Ring::new(test.address(test.start), kind("disk_usage"), deadlines);
    let short = test.enqueue(&short, test.start).await;
    let long = Ring::new(test.address(test.start), kind("uptime"), Deadlines::of_seconds(180, 60, 300));
    let long = test.enqueue(&long, test.start).await;
    assert_eq!((short.deadlines, short.kind), (deadlines, kind("disk_usage")));
    let pending = test.poll(&test.replica_b, long.address, test.at(180)).await;
    assert_eq!(pending, Some(long), "the longest pending deadline");
    let unclaimed = test.poll(&test.replica_b, short.address, test.at(10) + TICK).await.unwrap();
    assert_eq!(unclaimed.state, State::Timeout(TimeoutReason::NotClaimed));
    let end = test.at(310) + TICK;
    assert!(test.poll(&test.replica_b, short.address, end).await.is_some());
    assert_eq!(test.poll(&test.replica_b, short.address, end + TICK).await, None);
}

pub async fn running_deadline_is_that_of_the_ring<S: Store>(test: TestContext<S>) {
    let request = test.enqueue(&test.question_ring("{}", test.start), test.start).await;
    test.claim(request.address, test.at(20)).await;
    let deadline = test.at(25);
    let claim = |now| test.try_claim(ClaimFilter::PendingOrLost, request.address, now);
    assert_eq!(claim(deadline + TICK).await, ClaimOutcome::Lost, "open on another clock");
    assert_eq!(claim(deadline + CLOCK_SKEW + TICK).await, ClaimOutcome::Ended);
    assert!(test.poll(&test.replica_a, request.address, deadline).await.unwrap().is_open(deadline));
    let timed_out = test.poll(&test.replica_b, request.address, deadline + TICK).await.unwrap();
    assert_eq!(timed_out.state, State::Timeout(TimeoutReason::NotReported));
}

pub async fn queued_request_times_out_after_its_queue<S: Store>(test: TestContext<S>) {
    let request = test.enqueue(&test.queued_ring(test.start), test.start).await;
    let deadline = test.start + QUEUE;
    let pending = test.poll(&test.replica_a, request.address, deadline).await;
    assert_eq!(pending, Some(request.clone()));
    let timed_out = test.poll(&test.replica_b, request.address, deadline + TICK).await.unwrap();
    assert_eq!(timed_out.state, State::Timeout(TimeoutReason::NotClaimed));
}

/// Its retention would end long before its pending deadline.
pub async fn queued_request_is_readable_while_it_waits<S: Store>(test: TestContext<S>) {
    let request = test.enqueue(&test.queued_ring(test.start), test.start).await;
    let end = test.start + QUEUE + RETENTION;
    assert_eq!(test.report(request.address, &completed("{}"), end).await, ReportOutcome::Stale);
    assert_eq!(test.report(request.address, &completed("{}"), end + TICK).await, ReportOutcome::NotFound);
}
