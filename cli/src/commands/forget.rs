//! `doorbell forget`: removes a runtime from the list.

use doorbell_client as client;

use super::CommandError;
use super::credentials::{self, Connection};
use super::resolve::{self, By};
use crate::arguments;
use crate::output;

pub(super) async fn run(arguments: arguments::Forget) -> Result<(), CommandError> {
    let Connection { api, workspace, .. } = credentials::client(&arguments.client)?;
    let runtime = resolve::runtime(&api, &arguments.runtime, By::Name, workspace).await?;
    client::forget(&api, runtime).await?;
    output::note(format!(
        "Runtime {runtime} is forgotten. A daemon that still serves it registers it again."
    ));
    Ok(())
}
