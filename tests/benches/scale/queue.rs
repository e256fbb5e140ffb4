//! What a heartbeat that finds work takes, however long the queue is and however much of it was answered.

use std::sync::Arc;
use std::time::Duration;

use doorbell_bench::{Block, Effort, Figures, Plot, Scale, Series, Spread, Table};
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::Backend;
use doorbell_shared::limits::{PENDING_DEADLINE, RING_BURST, RING_INTERVAL};
use doorbell_shared::store::Store;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::memory::MemoryStore;
use doorbell_tests::TestClock;

use crate::ringing::Ringing;

/// Longer than anything that is still open may be old.
const LONG_AGO: Duration = Duration::from_secs(120);

/// What is in a runtime's partition.
#[derive(Clone, Copy)]
struct Queue {
    open: usize,
    /// Just now.
    answered: usize,
    /// Of what nothing can be open any more.
    dead: usize,
}

struct Row {
    queue: Queue,
    /// Microseconds of a heartbeat.
    memory: Spread,
    embedded: Spread,
}

/// As many as the pace lets be open, with none of them lapsed.
fn deepest() -> usize {
    RING_BURST as usize + (PENDING_DEADLINE.as_secs() / RING_INTERVAL.as_secs()) as usize - 1
}

fn queues() -> Vec<Queue> {
    let queue = |open, answered, dead| Queue { open, answered, dead };
    vec![queue(1, 0, 0), queue(10, 0, 0), queue(deepest(), 0, 0), queue(1, 50, 0), queue(1, 0, 60)]
}

pub(crate) async fn measure(effort: Effort, figures: &mut Figures) -> Vec<Block> {
    let mut rows = Vec::new();
    for queue in queues() {
        let memory = samples(queue, effort, async || MemoryStore::default()).await;
        let embedded = async || EmbeddedDynamoDb::start().await.unwrap().store();
        rows.push(Row { queue, memory, embedded: samples(queue, effort, embedded).await });
    }
    figures.set("pop_embedded_us_1_open", rows[0].embedded.median);
    figures.set("pop_embedded_us_deepest", rows[2].embedded.median);
    vec![
        Block::Heading("Collecting from a long queue".to_owned()),
        Block::Text(about(&rows)),
        Block::Table(table(&rows)),
        Block::Plot(plot(&rows)),
    ]
}

/// Each on a runtime of its own, of a store that holds nothing else.
async fn samples<S: Store>(queue: Queue, effort: Effort, store: impl AsyncFn() -> S) -> Spread {
    let mut samples = Vec::new();
    let clock = Arc::new(TestClock::default());
    let backend = Backend { clock: Arc::<TestClock>::clone(&clock), ..Backend::new(store().await) };
    for number in 0..effort.pick(100, 1) {
        let ringing = Ringing::new(&backend, &format!("daemon-{number}")).await;
        fill(&ringing, &clock, queue).await;
        let started = Stopwatch::start();
        let found = ringing.beat().await;
        samples.push(started.elapsed().as_secs_f64() * 1e6);
        assert!(found, "nothing was found");
        // Past everything's retention, so that the memory store has nothing else to go through.
        clock.advance(2 * LONG_AGO);
    }
    Spread::of(samples)
}

async fn fill<S: Store>(ringing: &Ringing<'_, S>, clock: &TestClock, Queue { open, answered, dead }: Queue) {
    for _ in 0..dead {
        ringing.answer(ringing.ring().await).await;
    }
    if dead > 0 {
        clock.advance(LONG_AGO);
        ringing.beat().await;
    }
    for _ in 0..answered {
        ringing.answer(ringing.ring().await).await;
    }
    for number in 0..open {
        if number + answered >= RING_BURST as usize {
            clock.advance(RING_INTERVAL);
        }
        ringing.ring().await;
    }
}

fn about(rows: &[Row]) -> String {
    let times = |of: fn(&Row) -> &Spread| of(&rows[2]).median / of(&rows[0]).median;
    format!(
        "A heartbeat that finds work, in this process, with all that it does: the sign of life, the look and the claim. The \
         pace of rings and the 30 s after which a request lapses let {} be open at most. *Answered* were asked and answered \
         just before, and the look reads them; *dead* were asked two minutes before, and are out of its range. From one open \
         request to the most, a heartbeat takes {:.2} times as long on the memory store and {:.2} times on the embedded one.",
        deepest(),
        times(|row| &row.memory),
        times(|row| &row.embedded),
    )
}

fn table(rows: &[Row]) -> Table {
    let columns = ["open", "answered", "dead", "memory, µs", "embedded, µs"];
    let rows = rows.iter().map(|Row { queue: Queue { open, answered, dead }, memory, embedded }| {
        vec![
            open.to_string(),
            answered.to_string(),
            dead.to_string(),
            format!("{memory:.1}"),
            format!("{embedded:.0}"),
        ]
    });
    Table { columns: columns.map(str::to_owned).into(), rows: rows.collect() }
}

fn plot(rows: &[Row]) -> Plot {
    let series = |name: &str, of: fn(&Row) -> &Spread| Series {
        name: name.to_owned(),
        points: rows[..3].iter().map(|row| (row.queue.open as f64, of(row).median)).collect(),
    };
    Plot {
        name: "scale_queue".to_owned(),
        caption: "What a heartbeat that finds work takes, against the open requests of its runtime"
            .to_owned(),
        x: "open requests".to_owned(),
        y: "µs".to_owned(),
        x_scale: Scale::Logarithmic,
        y_scale: Scale::Linear,
        series: vec![series("memory", |row| &row.memory), series("embedded", |row| &row.embedded)],
    }
}
