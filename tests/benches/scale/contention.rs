//! Many heartbeats of one runtime at once, and one request: what the losers pay.
//!
//! On the embedded engine a call runs inline, and heartbeats would come one after another. So each call takes a while, of
//! virtual time: others come between it and the next, in an order that is drawn anew each round from a fixed seed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorbell_bench::{Block, Effort, Figures, Plot, Scale, Series, Spread, Table};
use doorbell_shared::http::Backend;
use doorbell_shared::limits::ATTENTION;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{Call, EmbeddedDynamoDb, Meter, Passage, Tap};
use doorbell_tests::TestClock;
use fastrand::Rng;
use futures_util::future::join_all;

use crate::ringing::Ringing;

/// What a call of DynamoDB takes, in milliseconds: far apart enough for any order.
const CALL_MS: std::ops::Range<u64> = 2..10;
/// Over so long heartbeats begin, in milliseconds: in the same moment, and as two daemons that do not know of each other.
const BEGIN_WITHIN_MS: [u64; 2] = [1, 100];
const HEARTBEATS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// What a heartbeat that is handed a request calls, beyond an idle one: the look and the claim.
const WORK: usize = 2;

/// Counts, and delays.
#[derive(Debug)]
struct Network {
    meter: Meter,
    random: Mutex<Rng>,
}

impl Tap for Network {
    fn pass(&self, _operation: &str) -> Passage {
        Passage::Delayed(Duration::from_millis(self.draw(CALL_MS)))
    }

    fn answered(&self, call: Call) {
        self.meter.answered(call);
    }
}

impl Network {
    fn draw(&self, range: std::ops::Range<u64>) -> u64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).u64(range)
    }
}

/// What a round came to.
#[derive(Clone, Copy)]
struct Round {
    winners: usize,
    calls: usize,
    read_units: f64,
    /// As DynamoDB charges: a refused write like any other, though no answer says so.
    write_units: f64,
}

struct Row {
    heartbeats: usize,
    rounds: Vec<Round>,
}

pub(crate) async fn measure(effort: Effort, figures: &mut Figures) -> Vec<Block> {
    let mut spread = Vec::new();
    for within in BEGIN_WITHIN_MS {
        let mut rows = Vec::new();
        for &heartbeats in effort.pick(&HEARTBEATS[..], &HEARTBEATS[..3]) {
            rows.push(Row { heartbeats, rounds: rounds(heartbeats, within, effort.pick(100, 1)).await });
        }
        spread.push((within, rows));
    }
    let [(_, at_once), _] = &spread[..] else { return Vec::new() };
    for row in at_once {
        figures.set(format!("wasted_calls_at_{}_heartbeats", row.heartbeats), row.wasted().median);
    }
    let mut blocks =
        vec![Block::Heading("Heartbeats of one runtime at once".to_owned()), Block::Text(about(&spread))];
    blocks.extend(spread.iter().flat_map(|(within, rows)| {
        [Block::Text(format!("Begun within {within} ms:")), Block::Table(table(rows))]
    }));
    blocks.push(Block::Plot(plot(&spread)));
    blocks
}

async fn rounds(heartbeats: usize, within: u64, rounds: usize) -> Vec<Round> {
    let network = Arc::new(Network { meter: Meter::default(), random: Mutex::new(Rng::with_seed(7)) });
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let clock = Arc::new(TestClock::default());
    let store = engine.store_through(Arc::<Network>::clone(&network));
    let backend: Backend<DynamoDbStore> =
        Backend { clock: Arc::<TestClock>::clone(&clock), ..Backend::new(store) };
    let ringing = Ringing::new(&backend, "daemon").await;
    let mut counted = Vec::new();
    for _ in 0..rounds {
        // Past what a look reads, so that a round costs what the first one does.
        clock.advance(ATTENTION);
        ringing.beat().await;
        let request = ringing.ring().await;
        network.meter.take();
        let beats = (0..heartbeats).map(|_| async {
            tokio::time::sleep(Duration::from_millis(network.draw(0..within))).await;
            ringing.beat().await
        });
        let won = join_all(beats).await;
        counted.push(Round::of(won.into_iter().filter(|won| *won).count(), &network.meter.take()));
        // Or it would be handed out again in a later round.
        ringing.answer(request).await;
    }
    counted
}

impl Round {
    fn of(winners: usize, calls: &[Call]) -> Self {
        let reads = calls.iter().filter(|call| call.operation == "Query").map(|call| call.units);
        let writes = calls.iter().filter(|call| call.operation != "Query").map(|call| call.units.max(1.0));
        Self { winners, calls: calls.len(), read_units: reads.sum(), write_units: writes.sum() }
    }
}

impl Row {
    fn of(&self, count: impl Fn(&Round) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(count).collect())
    }

    /// Calls beyond those of one heartbeat with work and of others that do not look.
    fn wasted(&self) -> Spread {
        self.of(|round| round.calls.saturating_sub(self.heartbeats + WORK) as f64)
    }

    fn cells(&self) -> Vec<String> {
        let winners = self.of(|round| round.winners as f64);
        let fewest = self.rounds.iter().map(|round| round.winners).min().unwrap_or_default();
        let (reads, writes) = (self.of(|round| round.read_units), self.of(|round| round.write_units));
        vec![
            self.heartbeats.to_string(),
            format!("{fewest} to {:.0}", winners.max),
            format!("{:.0}", self.of(|round| round.calls as f64)),
            format!("{:.0}", self.wasted()),
            format!("{reads:.0}"),
            format!("{writes:.0}"),
        ]
    }
}

fn table(rows: &[Row]) -> Table {
    let columns =
        ["heartbeats", "winners, fewest to most", "calls", "wasted calls", "read units", "write units"];
    Table { columns: columns.map(str::to_owned).into(), rows: rows.iter().map(Row::cells).collect() }
}

fn about(spread: &[(u64, Vec<Row>)]) -> String {
    let rounds = || spread.iter().flat_map(|(_, rows)| rows).flat_map(|row| &row.rounds);
    let decided = rounds().filter(|round| round.winners == 1).count();
    format!(
        "Heartbeats of one runtime with one request that waits, on the embedded engine, where each call takes {} to {} ms of \
         virtual time, so that calls of different heartbeats come in any order. Of {} rounds {decided} had one winner. \
         *Wasted* are the calls that come on top of one heartbeat with work and others that do not look: looks that found \
         nothing to win, and lost claims. All of them look, whenever they come, because a ring draws attention for as long as \
         the request may be open; what can be saved is a claim, by those who look after another's claim.",
        CALL_MS.start,
        CALL_MS.end - 1,
        rounds().count(),
    )
}

fn plot(spread: &[(u64, Vec<Row>)]) -> Plot {
    let series = spread.iter().map(|(within, rows)| Series {
        name: format!("begun within {within} ms"),
        points: rows.iter().map(|row| (row.heartbeats as f64, row.wasted().median)).collect(),
    });
    Plot {
        name: "scale_contention".to_owned(),
        caption: "Calls of DynamoDB that came to nothing, against heartbeats of one runtime at once"
            .to_owned(),
        x: "heartbeats at once".to_owned(),
        y: "wasted calls".to_owned(),
        x_scale: Scale::Linear,
        y_scale: Scale::Linear,
        series: series.collect(),
    }
}
