//! CORS settings. API Gateway answers preflights from `template.yaml`, the local gateway from here; a test compares the two.

/// The request headers of the existing web clients.
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

/// The response headers that scripts may read.
pub const EXPOSED: [&str; 1] = ["Retry-After"];

/// How long a browser may cache a preflight's response, in seconds.
pub const MAX_AGE_SECONDS: u64 = 600;
