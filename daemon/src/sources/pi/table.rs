//! `pi --list-models`: a table. Older versions print it to standard output, newer ones to standard error.

use doorbell_protocol::{Model, ModelListResult};

use super::{LOGIN, no_models};
use crate::sources::entries::Entries;
use crate::sources::process::Program;
use crate::sources::{SourceError, terminal};

/// The arguments.
pub(super) const ARGUMENTS: [&str; 1] = ["--list-models"];

/// What Pi prints instead of an empty table.
const NO_MODELS: &str = "No models available";

/// Runs `program`, which has [`ARGUMENTS`].
pub(super) async fn list(program: &Program) -> Result<ModelListResult, SourceError> {
    let output = program.run().await?;
    if let Some(models) = models(&output.stdout).or_else(|| models(&output.stderr)) {
        return models.into_result().ok_or_else(|| program.invalid_output());
    }
    if [&output.stdout, &output.stderr].into_iter().any(|output| says_no_models(output)) {
        return Err(no_models(program));
    }
    if output.status.success() {
        return Err(program.invalid_output());
    }
    Err(program.failure(output.status, &output.stderr, LOGIN))
}

/// The rows below the table's header, if there is one.
fn models(output: &[u8]) -> Option<Entries<Model>> {
    // Only the beginning of standard error is read. A row without an end may have half of an id.
    let end = output.iter().rposition(|&byte| byte == b'\n')?;
    let mut lines = terminal::lines(&output[..end]);
    let header = Some(["provider", "model"]);
    lines.by_ref().flatten().find(|line| columns(line) == header)?;
    Some(lines.map(|line| columns(&line?).map(|[provider, id]| model(provider, id))).collect())
}

fn says_no_models(output: &[u8]) -> bool {
    terminal::lines(output).flatten().any(|line| line.starts_with(NO_MODELS))
}

/// The first two columns. Two blanks or more are between columns.
fn columns(line: &str) -> Option<[&str; 2]> {
    let mut columns = line.split("  ").map(str::trim).filter(|column| !column.is_empty());
    Some([columns.next()?, columns.next()?])
}

fn model(provider: &str, id: &str) -> Model {
    Model {
        id: format!("{provider}/{id}"),
        label: id.to_owned(),
        provider: Some(provider.to_owned()),
        ..Model::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sources::launch::Launch;
    use crate::sources::script::executable;

    const TABLE: &str = "provider   model          context  max-out
anthropic  claude         200K     8.2K
one        maker/b c:30b  1M       64K
";

    async fn list(body: &str) -> Result<ModelListResult, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let launch = Launch::of(executable(folder.path(), "pi", body));
        super::list(&launch.with(ARGUMENTS)).await
    }

    #[tokio::test]
    async fn rows_of_either_output_are_models() {
        for output in ["", ">&2"] {
            let body = format!("echo Warning; cat {output} <<'END'\nWarning: x\n{TABLE}END\n");
            let expected = json!([
                {"id": "anthropic/claude", "label": "claude", "provider": "anthropic"},
                {"id": "one/maker/b c:30b", "label": "maker/b c:30b", "provider": "one"},
            ]);
            assert_eq!(json!(list(&body).await.unwrap().models), expected, "{output}");
        }
    }

    #[test]
    fn cut_row_is_no_model() {
        let models = models(&TABLE.as_bytes()[..TABLE.len() - 20]).unwrap();
        assert_eq!(models.usable.len(), 1);
    }

    #[tokio::test]
    async fn other_output_is_no_list() {
        for output in ["secret words", "provider", "model  provider"] {
            let error = list(&format!("echo '{output}'")).await.unwrap_err();
            let text = "pi printed something other than a list of models; is it up to date?";
            assert_eq!(error.to_string(), text, "{output}");
        }
    }

    #[tokio::test]
    async fn failure_names_command() {
        let error = list("exit 3").await.unwrap_err();
        let text = "pi could not list its models (exit status 3); run \"pi --list-models\" on this machine to see why";
        assert_eq!(error.to_string(), text);
    }
}
