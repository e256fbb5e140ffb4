//! Timestamps of the wire and the table.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A UTC time in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// `None` outside chrono's range.
    pub fn from_millis(millis: i64) -> Option<Self> {
        DateTime::from_timestamp_millis(millis).map(Self)
    }

    /// Milliseconds since the Unix epoch.
    pub fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// Seconds since the Unix epoch, rounded up so that a TTL never expires early.
    pub fn seconds_rounded_up(self) -> i64 {
        self.millis().div_euclid(1000) + i64::from(self.millis().rem_euclid(1000) > 0)
    }

    /// The time since `earlier`; zero if `earlier` is later, which happens between two nodes' clocks.
    pub fn since(self, earlier: Self) -> Duration {
        (self.0 - earlier.0).to_std().unwrap_or_default()
    }
}

impl From<DateTime<Utc>> for Timestamp {
    /// Truncates to milliseconds, so that a time survives storage and the wire unchanged.
    fn from(time: DateTime<Utc>) -> Self {
        DateTime::from_timestamp_millis(time.timestamp_millis()).map_or(Self(time), Self)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        let later = TimeDelta::from_std(duration).ok().and_then(|delta| self.0.checked_add_signed(delta));
        later.map_or(Self(DateTime::<Utc>::MAX_UTC), Self::from)
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        let earlier = TimeDelta::from_std(duration).ok().and_then(|delta| self.0.checked_sub_signed(delta));
        earlier.map_or(Self(DateTime::<Utc>::MIN_UTC), Self::from)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = DateTime::parse_from_rfc3339(&text).map_err(de::Error::custom)?;
        Ok(Self::from(time.with_timezone(&Utc)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_utc_with_milliseconds() {
        let time = Timestamp::from_millis(1_795_318_867_120).unwrap();
        assert_eq!(time.to_string(), "2026-11-22T03:41:07.120Z");
    }

    #[test]
    fn seconds_are_rounded_up() {
        let seconds = |millis| Timestamp::from_millis(millis).unwrap().seconds_rounded_up();
        assert_eq!([seconds(1000), seconds(1001), seconds(1999)], [1, 2, 2]);
    }

    #[test]
    fn since_a_later_time_is_zero() {
        let now = Timestamp::from_millis(1_000).unwrap();
        assert_eq!(now.since(now + Duration::from_secs(2)), Duration::ZERO);
    }
}
