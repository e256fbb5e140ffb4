//! `doorbell daemon`: registers the agent programs of this machine, and answers rings and questions.

use std::convert::Infallible;

use doorbell_daemon::agents::{Agent, Environment, Inventory};
use doorbell_daemon::{Daemon, DaemonStatus, Settings};
use doorbell_shared::clock::{Clock as _, SystemClock};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::CommandError;
use super::credentials::{self, DaemonConnection};
use super::status::{self, DaemonProcess};
use crate::state::{DaemonLock, LockKey, LockOutcome, StateDirectory, lock};
use crate::{arguments, output};

/// Printed with the sample catalog, which is not a list of usable models.
const SAMPLE_NOTICE: &str = "\
No agent program was found on PATH and none was configured: this is a sample catalog.
Install Claude Code, Codex, OpenCode, Gemini, Copilot or another (`doorbell agents` lists them), or configure one: see
`doorbell daemon --help`.";

/// Printed with a machine that stands in for its agents.
const MACHINE_NOTICE: &str = "\
No agent program was found on PATH and none was configured: this machine answers its questions only.";

const NO_AGENTS_NOTICE: &str = "\
No agent program was found on PATH and none was configured, so this machine offers nothing.
Install Claude Code, Codex, OpenCode, Gemini, Copilot or another (`doorbell agents` lists them), or configure one: see
`doorbell daemon --help`.";

/// What the user should read about the agents of this machine, if there is no agent program.
pub(super) fn notice(agents: &[Agent]) -> Option<&'static str> {
    let are_all = |provider| agents.iter().all(|agent| agent.provider == provider);
    if agents.is_empty() {
        Some(NO_AGENTS_NOTICE)
    } else if are_all(Agent::SAMPLE) {
        Some(SAMPLE_NOTICE)
    } else if are_all(Agent::MACHINE) {
        Some(MACHINE_NOTICE)
    } else {
        None
    }
}

/// A line with the questions of each type of agent, or of all types.
pub(super) fn questions(agents: &[Agent]) -> Vec<String> {
    let names = |agent: &Agent| {
        agent
            .questions
            .declarations()
            .map(|question| question.name.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut by_type: Vec<_> = agents.iter().map(|agent| (agent.provider.as_str(), names(agent))).collect();
    by_type.dedup();
    match by_type.split_first() {
        Some(((_, first), others)) if others.iter().all(|(_, names)| names == first) => {
            if first.is_empty() {
                Vec::new()
            } else {
                vec![format!("Questions: {first}")]
            }
        }
        _ => {
            let with_questions = by_type.iter().filter(|(_, names)| !names.is_empty());
            with_questions.map(|(provider, names)| format!("Questions of {provider}: {names}")).collect()
        }
    }
}

pub(super) async fn run(arguments: arguments::Daemon, stop: CancellationToken) -> Result<(), CommandError> {
    let DaemonConnection { api, url, workspace, daemon_id } = credentials::daemon(&arguments)?;
    let lock = lock(&LockKey::new(&url, workspace, &daemon_id), &daemon_id);
    let process = DaemonProcess::new(&url, workspace, &daemon_id, SystemClock.now());
    let options = arguments.agents.into();
    let found = stop.run_until_cancelled(Inventory::find(&options, Environment::of_process())).await;
    let Some(inventory) = found.transpose()? else { return Ok(()) };
    let agents = inventory.agents();
    if let Some(notice) = notice(&agents.borrow()) {
        output::note(notice);
    }
    let settings = Settings {
        daemon_id,
        interval: arguments.interval,
        push: !arguments.no_push,
        exit_on_auth_failure: arguments.exit_on_auth_failure,
        ..Settings::of_this_machine(workspace)
    };
    let daemon = Daemon::new(api, settings, agents.clone());
    let status = daemon.status();
    let recorded = record_if_locked(lock.as_ref(), process, daemon.status());
    tokio::select! {
        ended = daemon.run(stop) => Ok(ended?),
        never = inventory.watch() => match never {},
        never = print_changes(status, agents) => match never {},
        never = recorded => match never {},
    }
}

/// Writes the status, unless another process of the same daemon does.
async fn record_if_locked(
    lock: Option<&DaemonLock>,
    process: DaemonProcess,
    status: watch::Receiver<DaemonStatus>,
) -> Infallible {
    match StateDirectory::of_process().filter(|_| lock.is_some()) {
        Some(directory) => status::record(directory, process, status, SystemClock).await,
        None => std::future::pending().await,
    }
}

/// Held while the daemon runs. A second process of one id is not stopped, because it may take over from the first one; both collect
/// the same requests, and one of them answers.
pub(super) fn lock(key: &LockKey, daemon_id: &str) -> Option<DaemonLock> {
    match lock::acquire(&StateDirectory::of_process()?, key) {
        Ok(LockOutcome::Acquired(lock)) => Some(lock),
        Ok(LockOutcome::Held { pid }) => {
            let process = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
            output::warning(format!(
                "the daemon {daemon_id} runs on this machine already{process}: end one of the two, or give one of them another \
                 --daemon-id"
            ));
            None
        }
        Err(error) => {
            tracing::debug!(%error, "no lock: a second process of this daemon is not noticed");
            None
        }
    }
}

/// Prints the runtimes and the push channel when they change. Changes of the connection are logged.
async fn print_changes(
    mut status: watch::Receiver<DaemonStatus>,
    agents: watch::Receiver<Vec<Agent>>,
) -> Infallible {
    let mut shown = DaemonStatus::default();
    while status.changed().await.is_ok() {
        let current = status.borrow_and_update().clone();
        let ids =
            |status: &DaemonStatus| status.runtimes.iter().map(|runtime| runtime.id).collect::<Vec<_>>();
        if !current.runtimes.is_empty() && ids(&current) != ids(&shown) {
            output::line(output::runtimes(&current.runtimes, SystemClock.now()));
            questions(&agents.borrow()).iter().for_each(output::line);
        }
        if current.push != shown.push {
            output::line(format!("push: {}", current.push));
        }
        shown = current;
    }
    std::future::pending().await
}
