//! The log: JSON lines for CloudWatch Logs Insights, one for each call.
//!
//! Fields are ids, statuses, durations and the subject of the caller; bodies and tokens never reach this module. Levels below
//! WARN are enabled for our crates only: at TRACE the SDK and the HTTP stack log headers and bodies.

use tracing::field::{Empty, display};
use tracing::{Span, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

use super::response::{ApiError, Response};
use crate::access::Principal;
use crate::clock::Stopwatch;

/// The prefix of the targets of all our crates.
const OUR_TARGETS: &str = "doorbell";

/// Lines of our crates up to `level`, and warnings and errors of all others.
pub fn filter(level: LevelFilter) -> Targets {
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target(OUR_TARGETS, level)
}

/// The subscriber of a function.
pub fn subscriber<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let json = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(writer);
    registry().with(filter(level)).with(json)
}

/// The span of a call. It adds the call's ids and its caller to every line.
pub fn call_span(function: &'static str, gateway_request_id: Option<&str>) -> Span {
    // At ERROR, so that it exists at every log level.
    tracing::error_span!(
        "call",
        function,
        gateway_request_id,
        subject = Empty,
        token_id = Empty,
        runtime_id = Empty,
        request_id = Empty,
        record_ms = Empty,
        claim_ms = Empty,
        cached = Empty,
    )
}

/// Marks a response to a call that did nothing worth a line, such as a heartbeat without work: without push most calls are, and each
/// line costs money.
#[derive(Clone, Copy, Debug)]
pub struct Idle;

/// Logs a call: at ERROR if the server failed, at DEBUG if it was [`Idle`], otherwise at INFO.
pub(super) fn log_call(started: Stopwatch, response: &Response, error: Option<&ApiError>) {
    let duration_ms = started.elapsed_ms();
    let status = response.status().as_u16();
    if response.extensions().get::<Idle>().is_some() {
        tracing::debug!(status, duration_ms, "answered");
        return;
    }
    let cause = error.map(cause);
    let is_expected = matches!(error, Some(ApiError::RuntimeOffline | ApiError::RegistrationsLimited(_)));
    if status >= 500 && !is_expected {
        tracing::error!(status, duration_ms, cause, "failed");
    } else {
        tracing::info!(status, duration_ms, cause, "answered");
    }
}

/// Adds a parsed id to the current call's span. Unparsed text of a path could contain anything.
pub(super) fn record_id(field: &'static str, id: impl std::fmt::Display) {
    Span::current().record(field, display(id));
}

/// Marks the current call as a ring that the catalog has answered.
pub fn record_cached() {
    Span::current().record("cached", true);
}

/// Adds the caller to the current call's span.
pub fn record_caller(caller: &Principal) {
    let span = Span::current();
    span.record("subject", caller.subject.as_str());
    span.record("token_id", display(caller.token_id));
}

fn cause(error: &ApiError) -> String {
    match error {
        ApiError::Store(_, error) => error.to_string(),
        ApiError::NoRandomBytes(_, error) => error.to_string(),
        other => other.parts().1.into_owned(),
    }
}
