//! Starts a daemon for this machine, rings its runtimes, and prints the answers.

use std::time::Duration;

use doorbell_client::{self as client, Api, AskError, CompletedRequest};
use doorbell_daemon::agents::Agent;
use doorbell_daemon::{Daemon, Settings};
use doorbell_gateway::{DAEMON_A, USER_A};
use doorbell_protocol::RuntimeRecord;
use tokio_util::sync::CancellationToken;

use super::server::Server;
use crate::commands::daemon::{SAMPLE_NOTICE, is_sample, questions};
use crate::commands::{CommandError, connect};
use crate::output::{self, Spinner};

/// Runs a daemon until `stop`, and rings each of its runtimes once.
pub(super) async fn run(
    server: &Server,
    agents: Vec<Agent>,
    interval: Duration,
    stop: &CancellationToken,
) -> Result<(), CommandError> {
    let url = server.url()?;
    let user = connect::to(&url, USER_A.token)?;
    let is_sample = is_sample(&agents);
    let settings = Settings { interval, ..Settings::of_this_machine(DAEMON_A.workspace.parse()?) };
    let questions = questions(&agents);
    let daemon = Daemon::new(connect::to(&url, DAEMON_A.token)?, settings, agents);
    let registered = daemon.register().await?;
    if is_sample {
        output::line(format!("\n{SAMPLE_NOTICE}"));
    }
    questions.iter().for_each(|line| output::line(format!("\n{line}")));
    let demo = async {
        if stop.run_until_cancelled(ring_each(&user, &registered)).await.is_some() {
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
         doorbell runtimes --url {url}\n  \
         curl -s -H 'Authorization: Bearer {}' {url}/api/runtimes\n\
         \nStop with Ctrl-C.",
        USER_A.token
    ));
    stop.cancelled().await;
}

async fn ring_each(user: &Api, registered: &[RuntimeRecord]) {
    for runtime in registered {
        let spinner = Spinner::start();
        let completed = client::ask(user, runtime.id, |status| spinner.show(status)).await;
        drop(spinner);
        print_answer(runtime, &completed);
    }
}

fn print_answer(runtime: &RuntimeRecord, completed: &Result<CompletedRequest, AskError>) {
    output::line(format!("\n{}", output::heading(runtime)));
    match completed {
        Ok(completed) => {
            output::line(output::models(completed.record.models.as_deref().unwrap_or_default()));
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
         curl -sX POST -H 'Authorization: Bearer {}' {url}/api/runtimes/{id}/models\n\
         \nStop with Ctrl-C.",
        USER_A.token
    ));
}
