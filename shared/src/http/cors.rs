//! What browsers may send from other origins. API Gateway answers preflights itself, from `template.yaml`; the local gateway
//! does the same from here, and a test holds the two equal.

/// The headers that the existing web clients send.
pub const HEADERS: [&str; 8] = [
    "Authorization",
    "Content-Type",
    "X-Request-ID",
    "X-Workspace-Slug",
    "X-CSRF-Token",
    "X-Client-Platform",
    "X-Client-Version",
    "X-Client-OS",
];

/// The methods of the API.
pub const METHODS: [&str; 3] = ["GET", "POST", "OPTIONS"];

/// The headers of an answer that a script may read.
pub const EXPOSED: [&str; 1] = ["Retry-After"];

/// How long a browser may remember a preflight's answer, in seconds.
pub const MAX_AGE_SECONDS: u64 = 600;
