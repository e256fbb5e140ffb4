//! The results of the benches that the bill needs.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Error;

/// The models in a report whose cost is billed.
const MODELS: u64 = 20;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) calls: f64,
    pub(crate) write_units: f64,
    pub(crate) read_units: f64,
    pub(crate) report_bytes: f64,
}

pub(crate) struct Results {
    counted: HashMap<String, Counted>,
    warm_ms: HashMap<String, f64>,
    /// Polls per answer, with heartbeats every 15 s.
    pub(crate) polls: f64,
}

impl Results {
    pub(crate) fn load(folder: &Path) -> Result<Self, Error> {
        let read =
            |file: &str| fs::read_to_string(folder.join(file)).map_err(|error| format!("{file}: {error}"));
        let lines = |file: &str| -> Result<Vec<Value>, Error> {
            Ok(read(file)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
        };
        let counted = lines("counted_cost.jsonl")?
            .iter()
            .filter(|result| result["varied"] == "models" && result["value"] == MODELS)
            .map(|result| (text(&result["operation"]), counted(result)))
            .collect();
        let cold_starts = lines("cold_start.jsonl")?;
        let warm_ms = cold_starts.iter().map(|start| (text(&start["function"]), number(&start["warm_ms"])));
        let times = lines("time_to_answer.jsonl")?;
        let at_15_s = times.first().ok_or("time_to_answer.jsonl is empty")?;
        let succeeded = |name: &str| {
            let operations = at_15_s["operations"].as_array().into_iter().flatten();
            operations
                .filter(|row| row["operation"] == name)
                .map(|row| number(&row["succeeded"]))
                .sum::<f64>()
        };
        let polls = succeeded("poll") / succeeded("ring to answer");
        Ok(Self { counted, warm_ms: warm_ms.collect(), polls })
    }

    pub(crate) fn counted(&self, operation: &str) -> Result<Counted, Error> {
        Ok(*self.counted.get(operation).ok_or_else(|| format!("{operation} was not counted"))?)
    }

    pub(crate) fn warm_ms(&self, function: &str) -> Result<f64, Error> {
        Ok(*self.warm_ms.get(function).ok_or_else(|| format!("no warm call of {function} was measured"))?)
    }

    /// Counts of the design, warm calls of 6 ms, and 17 polls per answer.
    #[cfg(test)]
    pub(crate) fn sample() -> Self {
        let counted = [
            ("initiate", 2.0, 2.0, 0.0),
            ("poll", 1.0, 0.0, 1.0),
            ("poll_result", 1.0, 0.0, 1.0),
            ("heartbeat_idle", 1.0, 1.0, 0.0),
            ("heartbeat_work", 2.0, 2.0, 0.0),
            ("report", 2.0, 2.0, 0.0),
            ("authorizer", 1.0, 0.0, 1.0),
        ];
        let counted = counted.map(|(operation, calls, write_units, read_units)| {
            (operation.to_owned(), Counted { calls, write_units, read_units, report_bytes: 10_000.0 })
        });
        let functions = ["initiate", "poll", "heartbeat", "report", "authorizer"];
        let warm_ms = functions.map(|function| (function.to_owned(), 6.0));
        Self { counted: counted.into(), warm_ms: warm_ms.into(), polls: 17.0 }
    }
}

fn counted(result: &Value) -> Counted {
    Counted {
        calls: result["calls"].as_array().map_or(0.0, |calls| calls.len() as f64),
        write_units: number(&result["write_units"]),
        read_units: number(&result["read_units"]),
        report_bytes: number(&result["report_bytes"]),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// NaN if missing, so that no total hides a missing result.
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}
