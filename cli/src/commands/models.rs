//! `doorbell models`: rings a runtime and shows what it answers.

use doorbell_client::Api;
use doorbell_protocol::{RequestRecord, RuntimeRecord};
use doorbell_protocol::{RuntimeId, WorkspaceId};

use super::{CommandError, connect};
use crate::output::Spinner;
use doorbell_client as client;

use crate::{arguments, output};

pub(super) async fn run(arguments: arguments::Models) -> Result<(), CommandError> {
    let person = arguments.person;
    let api = connect::to(&person.url, &person.token)?;
    let runtime = named(&api, &arguments.runtime, person.workspace).await?;
    let spinner = Spinner::start();
    let answer = client::ask(&api, runtime, |status| spinner.show(status)).await;
    drop(spinner);
    let record = answer?.record;
    match arguments.json {
        true => output::json(&serde_json::json!(record)),
        false => show(&record),
    }
    Ok(())
}

fn show(record: &RequestRecord) {
    match record.models.as_deref().unwrap_or_default() {
        [] => output::note("the runtime offers no models"),
        models => output::line(output::models(models)),
    }
    if !record.supported {
        output::note("this runtime ignores a model chosen for an agent");
    }
}

/// An id is taken at its word, so that ringing needs no list; a name has to be the only one.
async fn named(api: &Api, name: &str, workspace: Option<WorkspaceId>) -> Result<RuntimeId, CommandError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let listed = client::runtimes(api, workspace).await?;
    let called: Vec<&RuntimeRecord> = listed.iter().filter(|runtime| runtime.name == name).collect();
    match called.as_slice() {
        [] => Err(CommandError::NoSuchName { name: name.to_owned(), similar: similar(&listed, name) }),
        [one] => Ok(one.id),
        several => {
            let candidates = several.iter().map(|runtime| candidate(runtime)).collect();
            Err(CommandError::AmbiguousName { name: name.to_owned(), candidates })
        }
    }
}

/// A name that differs in case only.
fn similar(listed: &[RuntimeRecord], name: &str) -> Option<String> {
    let folded = name.to_lowercase();
    let similar = listed.iter().find(|runtime| runtime.name.to_lowercase() == folded);
    similar.map(|runtime| runtime.name.clone())
}

fn candidate(runtime: &RuntimeRecord) -> String {
    format!("{}  {}  {}", runtime.id, runtime.status.as_str(), runtime.daemon_id)
}
