//! The log as functions write it: one JSON object a line, which CloudWatch Logs Insights reads without a parser.
//!
//! Below WARN only our own lines are written. At TRACE the SDK and the HTTP stack log headers and bodies, so a level
//! chosen in a hurry would put tokens and results into the log.

use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

/// Every crate of ours.
const OURS: &str = "doorbell";

/// Our own lines up to `level`, and everybody's warnings and errors.
pub fn filter(level: LevelFilter) -> Targets {
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target(OURS, level)
}

/// What `main` installs, and what tests catch with.
pub fn subscriber<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let json = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(writer);
    registry().with(filter(level)).with(json)
}
