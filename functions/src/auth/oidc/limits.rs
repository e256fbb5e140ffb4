//! The limits of OIDC.

use std::time::Duration;

use doorbell_shared::limits::CLOCK_SKEW;

/// The longest accepted token. API Gateway limits all headers together to 10 KB.
pub const TOKEN_BYTES: usize = 8 * 1024;

/// The tolerated difference between the issuer's clock and ours, for `exp` and `nbf`.
pub const LEEWAY: Duration = CLOCK_SKEW;

/// The minimum time between two fetches, so that invented key ids cannot cause a fetch each.
pub const REFRESH_FLOOR: Duration = Duration::from_secs(60);

/// The minimum time between a failed fetch and the next. Shorter than [`REFRESH_FLOOR`], because users are locked out.
pub const RETRY_FLOOR: Duration = Duration::from_secs(5);

/// The age at which keys are fetched again. A withdrawn key is accepted for no longer.
pub const KEYS_FRESH: Duration = Duration::from_secs(3600);

/// The age up to which cached keys are used while the issuer fails.
pub const KEYS_USABLE: Duration = Duration::from_secs(24 * 3600);

/// The largest accepted document of the issuer.
pub const DOCUMENT_BYTES: usize = 1 << 20;

/// The timeout of one document. Two fit into the 10 s that API Gateway allows an authorizer.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
