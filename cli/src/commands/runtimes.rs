//! `doorbell runtimes` lists the runtimes, `doorbell models` rings one.

use doorbell_client::{self as client, Api};
use doorbell_protocol::{RequestRecord, RuntimeId, RuntimeRecord, WorkspaceId};

use super::{CommandError, connect};
use crate::arguments;
use crate::output::{self, Spinner};

pub(super) async fn list(arguments: arguments::Runtimes) -> Result<(), CommandError> {
    let connection = arguments.client;
    let api = connect::to(&connection.url, &connection.token)?;
    let runtimes = client::runtimes(&api, connection.workspace).await?;
    if arguments.json {
        output::json(&serde_json::json!(runtimes));
    } else if runtimes.is_empty() {
        output::note("no runtimes; `doorbell daemon` on a machine registers its agent programs");
    } else {
        output::line(output::runtimes(&runtimes));
    }
    Ok(())
}

pub(super) async fn models(arguments: arguments::Models) -> Result<(), CommandError> {
    let connection = arguments.client;
    let api = connect::to(&connection.url, &connection.token)?;
    let runtime = resolve(&api, &arguments.runtime, connection.workspace).await?;
    let spinner = Spinner::start();
    let completed = client::ask(&api, runtime, |status| spinner.show(status)).await;
    drop(spinner);
    let record = completed?.record;
    if arguments.json {
        output::json(&serde_json::json!(record));
    } else {
        print_models(&record);
    }
    Ok(())
}

fn print_models(record: &RequestRecord) {
    match record.models.as_deref().unwrap_or_default() {
        [] => output::note("the runtime offers no models"),
        models => output::line(output::models(models)),
    }
    if !record.supported {
        output::note("this runtime ignores a model chosen for an agent");
    }
}

/// The runtime with this id, which needs no call, or with this name, which must be unique.
async fn resolve(api: &Api, name: &str, workspace: Option<WorkspaceId>) -> Result<RuntimeId, CommandError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let runtimes = client::runtimes(api, workspace).await?;
    let matches: Vec<&RuntimeRecord> = runtimes.iter().filter(|runtime| runtime.name == name).collect();
    match matches.as_slice() {
        [] => Err(CommandError::NoSuchName { name: name.to_owned(), similar: similar(&runtimes, name) }),
        [one] => Ok(one.id),
        several => {
            let candidates = several.iter().map(|runtime| candidate(runtime)).collect();
            Err(CommandError::AmbiguousName { name: name.to_owned(), candidates })
        }
    }
}

fn similar(runtimes: &[RuntimeRecord], name: &str) -> Option<String> {
    let folded = name.to_lowercase();
    let similar = runtimes.iter().find(|runtime| runtime.name.to_lowercase() == folded);
    similar.map(|runtime| runtime.name.clone())
}

fn candidate(runtime: &RuntimeRecord) -> String {
    format!("{}  {}  {}", runtime.id, runtime.status.as_str(), runtime.daemon_id)
}
