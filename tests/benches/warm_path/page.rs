//! What the measurements come to, for a reader.

use doorbell_bench::{Block, Figures, Section, Table};

use crate::case::{CARRYING, Case};
use crate::own::{CONCURRENCIES, Own};
use crate::sdk::Measured;

/// Microseconds of our own that a call is to take at most, at the median.
const GOAL: f64 = 100.0;

pub(crate) fn section(own: &[Own], sdk: &Measured) -> Section {
    let blocks = vec![
        Block::Text(about_own()),
        Block::Table(own_table(own)),
        Block::Text(verdict(own)),
        Block::Heading("With the SDK".to_owned()),
        Block::Text(about_sdk(own, sdk)),
        Block::Table(sdk_table(sdk)),
    ];
    Section { title: "Warm path".to_owned(), blocks, figures: figures(own, sdk) }
}

fn about_own() -> String {
    let [alone, many] = CONCURRENCIES;
    format!(
        "What an invocation takes of our own code, without the store: from the bytes of API Gateway's event, through what \
         a function's `main` does with it, to the bytes of the answer, with the log line and the metrics, which are thrown \
         away. The store is the one in memory, and what each of its operations takes is subtracted from the very call that \
         made it. A call counts while it is at work on a core, and not while it waits for a turn: every operation of the store \
         lets the others go first. {alone} at a time is what Lambda hands a process; {many} at a time, on all cores, is a \
         busy `doorbell dev`, and shows what calls cost each other in locks, allocations and caches."
    )
}

fn own_table(own: &[Own]) -> Table {
    let columns =
        CONCURRENCIES.iter().flat_map(|at| [format!("p50 at {at}, µs"), format!("p99 at {at}, µs")]);
    Table {
        columns: std::iter::once("call".to_owned()).chain(columns).collect(),
        rows: own.iter().map(own_row).collect(),
    }
}

fn own_row(own: &Own) -> Vec<String> {
    let cells = own.at.iter().flat_map(|spread| [format!("{spread:.1}"), format!("{:.1}", spread.p99)]);
    std::iter::once(own.case.name()).chain(cells).collect()
}

/// Whether the goal is met, by the cases that it is about.
fn verdict(own: &[Own]) -> String {
    let (carrying, usual): (Vec<_>, Vec<_>) = own.iter().partition(|own| CARRYING.contains(&own.case));
    let over: Vec<_> = usual.iter().filter(|own| own.at.iter().any(|at| at.median > GOAL)).collect();
    let met = match over.as_slice() {
        [] => "is met by all of them".to_owned(),
        over => format!("is missed by {}", names(over.iter().map(|own| own.case))),
    };
    format!(
        "The goal is at most {GOAL:.0} µs at the median, for each function's usual calls, and {met}. {} carry a large catalog, \
         and grow with it.",
        names(carrying.iter().map(|own| own.case))
    )
}

fn names(cases: impl Iterator<Item = Case>) -> String {
    cases.map(|case| format!("*{}*", case.name())).collect::<Vec<_>>().join(", ")
}

fn about_sdk(own: &[Own], sdk: &Measured) -> String {
    let name = sdk.cases[0].case.name();
    // Of two measurements one after the other, so it is told only where there is something to tell.
    let colder = match sdk.cases[0].own.median / own[0].at[0].median {
        times if times > 1.1 => format!(
            " Our own part of *{name}* is {times:.1} times what it is above, where it was measured by itself: between two \
             calls the caches are the SDK's and the engine's here, and ours there."
        ),
        _ => String::new(),
    };
    format!(
        "The same calls, one at a time, with the real SDK on the embedded engine. *Store* is what the SDK and our use of it \
         take, retries, signing and JSON included, without the engine. The last column is our own and the store's time \
         together beside a bare `UpdateItem` of the SDK, like a heartbeat's in its expressions and the size of its item, \
         with nothing of ours around: {:.1} µs without the engine. The two were measured in turn. A call that asks DynamoDB \
         several times takes several times the SDK's time.{colder}",
        sdk.bare,
    )
}

fn sdk_table(sdk: &Measured) -> Table {
    let rows = sdk.cases.iter().map(|row| {
        let ratio = row.both.median / sdk.bare.median;
        vec![row.case.name(), format!("{:.1}", row.own), format!("{:.1}", row.store), format!("{ratio:.2}")]
    });
    Table {
        columns: ["call", "own, µs", "store, µs", "bare calls"].map(str::to_owned).into(),
        rows: rows.collect(),
    }
}

fn figures(own: &[Own], sdk: &Measured) -> Figures {
    let mut figures = Figures::default();
    let usual = own.iter().filter(|own| !CARRYING.contains(&own.case));
    figures.set("own_us_p50_worst", usual.map(|own| own.at[0].median).fold(0.0, f64::max));
    for own in own.iter().filter(|own| own.case == Case::IdleHeartbeat) {
        let [alone, many] = own.at;
        figures.set("own_us_p50_heartbeat", alone.median);
        figures.set("own_us_p99_heartbeat", alone.p99);
        figures.set("own_us_p50_heartbeat_at_64", many.median);
    }
    for row in sdk.cases.iter().filter(|row| row.case == Case::IdleHeartbeat) {
        figures.set("heartbeat_to_bare_sdk_call", row.both.median / sdk.bare.median);
    }
    figures.set("bare_sdk_call_us_p50", sdk.bare.median);
    figures
}
