//! Starts a daemon for this machine, rings its runtimes, and prints the answers.

use std::time::Duration;

use doorbell_client::{self as client, Api, AskError, CompletedRequest};
use doorbell_daemon::agents::Agent;
use doorbell_daemon::push::PushStatus;
use doorbell_daemon::{Daemon, DaemonStatus, Settings};
use doorbell_gateway::{DAEMON_A, USER_A};
use doorbell_protocol::RuntimeRecord;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::server::Server;
use crate::arguments;
use crate::commands::daemon::{notice, questions};
use crate::commands::{CommandError, connect, credentials};
use crate::output::{self, Spinner};

/// The first heartbeat, after up to a second, proves the channel.
const PROOF_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs a daemon until `stop`, and rings each of its runtimes once.
pub(super) async fn run(
    server: &Server,
    agents: Vec<Agent>,
    arguments: &arguments::Dev,
    stop: &CancellationToken,
) -> Result<(), CommandError> {
    let url = server.url()?;
    let user = connect::to(&url, USER_A.token)?;
    let notice = notice(&agents);
    let settings = Settings {
        // Another daemon of this machine may join this server.
        daemon_id: format!("{}-dev", credentials::daemon_id()?),
        interval: arguments.interval,
        push: !arguments.no_push,
        ..Settings::of_this_machine(DAEMON_A.workspace.parse()?)
    };
    let uses_push = settings.push;
    let questions = questions(&agents);
    let daemon = Daemon::new(connect::to(&url, DAEMON_A.token)?, settings, watch::channel(agents).1);
    let mut status = daemon.status();
    let demo = async {
        let Some(registered) = stop.run_until_cancelled(wait_until_registered(&mut status)).await else {
            return;
        };
        if let Some(notice) = notice {
            output::line(format!("\n{notice}"));
        }
        questions.iter().for_each(|line| output::line(format!("\n{line}")));
        let rings = async {
            if uses_push {
                wait_until_proven(status).await;
            }
            ring_each(&user, &registered).await;
        };
        if stop.run_until_cancelled(rings).await.is_some() {
            print_next_steps(&server.base_url(), &registered);
        }
    };
    let (ended, ()) = tokio::join!(daemon.run(stop.clone()), demo);
    Ok(ended?)
}

/// Prints the next steps, and waits for `stop`.
pub(super) async fn without_daemon(server: &Server, stop: &CancellationToken) {
    let url = server.base_url();
    output::line(format!(
        "\nNo daemon was started. Next steps:\n  \
         doorbell daemon --url {url}\n  \
         doorbell enrol --url {url}    (a code, with which another daemon joins)\n  \
         doorbell runtimes --url {url}\n  \
         curl -s -H 'Authorization: Bearer {}' {url}/api/runtimes\n\
         \nStop with Ctrl-C.",
        USER_A.token
    ));
    stop.cancelled().await;
}

/// Never ends if there are no agents.
async fn wait_until_registered(status: &mut watch::Receiver<DaemonStatus>) -> Vec<RuntimeRecord> {
    let registered = status.wait_for(|status| !status.runtimes.is_empty()).await;
    registered.map(|status| status.runtimes.clone()).unwrap_or_default()
}

/// So that the first ring shows what push does. Without it, the ring waits for a heartbeat.
async fn wait_until_proven(mut status: watch::Receiver<DaemonStatus>) {
    let proven = status.wait_for(|status| status.push == PushStatus::Proven);
    if let Ok(Ok(_)) = tokio::time::timeout(PROOF_TIMEOUT, proven).await {
        output::line("\npush: proven");
    }
}

async fn ring_each(user: &Api, registered: &[RuntimeRecord]) {
    for runtime in registered {
        let spinner = Spinner::start();
        // A kept data file has lists of an earlier run, and would show no steps.
        let completed = client::ask(user, runtime.id, true, |status| spinner.show(status)).await;
        drop(spinner);
        print_answer(runtime, &completed);
    }
}

fn print_answer(runtime: &RuntimeRecord, completed: &Result<CompletedRequest, AskError>) {
    output::line(format!("\n{}", output::heading(runtime)));
    match completed {
        Ok(completed) => {
            match completed.record.models.as_deref().unwrap_or_default() {
                [] => output::line("No models"),
                models => output::line(output::models(models)),
            }
            output::line(format!("\n{}", output::steps(&completed.timing.steps())));
        }
        Err(error) => output::line(format!("No models: {}", output::plain(&error.to_string()))),
    }
}

fn print_next_steps(url: &str, registered: &[RuntimeRecord]) {
    let Some(RuntimeRecord { id, questions, .. }) = registered.first() else { return };
    let question = questions.iter().flatten().next();
    let ask = question.map(|question| format!("\n  doorbell ask {id} {} --wait --url {url}", question.name));
    let ask = ask.unwrap_or_default();
    output::line(format!(
        "\nNext steps:\n  \
         doorbell models {id} --url {url}{ask}\n  \
         doorbell enrol --url {url}    (a code, with which another daemon joins)\n  \
         curl -sX POST -H 'Authorization: Bearer {}' {url}/api/runtimes/{id}/models\n\
         \nStop with Ctrl-C.",
        USER_A.token
    ));
}
