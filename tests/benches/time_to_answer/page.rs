//! What came of it, as a section of `BENCHMARKS.md`.

use std::time::Duration;

use doorbell_bench::{Block, Figures, Plot, Scale, Section, Series, Spread, Table};

use crate::person::Answered;
use crate::plan::Plan;

/// The section, of rings by the interval of the beats.
pub(crate) fn section(plan: &Plan, answered: &[Vec<Answered>]) -> Section {
    let by_interval: Vec<_> = plan.seconds.iter().copied().zip(answered).collect();
    let blocks = vec![
        Block::Text(introduction(plan, answered)),
        Block::Table(wholes(&by_interval)),
        Block::Plot(plot(&by_interval)),
        Block::Text(shares(&by_interval)),
        Block::Table(parts(&by_interval)),
    ];
    Section { title: "Time to answer".to_owned(), blocks, figures: figures(&by_interval) }
}

type Rings<'r> = (u64, &'r Vec<Answered>);

fn introduction(plan: &Plan, answered: &[Vec<Answered>]) -> String {
    let rung = plan.seconds.len() * plan.daemons as usize * plan.rings as usize;
    let answered: usize = answered.iter().map(Vec::len).sum();
    format!(
        "From a person's ring to the models, in real time: the daemon and the API of `doorbell dev` in one process, over HTTP \
         on loopback, {} daemons for each interval at the same time. Their beats start at random, the rings are spread evenly. \
         The client polls every half second, as the web clients do. The agent answers at once; what a real one takes is on \
         top. {answered} of {rung} rings were answered.",
        plan.daemons,
    )
}

fn wholes(by_interval: &[Rings<'_>]) -> Table {
    let columns = ["beats", "rings", "p10 (s)", "p50 (s)", "p90 (s)", "p99 (s)", "max (s)"];
    let row = |(seconds, rings): &Rings<'_>| {
        let Spread { p10, median, p90, p99, max } = spread(rings, |ring| ring.whole);
        let times = [p10, median, p90, p99, max].map(|time| format!("{time:.2}"));
        [vec![every(*seconds), rings.len().to_string()], times.to_vec()].concat()
    };
    Table { columns: columns.map(str::to_owned).to_vec(), rows: by_interval.iter().map(row).collect() }
}

fn shares(by_interval: &[Rings<'_>]) -> String {
    let shares = by_interval
        .iter()
        .map(|(seconds, rings)| format!("{:.0} % at {seconds} s", waiting_share(rings) * 100.0))
        .collect::<Vec<_>>()
        .join(", ");
    format!(
        "Of all the time that people waited, the wait for the heartbeat was {shares}. A channel by which the server could \
         wake a daemon would take away this part and no other; it would be another line of the plot."
    )
}

fn parts(by_interval: &[Rings<'_>]) -> Table {
    let columns = [
        "beats",
        "waiting for the beat (s)",
        "work and report (s)",
        "waiting for the poll (s)",
        "share of the beat",
    ];
    let row = |(seconds, rings): &Rings<'_>| {
        vec![
            every(*seconds),
            spread(rings, |ring| ring.beat).to_string(),
            format!("{:.3}", spread(rings, |ring| ring.work)),
            spread(rings, |ring| ring.client()).to_string(),
            format!("{:.1} %", waiting_share(rings) * 100.0),
        ]
    };
    Table { columns: columns.map(str::to_owned).to_vec(), rows: by_interval.iter().map(row).collect() }
}

fn plot(by_interval: &[Rings<'_>]) -> Plot {
    let line = |(seconds, rings): &Rings<'_>| {
        let mut wholes: Vec<f64> = rings.iter().map(|ring| ring.whole.as_secs_f64()).collect();
        wholes.sort_by(f64::total_cmp);
        let answered = |place: usize| (place + 1) as f64 / rings.len() as f64;
        let points = wholes.iter().enumerate().map(|(place, whole)| (*whole, answered(place)));
        Series { name: format!("beats {}", every(*seconds)), points: points.collect() }
    };
    Plot {
        name: "time_to_answer".to_owned(),
        caption:
            "The share of rings that were answered within a time, by the interval of the daemon's beats."
                .to_owned(),
        x: "seconds since the ring".to_owned(),
        y: "share answered".to_owned(),
        x_scale: Scale::Linear,
        y_scale: Scale::Linear,
        series: by_interval.iter().map(line).collect(),
    }
}

fn figures(by_interval: &[Rings<'_>]) -> Figures {
    let mut figures = Figures::default();
    for (seconds, rings) in by_interval {
        let whole = spread(rings, |ring| ring.whole);
        let polls = rings.iter().map(|ring| f64::from(ring.polls)).sum::<f64>() / rings.len() as f64;
        figures.set(format!("answer_{seconds}s_p50_s"), whole.median);
        figures.set(format!("answer_{seconds}s_p99_s"), whole.p99);
        figures.set(format!("answer_{seconds}s_waiting_share"), waiting_share(rings));
        figures.set(format!("answer_{seconds}s_polls"), polls);
    }
    figures
}

fn every(seconds: u64) -> String {
    format!("every {seconds} s")
}

fn spread(rings: &[Answered], part: impl Fn(&Answered) -> Duration) -> Spread {
    Spread::of(rings.iter().map(|ring| part(ring).as_secs_f64()).collect())
}

/// Of the time that all of them took together.
fn waiting_share(rings: &[Answered]) -> f64 {
    let sum = |part: fn(&Answered) -> Duration| rings.iter().map(part).sum::<Duration>().as_secs_f64();
    sum(|ring| ring.beat) / sum(|ring| ring.whole)
}
