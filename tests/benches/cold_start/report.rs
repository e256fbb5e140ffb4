//! What is said of the starts: a table of what there is, one of what there was, and how the times are spread.

use doorbell_bench::{Block, Figures, Plot, Scale, Section, Series, Table};

use crate::binaries::EMPTY;
use crate::record::{Measured, Record};
use crate::summary::Summary;
use crate::{Result, goals};

/// The functions of the plot, beside the empty one: the one that is called most, and the largest.
const PLOTTED: [&str; 3] = [EMPTY, "heartbeat", "authorizer"];

/// The section, of this run beside the one that is kept.
pub(crate) fn section(now: &Record, before: &Record) -> Result<Section> {
    let (functions, earlier) = (Summary::of_all(now)?, Summary::of_all(before)?);
    let mut blocks =
        vec![Block::Text(method(now)), Block::Table(table(&functions)), Block::Text(reading(now))];
    blocks.push(Block::Heading("Goals".to_owned()));
    blocks.extend(goals::blocks(&functions));
    blocks.push(Block::Heading("Before and now".to_owned()));
    blocks.push(Block::Text(comparison(now, before, &functions, &earlier)));
    blocks.push(Block::Table(before_and_now(&functions, &earlier)));
    blocks.push(Block::Plot(plot(now, before)?));
    Ok(Section { title: "Cold start".to_owned(), blocks, figures: figures(&functions) })
}

fn method(now: &Record) -> String {
    let rounds = now.functions.first().map_or(0, |function| function.init_ms.len());
    format!(
        "Each function's release binary under Lambda's runtime interface emulator, without a container, and an empty \
         `lambda_http` function built with the same profile; {rounds} rounds, in each of which every binary is started \
         once. DynamoDB is the embedded engine behind HTTPS on loopback, which the functions trust by a bundle of \
         Amazon's roots and one more. Medians, with the tenths around them."
    )
}

fn reading(now: &Record) -> String {
    let processor = &now.processor;
    format!(
        "*Init* is from starting the process until it asks for its first event; *× empty* is that as a multiple of the \
         empty function's in the same round. A *call* is from handing out the event until the function asks for the next, \
         which is what Lambda bills; the first one makes the connection to DynamoDB. *Answer* is init and first call \
         together. The other calls are warm: their median in each start. *Peak* is the most memory that the process has \
         had by then, the pages of the binary included, in MB of 1,048,576 bytes, as Lambda counts them. *Zip* is what \
         the deployment package has, deflated at the usual level. The binary is in the page cache, DynamoDB is no distance \
         away, and the processor ({processor}) is whole, where Lambda gives a share: compare, and do not expect these times there."
    )
}

fn table(functions: &[Summary<'_>]) -> Table {
    let columns = [
        "function",
        "init, ms",
        "× empty",
        "first call, ms",
        "answer, ms",
        "warm call, ms",
        "peak, MB",
        "binary, bytes",
        "zip, bytes",
    ];
    let row = |function: &Summary<'_>| {
        vec![
            function.name().to_owned(),
            format!("{:.1}", function.init_ms),
            format!("{:.2}", function.init_ratio),
            format!("{:.1}", function.first_ms),
            format!("{:.1}", function.answer_ms),
            format!("{:.2}", function.warm_ms),
            format!("{:.2}", function.peak_mb.median),
            function.measured.binary_bytes.to_string(),
            function.measured.zip_bytes.to_string(),
        ]
    };
    Table { columns: columns.map(str::to_owned).to_vec(), rows: functions.iter().map(row).collect() }
}

/// Says what the two runs have in common, and what has become of the slowest start.
fn comparison(now: &Record, before: &Record, functions: &[Summary<'_>], earlier: &[Summary<'_>]) -> String {
    let machine = if now.processor == before.processor {
        "on a processor of the same name".to_owned()
    } else {
        format!("on another processor ({}): compare the ratios and the sizes", before.processor)
    };
    let slowest = |functions: &[Summary<'_>]| {
        let slowest = functions.iter().max_by(|a, b| a.init_ratio.median.total_cmp(&b.init_ratio.median));
        slowest.map(|function| format!("`{}` with {:.2}", function.name(), function.init_ratio.median))
    };
    format!(
        "Before is the same measurement of the functions as they were before the work on their start, {machine}: they \
         looked for credentials everywhere and read the machine's roots, here from one file. The ratio is to the empty \
         function of the same run. The slowest to start was {}, and is {}.",
        slowest(earlier).unwrap_or_default(),
        slowest(functions).unwrap_or_default(),
    )
}

fn before_and_now(functions: &[Summary<'_>], earlier: &[Summary<'_>]) -> Table {
    let numbers = ["init, ms", "× empty", "answer, ms", "peak, MB", "binary, bytes"];
    let columns = numbers.iter().flat_map(|number| [format!("{number}, before"), format!("{number}, now")]);
    let row = |now: &Summary<'_>| {
        let before = earlier.iter().find(|before| before.name() == now.name());
        let before = before.map_or_else(|| vec![String::new(); numbers.len()], medians);
        let pairs = before.into_iter().zip(medians(now)).flat_map(|(before, now)| [before, now]);
        [now.name().to_owned()].into_iter().chain(pairs).collect()
    };
    Table {
        columns: ["function".to_owned()].into_iter().chain(columns).collect(),
        rows: functions.iter().map(row).collect(),
    }
}

fn medians(function: &Summary<'_>) -> Vec<String> {
    vec![
        format!("{:.1}", function.init_ms.median),
        format!("{:.2}", function.init_ratio.median),
        format!("{:.1}", function.answer_ms.median),
        format!("{:.2}", function.peak_mb.median),
        function.measured.binary_bytes.to_string(),
    ]
}

fn plot(now: &Record, before: &Record) -> Result<Plot> {
    let mut series = Vec::new();
    for name in PLOTTED {
        series.push(sorted(name.to_owned(), now.function(name)?));
        if name != EMPTY {
            series.push(sorted(format!("{name}, before"), before.function(name)?));
        }
    }
    Ok(Plot {
        name: "cold_start_init".to_owned(),
        caption: "Init times in ascending order: which share of the starts took no longer than that."
            .to_owned(),
        x: "share of the starts, %".to_owned(),
        y: "init, ms".to_owned(),
        x_scale: Scale::Linear,
        y_scale: Scale::Linear,
        series,
    })
}

#[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 starts")]
fn sorted(name: String, function: &Measured) -> Series {
    let mut times = function.init_ms.clone();
    times.sort_by(f64::total_cmp);
    let share = |rank: usize| 100.0 * (rank + 1) as f64 / times.len() as f64;
    let points = times.iter().enumerate().map(|(rank, time)| (share(rank), *time)).collect();
    Series { name, points }
}

#[expect(clippy::cast_precision_loss, reason = "a binary has fewer than 2^52 bytes")]
fn figures(functions: &[Summary<'_>]) -> Figures {
    let mut figures = Figures::default();
    for function in functions {
        let name = function.name();
        figures.set(format!("{name}_init_ms"), function.init_ms.median);
        figures.set(format!("{name}_init_ratio"), function.init_ratio.median);
        figures.set(format!("{name}_first_ms"), function.first_ms.median);
        figures.set(format!("{name}_answer_ms"), function.answer_ms.median);
        figures.set(format!("{name}_warm_ms"), function.warm_ms.median);
        figures.set(format!("{name}_peak_mb"), function.peak_mb.median);
        figures.set(format!("{name}_binary_bytes"), function.measured.binary_bytes as f64);
        figures.set(format!("{name}_zip_bytes"), function.measured.zip_bytes as f64);
    }
    figures
}
