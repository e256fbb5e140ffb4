//! `doorbell daemon`: lets this machine be rung.

use doorbell_daemon::agents::{self, Environment};
use doorbell_daemon::daemon::{Daemon, Settings};
use tokio_util::sync::CancellationToken;

use super::{CommandError, connect, sample};
use crate::{arguments, output};

pub(super) async fn run(arguments: arguments::Daemon, stop: CancellationToken) -> Result<(), CommandError> {
    let api = connect::to(&arguments.url, &arguments.token)?;
    let (options, environment) = (arguments.agents.into(), Environment::of_process());
    let found = stop.run_until_cancelled(agents::find(&options, &environment)).await;
    let Some(agents) = found.transpose()? else { return Ok(()) };
    if sample::is_all(&agents) {
        output::note(sample::REASON);
    }
    let this_machine = Settings::of_this_machine(arguments.workspace);
    let settings = Settings {
        daemon_id: arguments.daemon_id.unwrap_or_else(|| this_machine.daemon_id.clone()),
        interval: arguments.interval,
        ..this_machine
    };
    let daemon = Daemon::new(api, settings, agents);
    let registered = daemon.register().await?;
    output::line(output::runtimes(&registered));
    Ok(daemon.run(&registered, stop).await?)
}
