//! `doorbell runtimes` lists the runtimes, `doorbell models` rings one.

use doorbell_client as client;
use doorbell_protocol::{RequestRecord, Timestamp};
use doorbell_shared::clock::{Clock as _, SystemClock};

use super::credentials::{self, Connection};
use super::resolve::By;
use super::{CommandError, resolve};
use crate::arguments;
use crate::output::{self, Spinner};

pub(super) async fn list(arguments: arguments::Runtimes) -> Result<(), CommandError> {
    let Connection { api, workspace, .. } = credentials::client(&arguments.client)?;
    let runtimes = client::runtimes(&api, workspace).await?;
    if arguments.json {
        output::json(&runtimes);
    } else if runtimes.is_empty() {
        output::note("no runtimes; `doorbell daemon` on a machine registers its agent programs");
    } else {
        output::line(output::runtimes(&runtimes, SystemClock.now()));
    }
    Ok(())
}

pub(super) async fn models(arguments: arguments::Models) -> Result<(), CommandError> {
    let Connection { api, workspace, .. } = credentials::client(&arguments.client)?;
    let runtime = resolve::runtime(&api, &arguments.runtime, By::NameOrType, workspace).await?;
    let spinner = Spinner::start();
    let completed = client::ask(&api, runtime, arguments.refresh, |status| spinner.show(status)).await;
    drop(spinner);
    let record = completed?.record;
    if arguments.json {
        output::json(&record);
    } else {
        print_models(&record, SystemClock.now());
    }
    Ok(())
}

/// The table goes to standard output, notes about it to standard error.
fn print_models(record: &RequestRecord, now: Timestamp) {
    match record.models.as_deref().unwrap_or_default() {
        [] => output::note("the runtime offers no models"),
        models => output::line(output::models(models)),
    }
    if !record.supported {
        output::note("this runtime ignores a model chosen for an agent");
    }
    if record.fallback {
        output::note("a fallback: the agent could not list its own models");
    }
    if let Some(listed_at) = record.cached_at {
        output::note(output::listed(listed_at, now));
    }
}
