//! `doorbell why`: the history of a request, from its item in the table.

use doorbell_protocol::{Status, Timestamp};
use doorbell_shared::clock::{Clock as _, SystemClock};
use doorbell_shared::kinds::timeout_text;
use doorbell_shared::request::{
    Deadlines, DeliveryRecord, Ending, HistorySubject, RequestHistory, State, TimeoutReason,
};
use doorbell_shared::runtime::Runtime;
use doorbell_shared::store::dynamodb::FoundRequest;
use serde_json::{Value, json};

use super::{CommandError, table};
use crate::arguments;
use crate::output;

pub(super) async fn run(arguments: arguments::Why) -> Result<(), CommandError> {
    let store = table::open_existing(&arguments.table).await?;
    let arguments::Why { workspace, runtime, request, .. } = arguments;
    let now = SystemClock.now();
    let found = store.find_request(workspace, runtime, request, now).await.map_err(CommandError::Table)?;
    let found = found.ok_or(CommandError::NoSuchRequest { workspace, request })?;
    if arguments.json {
        output::json(&to_json(&found, now));
    } else {
        print(&found, now);
    }
    Ok(())
}

/// The status now: a request past its deadline has timed out, whether or not a poll has stored that.
fn status(history: &RequestHistory, ending: Ending) -> Status {
    match ending {
        Ending::TimedOut { .. } => Status::Timeout,
        Ending::Open { .. } | Ending::Reported { .. } | Ending::Cancelled { .. } => {
            history.request.state.status()
        }
    }
}

fn error(history: &RequestHistory) -> Option<&str> {
    match &history.request.state {
        State::Failed(error) if !error.as_str().is_empty() => Some(error.as_str()),
        _ => None,
    }
}

fn print(found: &FoundRequest, now: Timestamp) {
    let FoundRequest { history, runtime } = found;
    let address = history.request.address;
    let ending = history.ending(now);
    let kind = history.request.kind.as_str();
    let status = status(history, ending).as_str();
    output::line(format!("Request {} ({kind}): {status}", address.request));
    match runtime {
        Some(runtime) => output::line(format!(
            "Runtime {}, last seen {} ({}){}",
            output::heading(&runtime.record(now)),
            runtime.last_seen_at,
            output::ago(now.since(runtime.last_seen_at)),
            offline_since(runtime, now).map(|at| format!(", offline since {at}")).unwrap_or_default(),
        )),
        None => output::line(format!("Runtime {}, no longer registered", address.runtime)),
    }
    if let Some(error) = error(history) {
        output::line(format!("Error: {}", output::plain(error)));
    }
    output::line(format!("\n{}", output::events(events(found, ending).into_iter())));
}

fn offline_since(runtime: &Runtime, now: Timestamp) -> Option<Timestamp> {
    (!runtime.is_online(now)).then_some(runtime.presence.online_until)
}

/// Time, time since the ring, event and subject of each row.
fn events(found: &FoundRequest, ending: Ending) -> Vec<[String; 4]> {
    let history = &found.history;
    let rung_at = history.request.created_at;
    let row = |at: Timestamp, event: String, by: Option<&HistorySubject>| {
        let after = format!("{:.3} s", at.since(rung_at).as_secs_f64());
        [at.to_string(), after, event, by.map(ToString::to_string).unwrap_or_default()]
    };
    let mut rows = vec![row(rung_at, "rung".to_owned(), history.asked_by.as_ref())];
    for DeliveryRecord { at, attempt, by } in &history.deliveries {
        let event =
            if *attempt == 1 { "delivered".to_owned() } else { format!("redelivered (attempt {attempt})") };
        rows.push(row(*at, event, Some(by)));
    }
    match ending {
        Ending::Reported { at } => {
            let event = format!("reported {}", history.request.state.status().as_str());
            rows.push(row(at, event, history.reported_by.as_ref()));
        }
        Ending::Cancelled { at } => {
            rows.push(row(at, "cancelled".to_owned(), history.cancelled_by.as_ref()));
        }
        Ending::TimedOut { reason, deadline, stored_at } => {
            rows.push(row(deadline, timeout(reason, found), None));
            let polled = "the first poll after the deadline stored the timeout";
            rows.extend(stored_at.map(|at| row(at, polled.to_owned(), None)));
        }
        Ending::Open { deadline } => {
            rows.push(row(deadline, "will time out, if still open".to_owned(), None));
        }
    }
    rows
}

/// The deadline that ended a request. For an unclaimed one, also when its runtime was last seen.
fn timeout(reason: TimeoutReason, found: &FoundRequest) -> String {
    let request = &found.history.request;
    let Deadlines { pending, running, .. } = request.deadlines;
    let rung_at = request.created_at;
    match (reason, found.runtime.as_ref().map(|runtime| runtime.last_seen_at)) {
        (TimeoutReason::NotReported, _) => {
            format!("timeout: not reported within {} s of the first delivery", running.as_secs())
        }
        (TimeoutReason::NotClaimed, None) => format!("timeout: not claimed within {} s", pending.as_secs()),
        (TimeoutReason::NotClaimed, Some(seen)) => {
            let (distance, side) =
                if seen < rung_at { (rung_at.since(seen), "before") } else { (seen.since(rung_at), "after") };
            format!(
                "timeout: not claimed within {} s; the runtime was last seen {:.3} s {side} the ring",
                pending.as_secs(),
                distance.as_secs_f64()
            )
        }
    }
}

fn to_json(found: &FoundRequest, now: Timestamp) -> Value {
    let FoundRequest { history, runtime } = found;
    let RequestHistory { request, deliveries, .. } = history;
    let ending = history.ending(now);
    let mut json = json!({
        "id": request.address.request,
        "runtime_id": request.address.runtime,
        "workspace_id": request.workspace,
        "kind": request.kind,
        "status": status(history, ending),
        "created_at": request.created_at,
    });
    let mut set = |name: &str, value: Value| json[name] = value;
    if let Some(subject) = &history.asked_by {
        set("asked_by", subject.as_str().into());
    }
    set("deliveries", deliveries.iter().map(delivery).collect());
    if let Some(error) = error(history) {
        set("error", error.into());
    }
    match ending {
        Ending::Open { deadline } => set("deadline", json!(deadline)),
        Ending::Reported { at } => set("report", report(history, at)),
        Ending::Cancelled { at } => set("cancellation", cancellation(history, at)),
        Ending::TimedOut { reason, deadline, stored_at } => {
            let error = timeout_text(request, reason);
            let mut timeout = json!({"reason": reason, "error": error, "deadline": deadline});
            if let Some(stored_at) = stored_at {
                timeout["stored_at"] = json!(stored_at);
            }
            set("timeout", timeout);
        }
    }
    if let Some(runtime) = runtime {
        set("runtime", json!(runtime.record(now)));
    }
    json
}

fn delivery(DeliveryRecord { at, attempt, by }: &DeliveryRecord) -> Value {
    json!({"at": at, "attempt": attempt, "redelivery": *attempt > 1, "by": by.as_str()})
}

fn report(history: &RequestHistory, at: Timestamp) -> Value {
    let after = at.since(history.request.created_at);
    let mut report = json!({
        "at": at,
        "status": history.request.state.status(),
        "after_ms": u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
    });
    if let Some(subject) = &history.reported_by {
        report["by"] = subject.as_str().into();
    }
    report
}

fn cancellation(history: &RequestHistory, at: Timestamp) -> Value {
    let mut cancellation = json!({"at": at});
    if let Some(subject) = &history.cancelled_by {
        cancellation["by"] = subject.as_str().into();
    }
    cancellation
}
