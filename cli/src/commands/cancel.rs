//! `doorbell cancel`: cancels a request of any kind.

use doorbell_client as client;
use doorbell_protocol::{AnyRequestRecord, Status};

use super::credentials::{self, Connection};
use super::resolve::By;
use super::{CommandError, resolve};
use crate::arguments;
use crate::output;

/// The error of a cancelled request.
const CANCELLED: &str = "cancelled";

pub(super) async fn run(arguments: arguments::Cancel) -> Result<(), CommandError> {
    let Connection { api, workspace, .. } = credentials::client(&arguments.client)?;
    let request = arguments.request;
    let record = match &arguments.runtime {
        Some(name) => {
            let runtime = resolve::runtime(&api, name, By::NameOrType, workspace).await?;
            client::cancel(&api, runtime, request).await?
        }
        None => {
            let runtimes = client::runtimes(&api, workspace).await?;
            let ids = runtimes.into_iter().map(|runtime| runtime.id);
            let found = client::cancel_on_any(&api, ids, request).await?;
            found.ok_or(CommandError::UnknownRequest(request))?
        }
    };
    if arguments.json {
        output::json(&record);
    } else {
        output::note(describe(&record));
    }
    Ok(())
}

fn describe(record: &AnyRequestRecord) -> String {
    let AnyRequestRecord { id, status, error, .. } = record;
    if *status == Status::Failed && error.as_deref() == Some(CANCELLED) {
        format!("Request {id} is cancelled.")
    } else {
        format!("Request {id} had ended before: {}.", status.as_str())
    }
}
