//! Limits and times of the contract. Existing clients and daemons rely on them.

use std::time::Duration;

/// The pending deadline of the kind `model_list`: an older request times out.
pub const PENDING_DEADLINE: Duration = Duration::from_secs(30);

/// The running deadline of the built-in kinds, from the first claim.
pub const RUNNING_DEADLINE: Duration = Duration::from_secs(60);

/// The retention of the kind `model_list`: a request stays readable this long after its last change.
pub const RETENTION: Duration = Duration::from_secs(120);

/// A snapshot of the catalog that is at least this old is refreshed by the ring that it answers.
pub const CATALOG_FRESHNESS: Duration = Duration::from_secs(60);

/// A snapshot of the catalog that is older than this answers no ring.
pub const CATALOG_RETENTION: Duration = Duration::from_secs(24 * 3_600);

/// A runtime is online this long after its last heartbeat: three of the daemons' intervals of 15 s.
pub const ONLINE_WINDOW: Duration = Duration::from_secs(45);

/// The maximum size of a request body, on every route. The reference server counts 1 MB as `1 << 20`.
pub const BODY_BYTES: usize = 1 << 20;

/// The maximum size of a stored result. DynamoDB's limit is 400 KB for an item, attribute names included (AWS,
/// "Service, account, and table quotas in Amazon DynamoDB"); the largest args and 4 KiB for the other attributes are left. The limit
/// counts the text as reported, escapes included.
pub const RESULT_BYTES: usize = 400 * 1024 - ARGS_BYTES - 4 * 1024;

/// Error texts are truncated to this many bytes, so that a report with a long stack trace can be stored.
pub const ERROR_BYTES: usize = 2 * 1024;

/// The maximum number of models in a report. The largest known catalogs have several hundred.
pub const MODELS_PER_REPORT: usize = 2_000;

/// The maximum length of a model's `id` and `label`, in characters.
pub const MODEL_TEXT_CHARS: usize = 500;

/// The maximum number of skills in a report. Codex visits at most 2,000 directories of a skills directory
/// (`MAX_SKILLS_DIRS_PER_ROOT` in its source).
pub const LOCAL_SKILLS_PER_REPORT: usize = 2_000;

/// The maximum number of MCP servers in a report. An agent program starts or connects all of them, so users have a few.
pub const MCP_SERVERS_PER_REPORT: usize = 500;

/// The maximum length of any text of a skill or MCP server, in characters: a path on Linux (`PATH_MAX`). A description is at
/// most 1,024 (Agent Skills, "Specification"), but existing daemons report it in full length.
pub const LOCAL_SKILL_TEXT_CHARS: usize = 4_096;

/// The maximum number of runtimes in a registration.
pub const RUNTIMES_PER_REGISTRATION: usize = 50;

/// The maximum number of runtimes in a workspace. A list of all of them is ten pages of 500, and one query counts their
/// listings, of about 120 bytes each, in a page of DynamoDB (1 MB).
pub const RUNTIMES_PER_WORKSPACE: usize = 5_000;

/// The maximum number of runtimes in a deregistration. A daemon may be registered in several workspaces.
pub const RUNTIMES_PER_DEREGISTRATION: usize = 200;

/// The maximum number of requests in `in_flight`. A daemon with heartbeats every second and 60 s of work has 60. A longer
/// list is ignored, and nothing is redelivered.
pub const IN_FLIGHT_PER_HEARTBEAT: usize = 100;

/// The maximum number of runtimes in a page of the list, and the number without `limit`. A page stays under Lambda's 6 MB even
/// if every text is at its limit.
pub const RUNTIMES_PER_PAGE: usize = 500;

/// The largest page of a list of tokens. If every text is at its limit and each token has all workspaces of the caller, such a page takes
/// 2.7 MB of the 6 MB that a response may have (AWS, "Lambda quotas").
pub const TOKENS_PER_PAGE: usize = 200;

/// The maximum length of a name, type, daemon id or profile id, in characters.
pub const TEXT_CHARS: usize = 200;

/// The maximum nesting of a model. `serde_json` parses 127 levels, and a report or record adds two levels around a model.
pub const MODEL_DEPTH: usize = 125;

/// The maximum nesting of args, results, progress and schemas. `serde_json` parses 127 levels, and a list of runtimes adds four
/// levels around a schema.
pub const JSON_DEPTH: usize = 120;

/// The maximum size of the args of a request, as JSON text.
pub const ARGS_BYTES: usize = 32 * 1024;

/// The maximum size of a progress report's value, as JSON text.
pub const PROGRESS_BYTES: usize = 4 * 1024;

/// The maximum number of questions of a runtime.
pub const QUESTIONS_PER_RUNTIME: usize = 50;

/// The maximum size of a runtime's questions together, as JSON text.
pub const QUESTIONS_BYTES: usize = 64 * 1024;

/// The longest running deadline of a question, in seconds.
pub const QUESTION_TIMEOUT_MAX_S: u32 = 900;

/// The running deadline of a question that declares none, in seconds.
pub const QUESTION_TIMEOUT_DEFAULT_S: u32 = 60;

/// The longest time that a request may wait for an offline runtime, in seconds: 7 days.
pub const QUEUE_MAX_S: u32 = 604_800;

/// The longest `?wait=`, in seconds. API Gateway answers a call within 30 s.
pub const WAIT_MAX_S: u32 = 25;

/// The maximum length of an idempotency key, in characters.
pub const IDEMPOTENCY_KEY_CHARS: usize = 64;

/// How long an idempotency key refers to its request.
pub const IDEMPOTENCY_RETENTION: Duration = Duration::from_secs(120);

/// The maximum number of open requests of a runtime.
pub const OPEN_REQUESTS_PER_RUNTIME: usize = 32;

/// The maximum number of runtimes in a heartbeat.
pub const RUNTIMES_PER_HEARTBEAT: usize = 50;

/// The maximum number of requests that a heartbeat claims for one runtime.
pub const CLAIMS_PER_RUNTIME: usize = 10;

/// The shortest lifetime of an enrolment code, in seconds.
pub const ENROLMENT_MIN_S: u32 = 60;

/// The longest lifetime of an enrolment code, in seconds.
pub const ENROLMENT_MAX_S: u32 = 3_600;

/// The lifetime of an enrolment code without `expires_in_s`, in seconds.
pub const ENROLMENT_DEFAULT_S: u32 = 600;

/// The longest lifetime of a token that expires, in seconds: 10 years.
pub const TOKEN_EXPIRY_MAX_S: u32 = 315_360_000;

/// How long a redeemed code is answered again for the same daemon, whose first response may have been lost.
pub const REDEMPTION_RETRY: Duration = Duration::from_secs(60);
