//! Latencies and errors by operation, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use doorbell_client::ClientError;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Three significant digits from a microsecond to ten minutes take 200 KB, for any number of samples.
const MAX_MICROS: u64 = 600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Heartbeat,
    Initiate,
    Poll,
    Report,
    RingToClaim,
    RingToAnswer,
}

impl Operation {
    const ALL: [Self; 6] =
        [Self::Heartbeat, Self::Initiate, Self::Poll, Self::Report, Self::RingToClaim, Self::RingToAnswer];

    fn name(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Initiate => "initiate",
            Self::Poll => "poll",
            Self::Report => "report",
            Self::RingToClaim => "ring to claim",
            Self::RingToAnswer => "ring to answer",
        }
    }
}

#[derive(Default)]
struct Samples {
    /// Allocated at the first success.
    micros: Option<Histogram<u64>>,
    errors: BTreeMap<String, u64>,
    first_error: Option<ClientError>,
}

/// Shared by all workers.
#[derive(Default)]
pub(super) struct Recorder([Mutex<Samples>; Operation::ALL.len()]);

impl Recorder {
    pub(super) fn success(&self, operation: Operation, latency: Duration) {
        self.update(operation, |samples| {
            if samples.micros.is_none() {
                samples.micros = Histogram::new_with_bounds(1, MAX_MICROS, SIGNIFICANT_DIGITS).ok();
            }
            if let Some(micros) = &mut samples.micros {
                micros.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(MAX_MICROS));
            }
        });
    }

    pub(super) fn error(&self, operation: Operation, error: &ClientError) {
        let status = match error {
            ClientError::Api { status, .. } | ClientError::UnexpectedResponse { status, .. } => {
                status.to_string()
            }
            ClientError::Unreachable { .. } => "unreachable".to_owned(),
            ClientError::ResponseTooLarge { .. } | ClientError::UnusableList { .. } => "unusable".to_owned(),
        };
        self.failure(operation, &status);
        self.update(operation, |samples| {
            samples.first_error.get_or_insert_with(|| error.clone());
        });
    }

    pub(super) fn failure(&self, operation: Operation, status: &str) {
        self.update(operation, |samples| *samples.errors.entry(status.to_owned()).or_default() += 1);
    }

    pub(super) fn summary(&self, elapsed: Duration, runtimes: usize, concurrency: usize) -> Summary {
        let mut rows = Vec::new();
        let mut first_error = None;
        for operation in Operation::ALL {
            self.update(operation, |samples| {
                let count = samples.micros.as_ref().map_or(0, Histogram::len);
                if operation == Operation::Heartbeat && count == 0 {
                    first_error = samples.first_error.take();
                }
                rows.push(Row::new(operation, samples, elapsed));
            });
        }
        Summary { elapsed, runtimes, concurrency, rows, first_error }
    }

    fn update(&self, operation: Operation, change: impl FnOnce(&mut Samples)) {
        change(&mut self.0[operation as usize].lock().unwrap_or_else(PoisonError::into_inner));
    }
}

struct Row {
    operation: Operation,
    succeeded: u64,
    per_second: f64,
    /// p50, p90, p99 and max, in milliseconds.
    latencies: Option<[f64; 4]>,
    errors: BTreeMap<String, u64>,
}

const LATENCIES: [&str; 4] = ["p50_ms", "p90_ms", "p99_ms", "max_ms"];

impl Row {
    fn new(operation: Operation, samples: &Samples, elapsed: Duration) -> Self {
        let succeeded = samples.micros.as_ref().map_or(0, Histogram::len);
        let latencies = samples.micros.as_ref().map(|micros| {
            let quantiles = [0.5, 0.9, 0.99].map(|quantile| micros.value_at_quantile(quantile));
            let [p50, p90, p99] = quantiles;
            [p50, p90, p99, micros.max()].map(|micros| micros as f64 / 1e3)
        });
        let per_second = succeeded as f64 / elapsed.as_secs_f64();
        Self { operation, succeeded, per_second, latencies, errors: samples.errors.clone() }
    }

