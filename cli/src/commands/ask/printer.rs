//! The output of `doorbell ask --all`: answers as they come, and at the end the runtimes that did not answer.

use std::collections::HashMap;

use doorbell_client::{AskError, FleetOutcome};
use doorbell_protocol::{AnyRequestRecord, RequestId, RuntimeId, RuntimeRecord, Timestamp, error_text};
use doorbell_shared::clock::{Clock as _, SystemClock};
use serde::Serialize;

use crate::arguments::Ask;
use crate::commands::CommandError;
use crate::output::{self, Spinner};

/// The outcome of the request to one runtime.
struct Outcome {
    name: OutcomeName,
    request: Option<AnyRequestRecord>,
    error: String,
}

/// Its name in tables and JSON.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum OutcomeName {
    Answered,
    Asked,
    Offline,
    Late,
    Failed,
}

impl OutcomeName {
    fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Asked => "asked",
            Self::Offline => "offline",
            Self::Late => "late",
            Self::Failed => "failed",
        }
    }
}

impl From<FleetOutcome> for Outcome {
    fn from(outcome: FleetOutcome) -> Self {
        let ended = |name, request: AnyRequestRecord| {
            let error = AskError::failed(request.error.clone()).to_string();
            Self { name, request: Some(request), error }
        };
        match outcome {
            FleetOutcome::Answered(record) => {
                Self { name: OutcomeName::Answered, request: Some(record), error: String::new() }
            }
            FleetOutcome::Asked(record) => {
                Self { name: OutcomeName::Asked, request: Some(record), error: String::new() }
            }
            FleetOutcome::Late(record) => ended(OutcomeName::Late, record),
            FleetOutcome::Failed(record) => ended(OutcomeName::Failed, record),
            FleetOutcome::Offline => {
                let error = error_text::RUNTIME_OFFLINE.to_owned();
                Self { name: OutcomeName::Offline, request: None, error }
            }
            FleetOutcome::Error(error) => {
                Self { name: OutcomeName::Failed, request: None, error: error.to_string() }
            }
        }
    }
}

/// The line of a runtime with `--json`.
#[derive(Serialize)]
struct Line<'a> {
    runtime: LineRuntime<'a>,
    outcome: OutcomeName,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a AnyRequestRecord>,
    #[serde(skip_serializing_if = "str::is_empty")]
    error: &'a str,
}

#[derive(Serialize)]
struct LineRuntime<'a> {
    id: RuntimeId,
    name: &'a str,
    provider: &'a str,
    daemon_id: &'a str,
}

pub(super) struct Printer<'a> {
    runtimes: HashMap<RuntimeId, &'a RuntimeRecord>,
    /// The rows of the runtimes that did not answer.
    unanswered: Vec<output::Unanswered<'a>>,
    ended: usize,
    /// Whether outcomes are those of ended requests.
    waits: bool,
    json: bool,
    spinner: Spinner,
}

impl<'a> Printer<'a> {
    pub(super) fn new(runtimes: &'a [RuntimeRecord], arguments: &Ask) -> Self {
        let spinner = Spinner::start();
        spinner.show_open(runtimes.len(), runtimes.len());
        Self {
            runtimes: runtimes.iter().map(|runtime| (runtime.id, runtime)).collect(),
            unanswered: Vec::new(),
            ended: 0,
            waits: arguments.waits,
            json: arguments.json,
            spinner,
        }
    }

    /// Prints an answer, or keeps another outcome for the end. With `--json`, prints each outcome.
    pub(super) fn print(&mut self, runtime: RuntimeId, outcome: FleetOutcome) {
        let Some(&runtime) = self.runtimes.get(&runtime) else { return };
        let outcome = Outcome::from(outcome);
        self.ended += 1;
        self.spinner.show_open(self.runtimes.len(), self.runtimes.len() - self.ended);
        self.spinner.suspend(|| {
            if self.json {
                print_line(runtime, &outcome);
            } else if let Some(request) = outcome.request.as_ref().filter(|_| self.is_success(outcome.name)) {
                if self.waits {
                    print_answer(runtime, request, SystemClock.now());
                } else {
                    output::line(format!("{} {}", request.id, runtime.id));
                    if request.cached {
                        // An answer from the catalog cannot be polled.
                        output::note(format!(
                            "{} is answered already; --wait prints the answer.",
                            request.id
                        ));
                    }
                }
            }
        });
        if !self.is_success(outcome.name) {
            let request = outcome.request.map(|request| request.id);
            let Outcome { name, error, .. } = outcome;
            self.unanswered.push(output::Unanswered {
                outcome: name.as_str(),
                runtime,
                request,
                reason: error,
            });
        }
    }

    fn is_success(&self, outcome: OutcomeName) -> bool {
        outcome == OutcomeName::Answered || (outcome == OutcomeName::Asked && !self.waits)
    }

    /// Keeps a runtime without an outcome for the end.
    pub(super) fn stays_open(&mut self, runtime: RuntimeId, request: Option<RequestId>) {
        let Some(&runtime) = self.runtimes.get(&runtime) else { return };
        let outcome = if request.is_some() { "open" } else { "not asked" };
        self.unanswered.push(output::Unanswered { outcome, runtime, request, reason: String::new() });
    }

    /// # Errors
    /// Some runtimes did not answer.
    pub(super) fn summarize(self, stopped: bool) -> Result<(), CommandError> {
        let Self { runtimes, mut unanswered, waits, spinner, .. } = self;
        drop(spinner);
        if unanswered.is_empty() {
            return Ok(());
        }
        unanswered
            .sort_by_key(|unanswered| (unanswered.outcome, &unanswered.runtime.name, unanswered.runtime.id));
        output::note(output::unanswered(&unanswered));
        let asked = runtimes.len();
        Err(CommandError::NotAllAnswered { answered: asked - unanswered.len(), asked, waits, stopped })
    }
}

fn print_line(runtime: &RuntimeRecord, outcome: &Outcome) {
    let RuntimeRecord { id, name, provider, daemon_id, .. } = runtime;
    let runtime = LineRuntime { id: *id, name, provider, daemon_id };
    let Outcome { name, request, error } = outcome;
    output::json_line(&Line { runtime, outcome: *name, request: request.as_ref(), error });
}

/// The runtime, the age of an answer of the catalog, the result, and an empty line.
fn print_answer(runtime: &RuntimeRecord, request: &AnyRequestRecord, now: Timestamp) {
    let heading = output::heading(runtime);
    match request.cached_at {
        Some(listed_at) => output::line(format!("{heading}, {}", output::listed(listed_at, now))),
        None => output::line(heading),
    }
    match &request.result {
        Some(result) => output::result(result),
        None => output::line("(no result)"),
    }
    output::line("");
}
