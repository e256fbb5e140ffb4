//! `doorbell models`: rings a runtime and shows what it answers.

use doorbell_daemon::api::Api;
use doorbell_shared::id::{RuntimeId, WorkspaceId};
use doorbell_shared::wire::RuntimeRecord;

use super::CommandError;
use crate::output::Spinner;
use crate::{arguments, client, output};

pub(super) async fn run(arguments: arguments::Models) -> Result<(), CommandError> {
    let api = super::api(&arguments.person)?;
    let runtime = named(&api, &arguments.runtime, arguments.person.workspace).await?;
    let spinner = Spinner::start();
    let answer = client::ask(&api, runtime, |status| spinner.show(status)).await;
    drop(spinner);
    let record = answer?.record;
    if arguments.json {
        output::json(&serde_json::json!(record));
        return Ok(());
    }
    if record.models.is_empty() {
        output::note("the runtime offers no models");
    } else {
        output::line(output::models(&record.models));
    }
    if !record.supported {
        output::note("this runtime ignores a model chosen for an agent");
    }
    Ok(())
}

/// An id is taken at its word, so that ringing needs no list; a name has to be the only one.
async fn named(api: &Api, name: &str, workspace: Option<WorkspaceId>) -> Result<RuntimeId, CommandError> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let listed = client::runtimes(api, workspace).await?;
    let called: Vec<&RuntimeRecord> = listed.iter().filter(|runtime| runtime.name == name).collect();
    match called.as_slice() {
        [] => Err(CommandError::NoSuchName(name.to_owned())),
        [one] => Ok(one.id),
        several => {
            let ids =
                several.iter().map(|runtime| format!("  {}  {}", runtime.id, runtime.daemon_id)).collect();
            Err(CommandError::AmbiguousName { name: name.to_owned(), ids })
        }
    }
}
