//! `doorbell runtimes`: what can be rung.

use super::CommandError;
use crate::{arguments, client, output};

pub(super) async fn run(arguments: arguments::Runtimes) -> Result<(), CommandError> {
    let api = super::api(&arguments.person)?;
    let runtimes = client::runtimes(&api, arguments.person.workspace).await?;
    if arguments.json {
        output::json(&serde_json::json!(runtimes));
    } else if runtimes.is_empty() {
        output::note("no runtimes; `doorbell daemon` on a machine makes its agent programs known");
    } else {
        output::line(output::runtimes(&runtimes));
    }
    Ok(())
}
