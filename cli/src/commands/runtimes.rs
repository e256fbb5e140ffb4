//! `doorbell runtimes`: what can be rung.

use super::{CommandError, connect};
use doorbell_client as client;

use crate::{arguments, output};

pub(super) async fn run(arguments: arguments::Runtimes) -> Result<(), CommandError> {
    let person = arguments.person;
    let runtimes = client::runtimes(&connect::to(&person.url, &person.token)?, person.workspace).await?;
    if arguments.json {
        output::json(&serde_json::json!(runtimes));
    } else if runtimes.is_empty() {
        output::note("no runtimes; `doorbell daemon` on a machine makes its agent programs known");
    } else {
        output::line(output::runtimes(&runtimes));
    }
    Ok(())
}
