//! Doorbell's bill beside that of containers which are always on, and where one becomes cheaper than the other.

use doorbell_bench::{Block, Figures, Plot, Scale, Series, Table, number};

use super::containers;
use super::doorbell::{BEAT_S, Doorbell};
use super::prices::Prices;

/// How many runtimes a deployment is told of with.
const SIZES: [f64; 3] = [1e2, 1e4, 1e6];

/// A quarter of the heartbeats. Longer than a request waits for one, so it is for reckoning alone.
const SLOW_BEAT_S: f64 = 60.0;

/// Beyond this many runtimes nothing is looked for.
const MOST_RUNTIMES: u32 = 10_000_000;

/// Totals, plot and crossover, which is noted.
pub(super) fn blocks(doorbell: &Doorbell, prices: &Prices, noted: &mut Figures) -> Vec<Block> {
    let crossover = crossover(doorbell, BEAT_S, prices);
    noted.set("crossover_runtimes", crossover.map_or(f64::INFINITY, f64::from));
    let slow = self::crossover(doorbell, SLOW_BEAT_S, prices);
    vec![
        Block::Heading("Beside a server".to_owned()),
        Block::Text(alternative(prices)),
        Block::Table(totals(doorbell, prices)),
        Block::Text(format!(
            "At {BEAT_S} s beats {}, at {SLOW_BEAT_S} s {}. (At {SLOW_BEAT_S} s a request would lapse before its beat; it \
             shows what beats cost.) Each beat is paid for, and a server's are free until it is full.",
            said(crossover),
            said(slow),
        )),
        Block::Plot(plot(doorbell, prices)),
    ]
}

fn alternative(prices: &Prices) -> String {
    let has = &prices.containers;
    format!(
        "The alternative is at least {} containers of {} vCPU and {} GB with a Redis and its replica behind a load \
         balancer, all of it always on, and as many as it takes at an assumed {} requests a second for each vCPU. It is \
         reckoned kindly: without questions, logs, alarms, addresses and traffic between zones, and without \
         anybody's time. Doorbell's bill has its questions, logs, alarms and dashboard.",
        has.least,
        has.vcpu,
        has.memory_gb,
        number(has.requests_a_second_per_vcpu, 0),
    )
}

fn totals(doorbell: &Doorbell, prices: &Prices) -> Table {
    let row = |&runtimes: &f64| {
        let served = doorbell.month(runtimes, BEAT_S, prices);
        let (containers, count) =
            (containers::month(runtimes, BEAT_S, prices), containers::needed(runtimes, BEAT_S, prices));
        vec![
            number(runtimes, 0),
            number(runtimes / BEAT_S, 1),
            number(served.total(), 0),
            format!("{}, {} %", served.largest().0, number(served.largest().1 / served.total() * 100.0, 0)),
            number(containers.total(), 0),
            number(count, 0),
            containers.largest().0.to_owned(),
        ]
    };
    let columns = [
        "runtimes",
        "beats a second",
        "Doorbell ($ a month)",
        "its largest line",
        "containers ($ a month)",
        "how many",
        "their largest line",
    ];
    Table { columns: columns.map(str::to_owned).to_vec(), rows: SIZES.iter().map(row).collect() }
}

/// At how many runtimes the containers first cost less. They come in steps, so it need not stay so with a few more.
fn crossover(doorbell: &Doorbell, interval_s: f64, prices: &Prices) -> Option<u32> {
    (1..=MOST_RUNTIMES).find(|&runtimes| {
        let runtimes = f64::from(runtimes);
        let alternative = containers::month(runtimes, interval_s, prices);
        doorbell.month(runtimes, interval_s, prices).total() > alternative.total()
    })
}

fn said(crossover: Option<u32>) -> String {
    match crossover {
        Some(runtimes) => {
            format!("the containers first cost less at {} runtimes", number(runtimes.into(), 0))
        }
        None => "the containers never cost less".to_owned(),
    }
}

fn plot(doorbell: &Doorbell, prices: &Prices) -> Plot {
    let sizes = || (0..=24).map(|quarter| 10_f64.powf(f64::from(quarter) / 4.0));
    let line = |name: String, total: &dyn Fn(f64) -> f64| Series {
        name,
        points: sizes().map(|runtimes| (runtimes, total(runtimes))).collect(),
    };
    let served = |interval| move |runtimes| doorbell.month(runtimes, interval, prices).total();
    let contained = |interval| move |runtimes| containers::month(runtimes, interval, prices).total();
    Plot {
        name: "money".to_owned(),
        caption: "What a month costs by the number of runtimes, with Doorbell and with containers that are always on."
            .to_owned(),
        x: "runtimes".to_owned(),
        y: "dollars a month".to_owned(),
        x_scale: Scale::Logarithmic,
        y_scale: Scale::Logarithmic,
        series: vec![
            line(format!("Doorbell, {BEAT_S} s beats"), &served(BEAT_S)),
            line(format!("Doorbell, {SLOW_BEAT_S} s beats"), &served(SLOW_BEAT_S)),
            line(format!("containers, {BEAT_S} s beats"), &contained(BEAT_S)),
            line(format!("containers, {SLOW_BEAT_S} s beats"), &contained(SLOW_BEAT_S)),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::measured::Measured;
    use crate::money::round;

    #[test]
    fn the_crossover_is_the_first_size_at_which_the_containers_cost_less() {
        let figures = round::figures();
        let prices = Prices::published().unwrap();
        let doorbell = Doorbell::measured(&Measured(&[&figures]), &prices).unwrap();
        let crossover = f64::from(crossover(&doorbell, BEAT_S, &prices).unwrap());
        let dearer = |runtimes| {
            let served = doorbell.month(runtimes, BEAT_S, &prices).total();
            served > containers::month(runtimes, BEAT_S, &prices).total()
        };
        assert!(dearer(crossover) && !dearer(crossover - 1.0), "{crossover}");
    }
}
