//! Limits and times of the server. Those of the contract are in [`doorbell_protocol::limits`].

use std::time::Duration;

use doorbell_protocol::limits::{OPEN_REQUESTS_PER_RUNTIME, WAIT_MAX_S};

/// A running request that is not in `in_flight` is redelivered if its lease is older than this.
///
/// Two instances' clocks are compared, so the effective time varies by up to [`CLOCK_SKEW`]. That is harmless: early
/// redelivery costs a write, and the first report wins.
pub const REDELIVERY_AFTER: Duration = Duration::from_secs(5);

/// A runtime is deleted this long after its last heartbeat.
pub const RUNTIME_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// The assumed maximum difference between two nodes' clocks. It delays the removal of ids from the open set, never a
/// deadline.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// An id in an open set that has no request after this is removed. Initiate adds the id first and puts the request second, and ends
/// within [`CALL_TIMEOUT`]; the clocks of two instances may differ by [`CLOCK_SKEW`].
pub const ORPHAN_AGE: Duration = Duration::from_secs(15);

const _: () = assert!(
    CALL_TIMEOUT.as_secs() + CLOCK_SKEW.as_secs() < ORPHAN_AGE.as_secs(),
    "the initiate of an orphan may be in progress"
);

/// The removal of an ended request's id is abandoned after this. A heartbeat finds the id again.
pub const OPEN_REMOVAL_TIMEOUT: Duration = Duration::from_secs(1);

/// `Retry-After` of a ring to a runtime with too many open requests: the next heartbeat may claim some.
pub const FULL_QUEUE_RETRY: Duration = Duration::from_secs(15);

/// The most questions in a page of runtimes, in bytes of the response; a page with more ends earlier. Lambda's response is limited to 6 MB
/// (AWS, "Lambda quotas"), and 500 runtimes with the longest texts take 3.6 MB of it.
pub const QUESTIONS_PER_PAGE_BYTES: usize = 2 * 1024 * 1024;

/// A call that takes longer than this is answered with the 500 of its operation. Lambda ends a function after 10 s (`Timeout` in
/// `template.yaml`), and then neither a response nor a log line has the reason; one second is left for both.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(9);

/// A call with `?wait=` is answered by this time with what was read last. API Gateway ends a call after 30 s (AWS, "Quotas for
/// configuring and running an HTTP API in API Gateway"), and so does `Timeout` of these functions; two seconds are left for the start
/// of an instance and the way of the response.
pub const HELD_CALL_TIMEOUT: Duration = Duration::from_secs(28);

const _: () = assert!(
    CALL_TIMEOUT.as_secs() < WAIT_MAX_S as u64 && (WAIT_MAX_S as u64) < HELD_CALL_TIMEOUT.as_secs(),
    "the longest wait leaves no time for its last read"
);

/// A ring reads the catalog for at most this long, and is then put into the queue: the read of a warm function takes 5 to 10 ms.
pub const CATALOG_READ_TIMEOUT: Duration = Duration::from_secs(1);

/// A ring that the catalog answers waits at most this long for the ring behind it that refreshes the snapshot: two writes and a hint.
pub const REFRESH_TIMEOUT: Duration = Duration::from_secs(2);

/// The SDK's limit on one call of DynamoDB, its retries included.
pub const STORE_CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A list ends its page when reading the next workspaces would take longer than this. The first workspace has up to
/// [`CALL_TIMEOUT`].
pub const LIST_TIMEOUT: Duration = Duration::from_secs(5);

/// A heartbeat that is older than this starts neither a claim nor the renewal of its listing: the liveness write (up to
/// [`SLOW_STORE_THRESHOLD`]) leaves room for a first claim. A claim ends within
/// [`STORE_CALL_TIMEOUT`], so [`CALL_TIMEOUT`] cancels none.
pub const LATEST_CLAIM_START: Duration = Duration::from_secs(3);

/// A heartbeat abandons the renewal of its listing after this. The renewal stays due for days, and later heartbeats retry it.
pub const LISTING_RENEWAL_TIMEOUT: Duration = Duration::from_secs(1);

const _: () = assert!(
    SLOW_STORE_THRESHOLD.as_secs() < LATEST_CLAIM_START.as_secs()
        && LATEST_CLAIM_START.as_secs() + STORE_CALL_TIMEOUT.as_secs() < CALL_TIMEOUT.as_secs(),
    "a heartbeat must end before it is cancelled"
);

/// When a daemon sends its next heartbeat. A runtime is online for three of these intervals.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// How long the push channel waits for the acknowledgement of a message, in seconds: the shortest time that IoT Core accepts.
pub const PUSH_ACKNOWLEDGEMENT_S: i32 = 1;

/// A call of the push channel is abandoned after this: half a second more than [`PUSH_ACKNOWLEDGEMENT_S`], because IoT Core answers only
/// then that a message was not acknowledged.
pub const PUSH_CALL_TIMEOUT: Duration = Duration::from_millis(1_500);

/// A heartbeat that is older than this sends no `hello`. Its runtimes keep the presence that they have.
pub const LATEST_PROOF_START: Duration = Duration::from_secs(6);

/// The writes of presence that follow `hello` are abandoned after this. The next heartbeat repeats them.
pub const PRESENCE_TIMEOUT: Duration = Duration::from_secs(1);

const _: () = assert!(
    LATEST_PROOF_START.as_millis() + PUSH_CALL_TIMEOUT.as_millis() + PRESENCE_TIMEOUT.as_millis()
        < CALL_TIMEOUT.as_millis(),
    "a heartbeat must end before it is cancelled, or its claims are lost"
);

