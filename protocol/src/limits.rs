//! Limits and times of the contract. Existing clients and daemons rely on them.

use std::time::Duration;

/// A pending request times out when it is older than this.
pub const PENDING_DEADLINE: Duration = Duration::from_secs(30);

/// A running request times out this long after its first claim.
pub const RUNNING_DEADLINE: Duration = Duration::from_secs(60);

/// A request stays readable this long after its last change.
pub const RETENTION: Duration = Duration::from_secs(120);

/// A runtime is online this long after its last heartbeat: three heartbeats at the daemons' 15 s.
pub const ONLINE_WINDOW: Duration = Duration::from_secs(45);

/// The largest request body, on every route. The reference server counts 1 MB as `1 << 20`.
pub const BODY_BYTES: usize = 1 << 20;

/// The largest result that can be stored. DynamoDB's limit is 400 KB for an item, attribute names included (AWS,
/// "Service, account, and table quotas in Amazon DynamoDB"); 4 KiB are left for the other attributes.
pub const RESULT_BYTES: usize = 400 * 1024 - 4 * 1024;

/// A failure's text is cut to this many bytes, so that a daemon's stack trace cannot make the failure unstorable.
pub const ERROR_BYTES: usize = 2 * 1024;

/// The most models one report may list. The largest catalogs of today's agent programs have several hundred.
pub const MODELS_PER_REPORT: usize = 2_000;

/// The longest `id` and `label` of a model, in characters.
pub const MODEL_TEXT_CHARS: usize = 500;

/// The most runtimes one registration may name.
pub const RUNTIMES_PER_REGISTRATION: usize = 50;

/// The most runtimes one deregistration may name: a daemon may be registered in several workspaces.
pub const RUNTIMES_PER_DEREGISTRATION: usize = 200;

/// The most requests that a heartbeat may list as in flight. A daemon with 1 s heartbeats and 60 s of work has 60. A
/// longer list is ignored, and nothing is redelivered.
pub const IN_FLIGHT_PER_HEARTBEAT: usize = 100;

/// The longest name, type, daemon id or profile id, in characters.
pub const TEXT_CHARS: usize = 200;

/// The deepest nesting of a model. `serde_json` parses 127 levels, and two surround a model in a report and a record.
pub const MODEL_DEPTH: usize = 125;
