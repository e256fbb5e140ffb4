//! `doorbell forget`: removes a runtime from the list.

use doorbell_client as client;

use super::resolve::{self, By};
use super::{CommandError, connect};
use crate::arguments;
use crate::output;

pub(super) async fn run(arguments: arguments::Forget) -> Result<(), CommandError> {
    let connection = arguments.client;
    let api = connect::to_server(&connection.server, &connection.token)?;
    let runtime = resolve::runtime(&api, &arguments.runtime, By::Name, connection.workspace).await?;
    client::forget(&api, runtime).await?;
    output::note(format!(
        "Runtime {runtime} is forgotten. A daemon that still serves it registers it again."
    ));
    Ok(())
}