/// A poll notifies the daemon again if the request is pending for longer than this. A hint that arrived is claimed within a second.
pub const REMINDER_AFTER: Duration = Duration::from_secs(3);

/// Further polls notify it again at this interval at most.
pub const REMINDER_INTERVAL: Duration = Duration::from_secs(5);

/// How long the connections of a token are remembered: longer than the longest connection, which
/// [`CONNECTION_SECONDS`](crate::push::CONNECTION_SECONDS) bounds.
pub const TOKEN_CONNECTION_RETENTION: Duration = Duration::from_secs(25 * 3600);

/// Connections of a revoked token that are closed at once: a token may serve hundreds of daemons, and a call takes a round trip.
pub const PARALLEL_DISCONNECTS: usize = 10;

/// A revocation abandons the connections of its token after this. They then end within
/// [`CONNECTION_SECONDS`](crate::push::CONNECTION_SECONDS), without access to the API.
pub const DISCONNECTS_TIMEOUT: Duration = Duration::from_secs(3);

/// Runtimes of one heartbeat that are served at once. As for [`PARALLEL_WRITES`].
pub const PARALLEL_HEARTBEATS: usize = 10;

/// The args in the response to one heartbeat, in bytes, escaped as a part of the function's response, which has at most 6 MB (AWS,
/// "Lambda quotas"). Ids and other fields of 500 requests take less than 0.2 MB. What is left waits for the next heartbeat.
pub const WORK_BYTES: usize = 4 << 20;

/// The read of cancelled requests is abandoned after this. The next heartbeat repeats it.
pub const CANCELLED_READ_TIMEOUT: Duration = Duration::from_secs(1);

/// A heartbeat whose liveness write took longer than this skips the queue. The response to a late claim would be lost: daemon and
/// Lambda time out after 10 s.
pub const SLOW_STORE_THRESHOLD: Duration = Duration::from_secs(2);

/// A heartbeat that took this long is logged with the time of each step.
pub const SLOW_HEARTBEAT_THRESHOLD: Duration = Duration::from_millis(500);

/// Writes of one registration or deregistration that run at once. If each takes 100 ms, 200 deregistrations take 2 s and 50
/// registrations, of three writes each with questions, 1.5 s, while function and daemon give up after 10 s. More connections would cost a small
/// function more in TLS handshakes than they save.
pub const PARALLEL_WRITES: usize = 10;

/// The sustained rate of rings of one runtime: 60 a minute.
pub const RING_INTERVAL: Duration = Duration::from_secs(1);

/// The burst of rings of one runtime: fewer than the requests that may be open, so that a burst never fills the open set.
pub const RING_BURST: u32 = 30;

const _: () = assert!((RING_BURST as usize) < OPEN_REQUESTS_PER_RUNTIME, "a burst fills the open set");

/// The deliveries that a request's item keeps. A running deadline of 60 s has room for 12: one, and one more after each
/// [`REDELIVERY_AFTER`]. A question may have a longer deadline and more deliveries; its item keeps the first 11 and the last. With
/// the longest subjects they take 2.1 KB of the 4 KiB that [`RESULT_BYTES`](doorbell_protocol::limits::RESULT_BYTES) leaves for
/// attributes besides args and result.
pub const HISTORY_DELIVERIES: usize = 12;

/// The length of a subject in a request's item, in bytes. Longer ones are cut: an issuer's `sub` has no limit. With 200 there would be
/// no room for the longest daemon id.
pub const HISTORY_SUBJECT_BYTES: usize = 160;

/// The sustained rate of rings of one token: 10 a second.
pub const TOKEN_RING_INTERVAL: Duration = Duration::from_millis(100);

/// The burst of rings of one token: more than one runtime accepts, so that a client may ring all runtimes of a list at once.
pub const TOKEN_RING_BURST: u32 = 100;

/// The sustained rate of registrations of one token: 1 a second. A daemon registers at its start, and again when a heartbeat is
/// answered 404.
pub const TOKEN_REGISTRATION_INTERVAL: Duration = Duration::from_secs(1);

/// The burst of registrations of one token. One token may serve many machines that start at the same time.
pub const TOKEN_REGISTRATION_BURST: u32 = 60;

/// An instance accepts one free call of a token in this time, so that usual clients cost no additional write.
pub const FREE_CALL_INTERVAL: Duration = Duration::from_secs(10);

/// The tokens that one instance remembers for [`FREE_CALL_INTERVAL`]. Calls of further tokens are charged.
pub const REMEMBERED_TOKENS: usize = 1_000;

/// A charge is abandoned after this, and the call is accepted: a rate limit must not make a slow store worse.
pub const CHARGE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the item of a token's rate is kept after its last possible effect.
pub const RATE_RETENTION: Duration = Duration::from_secs(300);

/// The maximum number of workspaces of a token. Each id is a placeholder in the conditions of the store, and DynamoDB allows 4 KB
/// for an expression (AWS, "Service, account, and table quotas in Amazon DynamoDB"). As JSON, 250 ids are 10 KB of the
/// authorizer's response, for which HTTP APIs have no quota of their own (AWS, "Quotas for configuring and running an HTTP API in
/// API Gateway"); the often cited 8 KB are a quota of WebSocket APIs.
pub const WORKSPACES_PER_TOKEN: usize = 250;

/// The use of a token is recorded at most once in this time.
pub const TOKEN_USE_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// The authorizer abandons the record of a token's use after this. API Gateway allows an authorizer 10 s.
pub const TOKEN_USE_TIMEOUT: Duration = Duration::from_secs(1);
