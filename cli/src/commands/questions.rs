//! `doorbell questions`: the kinds of requests that a runtime answers.

use doorbell_protocol::limits::RUNNING_DEADLINE;
use doorbell_protocol::{Kind, Question};
use serde::Serialize;

use super::credentials::{self, Connection};
use super::{CommandError, resolve};
use crate::arguments;
use crate::output;

/// A kind with `--json`.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    question: &'a Question,
    built_in: bool,
}

pub(super) async fn run(arguments: arguments::Questions) -> Result<(), CommandError> {
    let Connection { api, workspace, .. } = credentials::client(&arguments.client)?;
    let runtime = resolve::record(&api, &arguments.runtime, workspace).await?;
    let declared = runtime.questions.unwrap_or_default();
    let built_in = built_in();
    if arguments.json {
        let declared = declared.iter().map(|question| Listed { question, built_in: false });
        let built_in = built_in.iter().map(|question| Listed { question, built_in: true });
        output::json(&declared.chain(built_in).collect::<Vec<_>>());
    } else {
        let all: Vec<_> = declared.into_iter().chain(built_in).collect();
        output::line(output::questions(&all));
    }
    Ok(())
}

fn built_in() -> [Question; 2] {
    [
        (Kind::MODEL_LIST, "The models that the runtime can use"),
        (Kind::LOCAL_SKILLS, "The skills and MCP servers that are installed for the runtime"),
    ]
    .map(|(name, description)| Question {
        name,
        description: Some(description.to_owned()),
        args_schema: None,
        result_schema: None,
        timeout_s: u32::try_from(RUNNING_DEADLINE.as_secs()).ok(),
    })
}
