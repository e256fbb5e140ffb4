//! Limits and times of the server. Those of the contract are in [`doorbell_protocol::limits`].

use std::time::Duration;

use doorbell_protocol::limits::{PENDING_DEADLINE, RUNNING_DEADLINE};

/// A running request that is not in `in_flight` is redelivered if its lease is older than this.
///
/// Two instances' clocks are compared, so the effective time varies by up to [`CLOCK_SKEW`]. That is harmless: early
/// redelivery costs a write, and the first report wins.
pub const REDELIVERY_AFTER: Duration = Duration::from_secs(5);

/// A runtime is deleted this long after its last heartbeat.
pub const RUNTIME_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// The assumed maximum difference between two nodes' clocks. It widens hints and range reads, never a deadline.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// How long after a ring heartbeats read the queue: as long as the request can be open, plus clock skew.
pub const WORK_HINT_LIFETIME: Duration =
    Duration::from_secs(PENDING_DEADLINE.as_secs() + RUNNING_DEADLINE.as_secs() + 2 * CLOCK_SKEW.as_secs());

/// A call that takes longer than this is answered with the 500 of its operation. Lambda ends a function after 10 s (`Timeout` in
/// `template.yaml`), and then neither a response nor a log line has the reason; one second is left for both.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(9);

/// The SDK's limit on one call of DynamoDB, its retries included.
pub const STORE_CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A list ends its page when reading the next workspaces would take longer than this. The first workspace has up to
/// [`CALL_TIMEOUT`].
pub const LIST_TIMEOUT: Duration = Duration::from_secs(5);

/// A heartbeat that is older than this starts neither a claim nor the renewal of its listing: the liveness write (up to
/// [`SLOW_STORE_THRESHOLD`]) and the queue read (up to [`QUEUE_READ_TIMEOUT`]) leave room for a first claim. A claim ends within
/// [`STORE_CALL_TIMEOUT`], so [`CALL_TIMEOUT`] cancels none.
pub const LATEST_CLAIM_START: Duration = Duration::from_secs(3);

/// A heartbeat abandons the renewal of its listing after this. The renewal stays due for days, and later heartbeats retry it.
pub const LISTING_RENEWAL_TIMEOUT: Duration = Duration::from_secs(1);

const _: () = assert!(
    SLOW_STORE_THRESHOLD.as_secs() + QUEUE_READ_TIMEOUT.as_secs() <= LATEST_CLAIM_START.as_secs()
        && LATEST_CLAIM_START.as_secs() + STORE_CALL_TIMEOUT.as_secs() < CALL_TIMEOUT.as_secs(),
    "a heartbeat must end before it is cancelled"
);

/// A heartbeat abandons its queue read after this, because a slow store must not fail the heartbeat.
pub const QUEUE_READ_TIMEOUT: Duration = Duration::from_secs(1);

/// A heartbeat whose liveness write took longer than this skips the queue. The response to a late claim would be lost: daemon and
/// Lambda time out after 10 s.
pub const SLOW_STORE_THRESHOLD: Duration = Duration::from_secs(2);

/// A heartbeat that took this long is logged with the time of each step.
pub const SLOW_HEARTBEAT_THRESHOLD: Duration = Duration::from_millis(500);

/// Writes of one registration or deregistration that run at once. If each takes 100 ms, 200 deregistrations take 2 s and 50
/// registrations, of two writes each, 1 s, while function and daemon give up after 10 s. More connections would cost a small
/// function more in TLS handshakes than they save.
pub const PARALLEL_WRITES: usize = 10;

/// The sustained rate of rings of one runtime: 60 a minute.
pub const RING_INTERVAL: Duration = Duration::from_secs(1);

/// The burst of rings of one runtime.
pub const RING_BURST: u32 = 60;

/// The deliveries that a request's item keeps. A running request has at most 12 within its deadline: one, and one more after each
/// [`REDELIVERY_AFTER`]. With the longest subjects they take 2.6 KB of the 4 KiB that
/// [`RESULT_BYTES`](doorbell_protocol::limits::RESULT_BYTES) leaves for attributes besides the result.
pub const HISTORY_DELIVERIES: usize = 12;

/// The length of a subject in a request's item, in bytes. Longer ones are cut: an issuer's `sub` has no limit.
pub const HISTORY_SUBJECT_BYTES: usize = 200;

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
