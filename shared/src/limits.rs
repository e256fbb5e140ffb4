//! Every number that bounds an input or a lifetime, in one place.
//!
//! Times of the wire contract are what existing clients and daemons count on; they are not ours to tune.

use std::time::Duration;

/// A request that no daemon has claimed lapses when it is older than this.
pub const PENDING_DEADLINE: Duration = Duration::from_secs(30);

/// A claimed request lapses when its claim is older than this.
pub const RUNNING_DEADLINE: Duration = Duration::from_secs(60);

/// A claim whose request the daemon does not list as in flight is replaced when it is older than this. It is set by one
/// node's clock and read by another's, so by a third clock it is this and up to twice what one of them may be off. It only
/// keeps a beat from being handed what a beat just before it was handed; a request handed out twice is answered once.
pub const REDELIVERY_AFTER: Duration = Duration::from_secs(5);

/// A request stays readable this long after its last change.
pub const RETENTION: Duration = Duration::from_secs(120);

/// A runtime counts as online this long after its last heartbeat: three beats at the daemons' 15 s.
pub const ONLINE_WINDOW: Duration = Duration::from_secs(45);

/// A runtime is forgotten this long after its last heartbeat.
pub const RUNTIME_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// How far the clocks of two nodes may be apart. Only widens hints and range reads, never a deadline.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// How long after a ring heartbeats go and look for work: as long as the request can be open, and some more.
pub const ATTENTION: Duration =
    Duration::from_secs(PENDING_DEADLINE.as_secs() + RUNNING_DEADLINE.as_secs() + 2 * CLOCK_SKEW.as_secs());

/// A heartbeat's look for work is given up after this: a slow store must not stall every daemon's liveness.
pub const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// A heartbeat whose sign of life took longer than this is answered without looking for work: a claim must end well before
/// the daemon and Lambda give up on the call, or it is won by nobody.
pub const SLOW_STORE: Duration = Duration::from_secs(2);

/// A heartbeat that took this long is logged with where the time went.
pub const SLOW_HEARTBEAT: Duration = Duration::from_millis(500);

/// How fast one runtime may be rung for long: 60 times a minute.
pub const RING_INTERVAL: Duration = Duration::from_secs(1);

/// How many rings may come at once, after a time without any.
pub const RING_BURST: u32 = 60;

/// The largest request body, on every route: 1 MB, counted as `1 << 20`, as the original does.
pub const BODY_BYTES: usize = 1 << 20;

/// The largest result that can be stored. DynamoDB's limit is 400 KB for an item, attribute names included (AWS,
/// "Service, account, and table quotas in Amazon DynamoDB"); 4 KiB are left for everything else in it.
pub const RESULT_BYTES: usize = 400 * 1024 - 4 * 1024;

/// A failure's text is cut to this many bytes, so that a daemon's stack trace cannot make the failure unstorable.
pub const ERROR_BYTES: usize = 2 * 1024;

/// The most models one report may list. The largest catalogs of today's agent programs have several hundred.
pub const MODELS_PER_REPORT: usize = 2_000;

/// The longest `id` and `label` of a model, in characters.
pub const MODEL_TEXT_CHARS: usize = 500;

/// The most runtimes one registration may name.
pub const RUNTIMES_PER_REGISTRATION: usize = 50;

/// The most runtimes one deregistration may name: a daemon may have registered in several workspaces.
pub const RUNTIMES_PER_DEREGISTRATION: usize = 200;

/// The most requests that a heartbeat may list as in flight. A daemon that beats every second and takes as long as it may has
/// 60; a longer list is not read, and nothing is handed out again.
pub const IN_FLIGHT_PER_HEARTBEAT: usize = 100;

/// The longest name, type, daemon id or profile id, in characters.
pub const TEXT_CHARS: usize = 200;
