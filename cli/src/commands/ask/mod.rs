//! `doorbell ask`: a request of any kind to one runtime, or to all.

mod fleet;
mod printer;

use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use doorbell_client::{self as client, Api, AskError, AskOptions};
use doorbell_protocol::{
    AnyRequestRecord, IdempotencyKey, InvalidIdempotencyKey, Question, RuntimeId, Status, Timestamp,
    WorkspaceId,
};
use doorbell_shared::clock::{Clock as _, SystemClock};
use doorbell_shared::id_gen::{IdGenerator as _, RandomIdGenerator};

use super::credentials::{self, Connection};
use super::signals::StopSignals;
use super::{CommandError, resolve};
use crate::arguments::{Ask, Target};
use crate::output::{self, Spinner};

/// How long the server may hold the response to a poll. On a terminal it is shorter, so that the status is current.
const WAIT: Duration = Duration::from_secs(20);
const TERMINAL_WAIT: Duration = Duration::from_secs(5);

pub(super) async fn run(arguments: Ask) -> Result<(), CommandError> {
    let connection = credentials::client(&arguments.client)?;
    let options = AskOptions {
        args: arguments.args.clone(),
        queue_s: arguments.queue_s,
        idempotency_key: key(&arguments)?,
        refresh: arguments.refresh,
        ..AskOptions::new(arguments.kind)
    };
    match &arguments.target {
        Target::Runtime(name) => one(&connection, name, &options, &arguments).await,
        Target::All { provider } => fleet::run(&connection, provider.as_deref(), options, &arguments).await,
    }
}

/// The key of the option, or a new one, which makes it safe to repeat a call. A request without arguments has none, because with a key it
/// would not join a pending one: repeated after the claim, it asks twice.
fn key(arguments: &Ask) -> Result<Option<IdempotencyKey>, InvalidIdempotencyKey> {
    if arguments.idempotency_key.is_some() || arguments.args.is_none() {
        return Ok(arguments.idempotency_key.clone());
    }
    // An id of a request is unique and has only visible ASCII characters.
    RandomIdGenerator::default().request_id(SystemClock.now()).to_string().parse().map(Some)
}

/// A runtime, and its questions if the list was read.
struct Found {
    runtime: RuntimeId,
    questions: Option<Vec<Question>>,
}

/// An id needs no list. Without the list, the longest running deadline of a question applies.
async fn find(api: &Api, name: &str, workspace: Option<WorkspaceId>) -> Result<Found, CommandError> {
    if let Some(runtime) = resolve::parse_id(name) {
        return Ok(Found { runtime, questions: None });
    }
    let record = resolve::record(api, name, workspace).await?;
    Ok(Found { runtime: record.id, questions: Some(record.questions.unwrap_or_default()) })
}

async fn one(
    connection: &Connection,
    name: &str,
    options: &AskOptions,
    arguments: &Ask,
) -> Result<(), CommandError> {
    let Connection { api, workspace, .. } = connection;
    let Found { runtime, questions } = find(api, name, *workspace).await?;
    let record = client::submit(api, runtime, options).await?;
    if !arguments.waits {
        print_asked(&record, arguments.json);
        return Ok(());
    }
    let running = client::running_deadline(arguments.kind, questions.as_deref());
    let record = wait(api, record, options.time_limit(running)).await?;
    print_ended(record, arguments.json, SystemClock.now())
}

async fn wait(
    api: &Api,
    record: AnyRequestRecord,
    time_limit: Duration,
) -> Result<AnyRequestRecord, CommandError> {
    let stopped = CommandError::StoppedWaiting { request: record.id, runtime: record.runtime_id };
    let longest = if stderr().is_terminal() { TERMINAL_WAIT } else { WAIT };
    let spinner = Spinner::start();
    let ended =
        client::wait_for_end(api, record, time_limit, || longest, |record| spinner.show_record(record));
    let ended = StopSignals::listen()?.unless_stopped(ended).await;
    drop(spinner);
    Ok(ended.ok_or(stopped)??)
}

fn print_asked(record: &AnyRequestRecord, json: bool) {
    if json {
        output::json(record);
        return;
    }
    output::line(record.id);
    if record.status.is_terminal() {
        // An answer from a cache cannot be polled.
        output::note(format!("It is {} already; --wait prints the answer.", record.status.as_str()));
    }
}

/// Prints the record as JSON, or the result of a completed request.
fn print_ended(record: AnyRequestRecord, json: bool, now: Timestamp) -> Result<(), CommandError> {
    if json {
        output::json(&record);
    }
    if record.status != Status::Completed {
        return Err(AskError::failed(record.error).into());
    }
    if json {
        return Ok(());
    }
    match &record.result {
        Some(result) => output::result(result),
        None => output::note("the request completed without a result"),
    }
    if let Some(listed_at) = record.cached_at {
        output::note(output::listed(listed_at, now));
    }
    Ok(())
}
