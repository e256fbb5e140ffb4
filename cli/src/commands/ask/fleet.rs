//! `doorbell ask --all`: one request to each runtime that answers the kind.

use std::time::Duration;

use doorbell_client::{self as client, AskOptions, Fleet, FleetOutcome};
use doorbell_protocol::{Kind, RuntimeRecord, RuntimeStatus};

use super::printer::Printer;
use crate::arguments::Ask;
use crate::commands::CommandError;
use crate::commands::credentials::Connection;
use crate::commands::signals::StopSignals;

/// A token may ring 100 times at once, then 10 times a second, so a runtime's turn comes within seconds. Longer waits are for other
/// users of the token and for runtimes with 32 open requests.
const RATE_LIMIT_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) async fn run(
    connection: &Connection,
    provider: Option<&str>,
    options: AskOptions,
    arguments: &Ask,
) -> Result<(), CommandError> {
    let options = AskOptions { rate_limit_timeout: RATE_LIMIT_TIMEOUT, ..options };
    let Connection { api, workspace, .. } = connection;
    let mut runtimes = client::runtimes(api, *workspace).await?;
    runtimes.retain(|runtime| is_of_type(runtime, provider) && answers(runtime, options.kind));
    if runtimes.is_empty() {
        let provider = provider.map(str::to_owned);
        return Err(CommandError::NoRuntimeAnswers { provider, kind: options.kind });
    }
    let mut printer = Printer::new(&runtimes, arguments);
    // Requests that may wait are for offline runtimes, too. Otherwise a ring would only be rejected.
    let is_asked = |runtime: &&RuntimeRecord| options.queue_s > 0 || runtime.status == RuntimeStatus::Online;
    for runtime in runtimes.iter().filter(|runtime| !is_asked(runtime)) {
        printer.print(runtime.id, FleetOutcome::Offline);
    }
    let asked = runtimes
        .iter()
        .filter(is_asked)
        .map(|runtime| (runtime.id, client::running_deadline(options.kind, runtime.questions.as_deref())));
    // Before the requests, which are listed if a signal ends the command.
    let signals = StopSignals::listen()?;
    let mut fleet = Fleet::ask(api, &options, asked, arguments.waits);
    let ended = async {
        while let Some((runtime, outcome)) = fleet.next().await {
            printer.print(runtime, outcome);
        }
    };
    let stopped = signals.unless_stopped(ended).await.is_none();
    for (runtime, request) in fleet.open() {
        printer.stays_open(runtime, request);
    }
    printer.summarize(stopped)
}

fn is_of_type(runtime: &RuntimeRecord, provider: Option<&str>) -> bool {
    provider.is_none_or(|provider| provider.to_lowercase() == runtime.provider.to_lowercase())
}

/// Every runtime answers the built-in kinds.
fn answers(runtime: &RuntimeRecord, kind: Kind) -> bool {
    let mut questions = runtime.questions.iter().flatten();
    matches!(kind, Kind::MODEL_LIST | Kind::LOCAL_SKILLS) || questions.any(|question| question.name == kind)
}
