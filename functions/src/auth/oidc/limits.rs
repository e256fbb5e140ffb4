//! Every number of this module, in one place.

use std::time::Duration;

use doorbell_shared::limits::CLOCK_SKEW;

/// The longest token that is looked at. API Gateway passes headers of 10 KB in all.
pub const TOKEN_BYTES: usize = 8 * 1024;

/// How far the issuer's clock and ours may be apart: `exp` and `nbf` are seen with that much leeway.
pub const LEEWAY: Duration = CLOCK_SKEW;

/// Having answered, the issuer is not asked again this soon, so that made-up key ids can't make us a nuisance to it.
pub const REFRESH_FLOOR: Duration = Duration::from_secs(60);

/// Having failed, the issuer is not asked again this soon. Shorter than [`REFRESH_FLOOR`]: until it answers, people are
/// locked out.
pub const RETRY_FLOOR: Duration = Duration::from_secs(5);

/// Keys are fetched anew when they are this old: one that the issuer has withdrawn is good for no longer.
pub const KEYS_FRESH: Duration = Duration::from_secs(3600);

/// While the issuer fails, the keys it published last are good for this long.
pub const KEYS_USABLE: Duration = Duration::from_secs(24 * 3600);

/// The largest document that is read from the issuer.
pub const DOCUMENT_BYTES: usize = 1 << 20;

/// A document that has not come by then is not coming. Two of them fit into the 10 s that API Gateway gives an
/// authorizer.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
