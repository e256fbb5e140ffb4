//! One `doorbell dev` with more and more runtimes: heartbeats a second, and memory.

use std::time::Duration;

use doorbell_bench::{Block, Effort, Figures, Plot, Scale, Series, Table};
use doorbell_shared::limits::ONLINE_WINDOW;

use crate::crowd::{CONNECTIONS, Crowd, Served};
use crate::server::Server;

/// As `--store` spells them.
const STORES: [&str; 2] = ["memory", "embedded"];
/// How often a daemon beats, as existing ones do: a runtime is online for three of these.
const BEAT: Duration = Duration::from_secs(ONLINE_WINDOW.as_secs() / 3);
/// The number of runtimes that the figures are of.
const TYPICAL: usize = 10_000;

/// With so many runtimes.
struct Point {
    runtimes: usize,
    /// On as many connections as are served at once.
    crowded: Served,
    /// On one.
    alone: Served,
    resident: f64,
}

/// What both stores come to.
pub(crate) async fn measure(effort: Effort, figures: &mut Figures) -> Vec<Block> {
    let mut stores = Vec::new();
    for store in STORES {
        stores.push((store, points(store, effort).await));
    }
    for (store, points) in &stores {
        note(figures, store, points);
    }
    let tables = stores.iter().flat_map(|(store, points)| {
        [Block::Heading(format!("Heartbeats on the {store} store")), Block::Table(table(points))]
    });
    let mut blocks = vec![Block::Text(about())];
    blocks.extend(tables);
    blocks.push(Block::Plot(plot(&stores)));
    blocks.extend(stores.iter().map(|(store, points)| Block::Text(what_it_means(store, points))));
    blocks
}

async fn points(store: &str, effort: Effort) -> Vec<Point> {
    let server = Server::start(store).await;
    let mut crowd = Crowd::new(&server);
    let counts: &[usize] = effort.pick(&[1, 10, 100, 1_000, 10_000, 100_000], &[1, 100]);
    let mut points = Vec::new();
    for &runtimes in counts {
        crowd.grow(runtimes).await;
        let alone = crowd.beat(1, effort.pick(1.0, 0.1)).await;
        let crowded = crowd.beat(CONNECTIONS, effort.pick(4.0, 0.2)).await;
        points.push(Point { runtimes, crowded, alone, resident: server.resident() });
    }
    points
}

fn about() -> String {
    format!(
        "`doorbell dev` as a process of its own, over HTTP on loopback, with connections that are kept alive. Runtimes are \
         registered over HTTP too, and beats go round them. {CONNECTIONS} connections make one call after the other, \
         as many as `doorbell dev` serves at once; the latency in that crowd is for the most part waiting for a turn, and the \
         last but one column is that of a single connection. The clients run on the same cores, and take their share of them: \
         time on a core is the server's alone, and does not depend on that. It turns calls away with 503 when there is more \
         to do than it serves; those are counted apart. Rates are the median of eighths of the measurement."
    )
}

fn table(points: &[Point]) -> Table {
    let columns = [
        "runtimes",
        "heartbeats/s",
        "p50, ms",
        "p99, ms",
        "shed",
        "server's core time each, µs",
        "p50 alone, ms",
        "resident, MB",
    ];
    let rows = points.iter().map(|Point { runtimes, crowded, alone, resident }| {
        vec![
            runtimes.to_string(),
            format!("{:.0}", crowded.rate),
            format!("{:.2}", crowded.latency.median),
            format!("{:.2}", crowded.latency.p99),
            (crowded.shed + alone.shed).to_string(),
            format!("{:.0}", crowded.on_core),
            format!("{:.2}", alone.latency.median),
            format!("{:.1}", resident / 1e6),
        ]
    });
    Table { columns: columns.map(str::to_owned).into(), rows: rows.collect() }
}

fn plot(stores: &[(&str, Vec<Point>)]) -> Plot {
    let series = stores.iter().map(|(store, points)| Series {
        name: (*store).to_owned(),
        points: points.iter().map(|point| (point.runtimes as f64, point.crowded.rate.median)).collect(),
    });
    Plot {
        name: "scale_heartbeats".to_owned(),
        caption: "Heartbeats a second that one `doorbell dev` serves, against the runtimes that it knows"
            .to_owned(),
        x: "runtimes".to_owned(),
        y: "heartbeats/s".to_owned(),
        x_scale: Scale::Logarithmic,
        y_scale: Scale::Linear,
        series: series.collect(),
    }
}

fn what_it_means(store: &str, points: &[Point]) -> String {
    let typical = typical(points);
    let (rate, each) = (typical.crowded.rate.median, bytes_per_runtime(points));
    let beat = BEAT.as_secs();
    format!(
        "With {} runtimes on the {store} store, {rate:.0} heartbeats/s at {beat} s a beat are those of {:.0} runtimes. A \
         runtime takes {each:.0} bytes: what {} of them made the process grow by, divided.",
        typical.runtimes,
        rate * BEAT.as_secs_f64(),
        points[points.len() - 1].runtimes,
    )
}

/// The point that is nearest to [`TYPICAL`].
fn typical(points: &[Point]) -> &Point {
    points.iter().rev().find(|point| point.runtimes <= TYPICAL).unwrap()
}

fn bytes_per_runtime(points: &[Point]) -> f64 {
    let (first, last) = (&points[0], &points[points.len() - 1]);
    (last.resident - first.resident) / (last.runtimes - first.runtimes) as f64
}

fn note(figures: &mut Figures, store: &str, points: &[Point]) {
    let Served { rate, on_core, .. } = &typical(points).crowded;
    figures.set(format!("dev_{store}_heartbeats_per_s"), rate.median);
    figures.set(format!("dev_{store}_runtimes_at_15_s"), rate.median * BEAT.as_secs_f64());
    figures.set(format!("dev_{store}_core_us_per_heartbeat"), *on_core);
    figures.set(format!("dev_{store}_bytes_per_runtime"), bytes_per_runtime(points));
}
