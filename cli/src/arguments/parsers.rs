//! Parsers of option values. Each error message has an example.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use clap::builder::{NonEmptyStringValueParser, TypedValueParser};
use doorbell_gateway::WORKSPACE_A;
use doorbell_protocol::limits::{ENROLMENT_MAX_S, ENROLMENT_MIN_S};
use doorbell_protocol::{IdempotencyKey, InvalidIdempotencyKey, RequestId, RuntimeId, WorkspaceId};
use reqwest::Url;

use crate::secret::Secret;

/// The default address of `doorbell dev`.
pub(super) const DEV_URL: &str = "http://127.0.0.1:3000";

/// Longer ids are rejected by the server.
const DAEMON_ID_CHARS: usize = 200;

const CODE_LIFETIMES: RangeInclusive<u64> = ENROLMENT_MIN_S as u64..=ENROLMENT_MAX_S as u64;

const DAY: Duration = Duration::from_secs(24 * 3600);
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(100)..=DAY;
const LIFETIMES: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(10 * 366 * 24 * 3600);

/// A heartbeat interval such as `15s`. A number without a unit is in seconds.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    let interval = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => {
            Some(humantime::parse_duration(text).map_err(|_| "not a time such as 15s or 500ms".to_owned())?)
        }
    };
    let interval = interval.filter(|interval| INTERVALS.contains(interval));
    interval.ok_or_else(|| "at least 0.1 seconds and at most a day".to_owned())
}

/// A token's lifetime such as `90d`.
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    let lifetime =
        humantime::parse_duration(text).map_err(|_| "not a time such as 90d, 12h or 30m".to_owned())?;
    let lifetime = Some(lifetime).filter(|lifetime| LIFETIMES.contains(lifetime));
    lifetime.ok_or_else(|| "a token lasts at least a second and at most ten years".to_owned())
}

pub(super) fn loopback(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.replacen("localhost:", "127.0.0.1:", 1);
    let addr: SocketAddr = numeric.parse().map_err(|_| "not an address such as 127.0.0.1:3000".to_owned())?;
    if addr.ip().is_loopback() {
        Ok(addr)
    } else {
        Err("the tokens of `doorbell dev` are public: use a loopback address such as 127.0.0.1:3000"
            .to_owned())
    }
}

pub(super) fn server_url(text: &str) -> Result<Url, String> {
    let url = text.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| format!("not an http:// or https:// URL such as {DEV_URL}"))
}

/// Not empty, and trimmed: a token from a file ends with a newline.
pub(super) fn token() -> impl TypedValueParser<Value = String> {
    NonEmptyStringValueParser::new().map(|token| token.trim().to_owned())
}

/// [`token`] for arguments whose `Debug` output must not contain it.
pub(super) fn secret() -> impl TypedValueParser<Value = Secret> {
    NonEmptyStringValueParser::new().try_map(|token| Secret::new(&token).ok_or("it is blank"))
}

/// As the server checks it.
pub(super) fn daemon_id(text: &str) -> Result<String, String> {
    let id = text.trim();
    if id.is_empty() || id.chars().count() > DAEMON_ID_CHARS || id.contains(char::is_control) {
        return Err(format!("not a name of 1 to {DAEMON_ID_CHARS} characters such as laptop-k2v9qx"));
    }
    Ok(id.to_owned())
}

/// The lifetime of an enrolment code in seconds.
pub(super) fn code_lifetime(text: &str) -> Result<i64, String> {
    let seconds = humantime::parse_duration(text).ok().map(|lifetime| lifetime.as_secs());
    let seconds = seconds.filter(|seconds| CODE_LIFETIMES.contains(seconds));
    let seconds = seconds.and_then(|seconds| i64::try_from(seconds).ok());
    seconds.ok_or_else(|| "not a time of 1m to 1h such as 10m".to_owned())
}

pub(super) fn workspace(text: &str) -> Result<WorkspaceId, String> {
    text.parse().map_err(|_| format!("not an id such as {WORKSPACE_A}, in lower case"))
}

pub(super) fn runtime(text: &str) -> Result<RuntimeId, String> {
    text.parse()
        .map_err(|_| "not an id such as 7b1d4e0c-9a39-5e4e-8a0e-2f1d3c5b7a90, in lower case".to_owned())
}

pub(super) fn request(text: &str) -> Result<RequestId, String> {
    let expected = "not an id such as 0193510a2b3c7d4e8f90a1b2c3d4e5f6: 32 hex digits in lower case";
    text.parse().map_err(|_| expected.to_owned())
}

pub(super) fn idempotency_key(text: &str) -> Result<IdempotencyKey, String> {
    text.parse().map_err(|error: InvalidIdempotencyKey| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_has_a_unit_or_is_in_seconds() {
        for (text, millis) in [
            ("15s", 15_000),
            ("500ms", 500),
            ("15", 15_000),
            ("0.5", 500),
            ("1m 30s", 90_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(interval(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "often", "15x", "0", "99ms", "86401", "2d", "-1", "NaN", "inf", "1e300"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lifetime_has_a_unit() {
        for (text, seconds) in [("90d", 90 * 24 * 3600), ("12h", 12 * 3600), ("30m", 1800), ("2s", 2)] {
            assert_eq!(lifetime(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "d", "90", "-1d", "0d", "500ms", "999999d", "99999999999999999999d", "9ü"] {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }

    #[test]
    fn code_lasts_a_minute_to_an_hour() {
        for (text, seconds) in [("10m", 600), ("60s", 60), ("1h", 3_600), ("1m 30s", 90)] {
            assert_eq!(code_lifetime(text), Ok(seconds), "{text}");
        }
        for text in ["", "10", "59s", "61m", "1d", "-1m"] {
            assert!(code_lifetime(text).is_err(), "{text}");
        }
    }

    #[test]
    fn daemon_id_is_a_short_line() {
        assert_eq!(daemon_id(" build machine 7 ").as_deref(), Ok("build machine 7"));
        for text in ["", " ", "a\nb", "\u{1b}", &"a".repeat(201)] {
            assert!(daemon_id(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn accepts_loopback_addresses_only() {
        for addr in ["127.0.0.1:3000", "[::1]:0", "localhost:3000"] {
            assert!(loopback(addr).is_ok(), "{addr}");
        }
        for addr in ["0.0.0.0:3000", "192.168.1.5:3000", "[::]:3000", "example.com:80", "3000"] {
            assert!(loopback(addr).is_err(), "{addr}");
        }
    }
}
