//! `doorbell bench`.

use std::time::Duration;

use clap::Args;
use doorbell_gateway::{DAEMON_A, USER_A, WORKSPACE_A};
use doorbell_protocol::WorkspaceId;

use super::parsers::{token, workspace};
use super::server::Server;

const MAX_DURATION: Duration = Duration::from_secs(3600);
const MAX_RINGS_PER_SECOND: f64 = 1_000.0;

#[derive(Debug, Args)]
#[command(after_help = "\
Registers its own runtimes, sends their heartbeats, rings them, reports and polls; deregisters them at the end.
Exit code 1 when no heartbeat succeeded. A deployment bills every call.

Examples:
  doorbell bench
  doorbell bench --concurrency 32 --runtimes 1000 --ring-rate 0 --duration 30s
  doorbell bench --runtimes 60 --interval 15s --ring-rate 4 --duration 2m --json
  doorbell bench --url https://doorbell.example.com --token dbu_… --daemon-token dbd_… --workspace 7b1d4e0c-…")]
pub struct Bench {
    #[command(flatten)]
    pub server: Server,

    /// Token with scope `user`: rings and polls
    #[arg(long, env = "DOORBELL_TOKEN", hide_env_values = true, default_value = USER_A.token, value_parser = token())]
    pub token: String,

    /// Token with scope `daemon`: registers, sends heartbeats, reports
    #[arg(long, env = "DOORBELL_DAEMON_TOKEN", hide_env_values = true, default_value = DAEMON_A.token, value_parser = token())]
    pub daemon_token: String,

    /// Workspace of both tokens
    #[arg(long, env = "DOORBELL_WORKSPACE", value_name = "ID", default_value = WORKSPACE_A, value_parser = workspace)]
    pub workspace: WorkspaceId,

    /// Heartbeats in flight at once
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub concurrency: u16,

    /// Time to measure; open rings may take longer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub duration: Duration,

    /// Stop after this many heartbeats, if that is sooner
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub heartbeats: Option<u64>,

    /// Runtimes to register
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub runtimes: u32,

    /// Time between two heartbeats of a runtime [default: as fast as they are answered]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub interval: Option<Duration>,

    /// Rings a second, over all runtimes; one runtime may be rung 60 times a minute, and one token may ring 10 times a second
    #[arg(long, value_name = "R", default_value = "1", value_parser = ring_rate)]
    pub ring_rate: f64,

    /// Time between two polls of a request
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = duration)]
    pub poll_interval: Duration,

    /// Models in a report
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u16).range(1..=2_000))]
    pub models: u16,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if (Duration::from_millis(1)..=MAX_DURATION).contains(&duration) => Ok(duration),
        Ok(_) => Err("at least 1ms and at most 1h".to_owned()),
        Err(_) => Err("not a duration such as 10s or 500ms".to_owned()),
    }
}

fn ring_rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.0..=MAX_RINGS_PER_SECOND).contains(&rate) => Ok(rate),
        _ => Err(format!("not a number from 0 to {MAX_RINGS_PER_SECOND}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_bounds() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["10", "0s", "2h", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ring_rate_is_finite_and_not_negative() {
        assert_eq!(ring_rate("0.5"), Ok(0.5));
        for wrong in ["-1", "1001", "NaN", "inf", "many"] {
            assert!(ring_rate(wrong).is_err(), "{wrong}");
        }
    }
}