    fn to_json(&self) -> Value {
        let mut row = json!({
            "operation": self.operation.name(),
            "succeeded": self.succeeded,
            "per_second": rounded(self.per_second),
            "errors": self.errors,
        });
        for (name, latency) in LATENCIES.iter().zip(self.latencies.into_iter().flatten()) {
            row[*name] = json!(latency);
        }
        row
    }

    fn cells(&self) -> Vec<String> {
        let latency =
            |place: usize| self.latencies.map(|all| format!("{:.2}", all[place])).unwrap_or_default();
        let errors: Vec<_> =
            self.errors.iter().map(|(status, count)| format!("{count} × {status}")).collect();
        let mut cells = vec![self.operation.name().to_owned(), self.succeeded.to_string()];
        cells.push(format!("{:.1}", self.per_second));
        cells.extend((0..LATENCIES.len()).map(latency));
        cells.push(errors.join(", "));
        cells
    }
}

/// Shown as a table, with latencies in milliseconds.
pub(super) struct Summary {
    elapsed: Duration,
    runtimes: usize,
    concurrency: usize,
    rows: Vec<Row>,
    first_error: Option<ClientError>,
}

impl Summary {
    pub(super) fn first_error_if_nothing_succeeded(self) -> Option<ClientError> {
        self.first_error
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "duration_s": rounded(self.elapsed.as_secs_f64()),
            "runtimes": self.runtimes,
            "concurrency": self.concurrency,
            "operations": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { elapsed, runtimes, concurrency, .. } = self;
        let seconds = elapsed.as_secs_f64();
        writeln!(
            f,
            "{runtimes} runtimes, {concurrency} heartbeats at once, {seconds:.1} s; latencies in ms\n"
        )?;
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["OPERATION", "OK", "PER SECOND", "P50", "P90", "P99", "MAX", "ERRORS"]);
        for row in self.rows.iter().filter(|row| row.succeeded > 0 || !row.errors.is_empty()) {
            table.add_row(row.cells());
        }
        for column in table.column_iter_mut().skip(1).take(6) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        f.write_str(&table.trim_fmt())
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn refused(status: u16) -> ClientError {
        ClientError::Api { status, error: "no".to_owned() }
    }

    #[test]
    fn latencies_are_in_milliseconds() {
        let recorder = Recorder::default();
        for millis in 1..=100 {
            recorder.success(Operation::Poll, Duration::from_millis(millis));
        }
        let summary = recorder.summary(SECOND, 1, 1);
        let poll = &summary.to_json()["operations"][2];
        assert_eq!((&poll["operation"], &poll["succeeded"]), (&json!("poll"), &json!(100)));
        let p50 = poll["p50_ms"].as_f64().unwrap();
        assert!((p50 - 50.0).abs() < 0.1, "{p50}");
    }

    #[test]
    fn errors_are_counted_by_status() {
        let recorder = Recorder::default();
        recorder.success(Operation::Heartbeat, SECOND);
        recorder.error(Operation::Heartbeat, &refused(503));
        recorder.error(Operation::Heartbeat, &refused(503));
        let summary = recorder.summary(SECOND, 1, 1);
        assert_eq!(summary.to_json()["operations"][0]["errors"], json!({"503": 2}));
        assert!(summary.to_string().contains("2 × 503"), "{summary}");
        assert_eq!(summary.first_error_if_nothing_succeeded(), None);
    }

    #[test]
    fn first_heartbeat_error_remains_when_nothing_succeeded() {
        let recorder = Recorder::default();
        recorder.error(Operation::Heartbeat, &refused(401));
        recorder.error(Operation::Heartbeat, &refused(503));
        let error = recorder.summary(SECOND, 1, 1).first_error_if_nothing_succeeded();
        assert_eq!(error, Some(refused(401)));
    }
}
