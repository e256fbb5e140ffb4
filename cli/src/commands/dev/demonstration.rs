//! The main job, end to end, where somebody can see it: a daemon for this machine is started and asked.

use std::time::Duration;

use doorbell_client::Api;
use doorbell_daemon::agents::Agent;
use doorbell_daemon::daemon::{Daemon, Settings};
use doorbell_protocol::RuntimeRecord;
use reqwest::Url;
use tokio_util::sync::CancellationToken;

use super::shown;
use crate::commands::{CommandError, connect, sample};
use crate::output::{self, Spinner};
use doorbell_client as client;
use doorbell_client::{Answer, AskError};
use doorbell_gateway::{DAEMON_A, USER_A};

/// Runs a daemon until `stop`, and shows what its runtimes answer meanwhile.
pub(super) async fn run(
    url: &Url,
    agents: Vec<Agent>,
    interval: Duration,
    stop: &CancellationToken,
) -> Result<(), CommandError> {
    let person = connect::to(url, USER_A.token)?;
    let sample_only = sample::is_all(&agents);
    let workspace = DAEMON_A.workspace.parse()?;
    let settings = Settings { interval, ..Settings::of_this_machine(workspace) };
    let daemon = Daemon::new(connect::to(url, DAEMON_A.token)?, settings, agents);
    let registered = daemon.register().await?;
    if sample_only {
        output::line(format!("\n{}", sample::REASON));
    }
    let asked = async {
        if stop.run_until_cancelled(ask_each(&person, &registered)).await.is_some() {
            go_on_with(url, &registered);
        }
    };
    let (beats, ()) = tokio::join!(daemon.run(&registered, stop.clone()), asked);
    Ok(beats?)
}

/// Says how to go on, and waits for `stop`.
pub(super) async fn without_daemon(url: &Url, stop: &CancellationToken) -> Result<(), CommandError> {
    let at = shown(url);
    output::line(format!(
        "\nNo daemon was started. Go on with:\n  \
         doorbell daemon --url {at}\n  \
         doorbell runtimes --url {at}\n  \
         curl -s -H 'Authorization: Bearer {}' {at}/api/runtimes\n\
         \nCtrl-C stops it.",
        USER_A.token
    ));
    stop.cancelled().await;
    Ok(())
}

async fn ask_each(person: &Api, registered: &[RuntimeRecord]) {
    for runtime in registered {
        let spinner = Spinner::start();
        let answer = client::ask(person, runtime.id, |status| spinner.show(status)).await;
        drop(spinner);
        show(runtime, &answer);
    }
}

fn show(runtime: &RuntimeRecord, answer: &Result<Answer, AskError>) {
    output::line(format!("\n{}", output::heading(runtime)));
    match answer {
        Ok(answer) => {
            output::line(output::models(answer.record.models.as_deref().unwrap_or_default()));
            output::line(format!("\n{}", output::steps(&answer.took.steps())));
        }
        Err(error) => output::line(format!("No models: {}", output::plain(&error.to_string()))),
    }
}

fn go_on_with(url: &Url, registered: &[RuntimeRecord]) {
    let Some(RuntimeRecord { id, .. }) = registered.first() else { return };
    let at = shown(url);
    output::line(format!(
        "\nGo on with:\n  \
         doorbell models {id} --url {at}\n  \
         curl -sX POST -H 'Authorization: Bearer {}' {at}/api/runtimes/{id}/models\n\
         \nCtrl-C stops it.",
        USER_A.token
    ));
}
