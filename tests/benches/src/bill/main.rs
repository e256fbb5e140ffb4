//! The bill: counted units and measured times at the prices of `prices.toml`, compared with containers that are always on.
//!
//! Usage: `bill FOLDER`, with `counted_cost.jsonl`, `cold_start.jsonl` and `time_to_answer.jsonl` in it. Prints JSON.
//! It measures nothing. Prices and assumptions are in `prices.toml`.

mod containers;
mod doorbell;
mod prices;
mod push;
mod results;
mod sockets;
mod waiting;

use std::path::Path;

use doorbell_bench::emit;
use serde_json::{Value, json};

use doorbell::{Doorbell, HEARTBEAT_S, Month, Usage};
use prices::{Bill, Prices};
use push::Pushed;
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
    let doorbell = Doorbell::new(&results, &prices)?;
    let mut bill = bill(&doorbell, &Pushed::new(&doorbell, &results, &prices)?, &prices);
    bill["unconfirmed"] = json!(push::unconfirmed(&results, prices.push.longest_interval_s())?);
    bill["waiting"] = waiting::compare(&results, &prices)?;
    emit(&bill);
    Ok(())
}

fn bill(doorbell: &Doorbell, pushed: &Pushed<'_>, prices: &Prices) -> Value {
    let plans = plans(doorbell, pushed, prices);
    let dollars = |usage: Usage| prices.bill(&usage);
    let columns = [
        dollars(doorbell.month(1.0, prices).idle()),
        dollars(pushed.month(prices.push.longest_interval_s(), 1.0).idle()),
        dollars(doorbell.question * 1e3),
        dollars(pushed.question() * 1e3),
    ];
    let lines = columns[0].lines().enumerate().map(|(place, (line, _))| {
        let of = |bill: &Bill| bill.lines().nth(place).map(|(_, dollars)| dollars);
        json!({"line": line, "dollars": columns.each_ref().map(of)})
    });
    json!({
        "currency": prices.currency,
        "region": prices.region,
        "read": prices.read,
        "lines": lines.collect::<Vec<_>>(),
        "totals": columns.each_ref().map(Bill::total),
        "plans": plans.iter().map(|plan| plan.row(prices)).collect::<Vec<_>>(),
    })
}

/// Daemons with the same number of runtimes and the same interval.
struct Plan {
    heartbeat_s: f64,
    is_pushed: bool,
    runtimes_a_daemon: f64,
    month: Month,
}

/// Without push, then with push by interval.
fn plans(doorbell: &Doorbell, pushed: &Pushed<'_>, prices: &Prices) -> Vec<Plan> {
    let push = &prices.push;
    let plain = push.runtimes_a_daemon.iter().map(|runtimes| Plan {
        heartbeat_s: HEARTBEAT_S,
        is_pushed: false,
        runtimes_a_daemon: *runtimes,
        month: doorbell.month(*runtimes, prices),
    });
    let with_push = push.intervals_s.iter().flat_map(|interval| {
        push.runtimes_a_daemon.iter().map(|runtimes| Plan {
            heartbeat_s: *interval,
            is_pushed: true,
            runtimes_a_daemon: *runtimes,
            month: pushed.month(*interval, *runtimes),
        })
    });
    plain.chain(with_push).collect()
}

impl Plan {
    fn row(&self, prices: &Prices) -> Value {
        let dollars = |usage: Usage| prices.bill(&usage).total();
        let Month { connection, reconnects, heartbeats, questions } = self.month;
        let deployments = RUNTIMES.map(|runtimes| {
            json!({
                "runtimes": runtimes,
                "doorbell": self.month.deployment(runtimes, prices),
                "containers": self.containers(runtimes, prices),
                "sockets": self.sockets(runtimes, prices),
            })
        });
        json!({
            "heartbeat_s": self.heartbeat_s,
            "pushed": self.is_pushed,
            "runtimes_a_daemon": self.runtimes_a_daemon,
            "connection": dollars(connection),
            "reconnects": dollars(reconnects),
            "heartbeats": dollars(heartbeats),
            "questions": dollars(questions),
            "together": dollars(self.month.idle() + questions),
            "deployments": deployments,
            "containers_cheaper_from": self.dearer_from(prices, Self::containers),
            "sockets_cheaper_from": self.dearer_from(prices, Self::sockets),
        })
    }

    /// With heartbeats of whole daemons over HTTP.
    fn containers(&self, runtimes: f64, prices: &Prices) -> f64 {
        containers::month(runtimes / self.runtimes_a_daemon, prices)
    }

    fn sockets(&self, runtimes: f64, prices: &Prices) -> f64 {
        sockets::month(runtimes / self.runtimes_a_daemon, runtimes, prices)
    }

    /// The smallest number of runtimes at which an alternative is cheaper.
    fn dearer_from(&self, prices: &Prices, alternative: impl Fn(&Self, f64, &Prices) -> f64) -> Option<u32> {
        (1..=MAX_RUNTIMES).find(|runtimes| {
            let runtimes = f64::from(*runtimes);
            self.month.deployment(runtimes, prices) > alternative(self, runtimes, prices)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_cheaper_from_break_even() {
        let prices = Prices::published().unwrap();
        let results = Results::sample();
        let doorbell = Doorbell::new(&results, &prices).unwrap();
        let pushed = Pushed::new(&doorbell, &results, &prices).unwrap();
        for plan in plans(&doorbell, &pushed, &prices) {
            let from = f64::from(plan.dearer_from(&prices, Plan::sockets).unwrap());
            let is_dearer =
                |runtimes| plan.month.deployment(runtimes, &prices) > plan.sockets(runtimes, &prices);
            assert!(is_dearer(from) && !is_dearer(from - 1.0), "{from}");
        }
    }
}
