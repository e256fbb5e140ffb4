//! `doorbell daemon`: lets this machine be rung.

use doorbell_daemon::agents::{self, Environment};
use doorbell_daemon::api::{Api, http_client};
use doorbell_daemon::daemon::{Daemon, Settings};

use super::{CommandError, stop};
use crate::{arguments, output};

pub(super) async fn run(arguments: arguments::Daemon) -> Result<(), CommandError> {
    let stop = stop::on_signal()?;
    let agents = agents::find(&arguments.agents.into(), &Environment::of_process()).await?;
    let api = Api::new(http_client()?, arguments.url, arguments.token);
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
