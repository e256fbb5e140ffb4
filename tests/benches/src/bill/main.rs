//! The bill: counted units and measured times at the prices of `prices.toml`, compared with containers that are always on.
//!
//! Usage: `bill FOLDER`, with `counted_cost.jsonl`, `cold_start.jsonl` and `time_to_answer.jsonl` in it. Prints JSON.
//! It measures nothing. Prices and assumptions are in `prices.toml`.

mod containers;
mod doorbell;
mod prices;
mod results;
mod waiting;

use std::path::Path;

use doorbell_bench::emit;
use serde_json::{Value, json};

use doorbell::Doorbell;
use prices::Prices;
use results::Results;

type Error = Box<dyn std::error::Error>;

const RUNTIMES: [f64; 3] = [1e2, 1e4, 1e6];

/// The search for the break-even ends here.
const MAX_RUNTIMES: u32 = 10_000_000;

fn main() -> Result<(), Error> {
    let folder =
        std::env::args().nth(1).ok_or("usage: bill FOLDER, which holds the results of the benches")?;
    let prices = Prices::published()?;
    let results = Results::load(Path::new(&folder))?;
    let mut bill = bill(&Doorbell::new(&results, &prices)?, &prices);
    bill["waiting"] = waiting::compare(&results, &prices)?;
    emit(&bill);
    Ok(())
}

fn bill(doorbell: &Doorbell, prices: &Prices) -> Value {
    let month = prices.bill(&doorbell.runtime_month());
    let questions = prices.bill(&(doorbell.question * 1e3));
    let deployments = RUNTIMES.map(|runtimes| {
        json!({
            "runtimes": runtimes,
            "doorbell": doorbell.month(runtimes, prices),
            "containers": containers::month(runtimes, prices),
            "container_count": containers::count(runtimes, prices),
        })
    });
    json!({
        "currency": prices.currency,
        "region": prices.region,
        "read": prices.read,
        "runtime_month": month.total(),
        "thousand_questions": questions.total(),
        "lines": month.lines().zip(questions.lines())
            .map(|((line, month), (_, question))| json!({"line": line, "runtime_month": month, "thousand_questions": question}))
            .collect::<Vec<_>>(),
        "deployments": deployments,
        "break_even_runtimes": break_even(doorbell, prices),
    })
}

/// The smallest number of runtimes at which containers are cheaper.
fn break_even(doorbell: &Doorbell, prices: &Prices) -> Option<u32> {
    (1..=MAX_RUNTIMES).find(|runtimes| {
        let runtimes = f64::from(*runtimes);
        doorbell.month(runtimes, prices) > containers::month(runtimes, prices)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_cheaper_from_break_even() {
        let prices = Prices::published().unwrap();
        let doorbell = Doorbell::new(&Results::sample(), &prices).unwrap();
        let runtimes = f64::from(break_even(&doorbell, &prices).unwrap());
        let is_dearer = |runtimes| doorbell.month(runtimes, &prices) > containers::month(runtimes, &prices);
        assert!(is_dearer(runtimes) && !is_dearer(runtimes - 1.0), "{runtimes}");
    }
}
