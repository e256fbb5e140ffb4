//! `[[question]]` in the configuration file, and how it becomes a [`QuestionHandler`].
//!
//! The file's strict parser finds unknown keys and wrong types, with the line. What it cannot find is checked here, once, at
//! the start of the daemon.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use doorbell_protocol::limits::{
    QUESTION_TIMEOUT_DEFAULT_S, QUESTION_TIMEOUT_MAX_S, QUESTIONS_BYTES, QUESTIONS_PER_RUNTIME,
};
use doorbell_protocol::{Kind, Question};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::QuestionConfigError;
use super::handler::QuestionHandler;
use super::schema::Schema;
use super::variables::{Refused, Variables, check_name};
use crate::agents::environment::{Environment, is_bare_name};
use crate::sources::process::Program;

/// One `[[question]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuestionConfig {
    name: String,
    description: Option<String>,
    /// The program and its arguments.
    program: Vec<String>,
    args_schema: Option<Map<String, Value>>,
    result_schema: Option<Map<String, Value>>,
    timeout_s: Option<i64>,
    /// Names of variables to pass on.
    #[serde(default)]
    env: Vec<String>,
    /// The types of the agents that declare it; without it, all.
    agents: Option<Vec<String>>,
}

/// Builds the handlers of all questions. Relative paths start at `folder`.
pub(super) fn build(
    configs: &[QuestionConfig],
    folder: &Path,
    environment: &Environment,
    providers: &[&str],
) -> Result<Vec<Arc<QuestionHandler>>, QuestionConfigError> {
    if configs.len() > QUESTIONS_PER_RUNTIME {
        return Err(QuestionConfigError::TooMany { count: configs.len() });
    }
    let mut names = HashSet::new();
    let mut handlers = Vec::new();
    for config in configs {
        config.check_agents(providers)?;
        let handler = config.build(folder, environment)?;
        if !names.insert(handler.kind()) {
            return Err(QuestionConfigError::Duplicate { name: config.name.clone() });
        }
        handlers.push(Arc::new(handler));
    }
    check_size(&handlers)?;
    Ok(handlers)
}

fn check_size(handlers: &[Arc<QuestionHandler>]) -> Result<(), QuestionConfigError> {
    let declarations: Vec<&Question> = handlers.iter().map(|handler| handler.declaration()).collect();
    let bytes = serde_json::to_vec(&declarations).map_or(usize::MAX, |json| json.len());
    if bytes > QUESTIONS_BYTES { Err(QuestionConfigError::TooLarge { bytes }) } else { Ok(()) }
}

impl QuestionConfig {
    fn build(
        &self,
        folder: &Path,
        environment: &Environment,
    ) -> Result<QuestionHandler, QuestionConfigError> {
        let kind = self.kind()?;
        let timeout_s = self.timeout_s()?;
        let program = self.program(folder)?;
        let args_schema = self.schema("args_schema", self.args_schema.as_ref())?;
        let result_schema = self.schema("result_schema", self.result_schema.as_ref())?;
        let declaration = Question {
            name: kind,
            description: self.description.clone().filter(|description| !description.is_empty()),
            args_schema: args_schema.as_ref().map(|schema| schema.json().clone()),
            result_schema: result_schema.as_ref().map(|schema| schema.json().clone()),
            timeout_s,
        };
        Ok(QuestionHandler {
            declaration,
            args_schema,
            result_schema,
            program,
            variables: self.variables(environment)?,
            timeout: Duration::from_secs(timeout_s.unwrap_or(QUESTION_TIMEOUT_DEFAULT_S).into()),
            agents: self.agents.clone(),
        })
    }

    fn kind(&self) -> Result<Kind, QuestionConfigError> {
        let name = self.name.clone();
        let kind: Kind = match name.parse() {
            Ok(kind) => kind,
            Err(reason) => return Err(QuestionConfigError::Name { name, reason }),
        };
        if [Kind::MODEL_LIST, Kind::LOCAL_SKILLS].contains(&kind) {
            return Err(QuestionConfigError::BuiltIn { name });
        }
        Ok(kind)
    }

    fn timeout_s(&self) -> Result<Option<u32>, QuestionConfigError> {
        let Some(seconds) = self.timeout_s else { return Ok(None) };
        let in_range =
            u32::try_from(seconds).ok().filter(|seconds| (1..=QUESTION_TIMEOUT_MAX_S).contains(seconds));
        let out_of_range = || QuestionConfigError::Timeout { name: self.name.clone(), seconds };
        in_range.map(Some).ok_or_else(out_of_range)
    }

    /// A bare name is searched for on `PATH` at each run. A relative path becomes absolute here, because the program runs in the
    /// home directory.
    fn program(&self, folder: &Path) -> Result<Program, QuestionConfigError> {
        let name = || self.name.clone();
        if self.program.iter().any(|word| word.contains('\0')) {
            return Err(QuestionConfigError::ZeroByte { name: name() });
        }
        let (program, arguments) = match self.program.split_first() {
            Some((program, arguments)) if !program.trim().is_empty() => (PathBuf::from(program), arguments),
            _ => return Err(QuestionConfigError::NoProgram { name: name() }),
        };
        let path = if is_bare_name(&program) {
            program
        } else {
            std::path::absolute(folder.join(program))
                .map_err(|error| QuestionConfigError::NoFolder { name: name(), reason: error.kind() })?
        };
        Ok(Program::new(path, arguments))
    }

    fn schema(
        &self,
        key: &'static str,
        schema: Option<&Map<String, Value>>,
    ) -> Result<Option<Schema>, QuestionConfigError> {
        let invalid = |reason| QuestionConfigError::Schema { name: self.name.clone(), key, reason };
        schema.map(|schema| Schema::compile(&Value::Object(schema.clone())).map_err(invalid)).transpose()
    }

    fn variables(&self, environment: &Environment) -> Result<Variables, QuestionConfigError> {
        for variable in &self.env {
            let name = self.name.clone();
            let variable = variable.clone();
            match check_name(&variable) {
                Err(Refused::Malformed) => return Err(QuestionConfigError::Variable { name, variable }),
                Err(Refused::OfDaemon) => return Err(QuestionConfigError::DaemonVariable { name, variable }),
                Ok(()) if environment.value(&variable).is_none() => {
                    tracing::warn!(question = name, variable, "a variable of \"env\" is not set");
                }
                Ok(()) => {}
            }
        }
        Ok(Variables::read(environment, &self.env))
    }

    fn check_agents(&self, providers: &[&str]) -> Result<(), QuestionConfigError> {
        let mut configured = self.agents.iter().flatten();
        match configured.find(|provider| !providers.contains(&provider.as_str())) {
            None => Ok(()),
            Some(unknown) => Err(QuestionConfigError::UnknownAgent {
                name: self.name.clone(),
                provider: unknown.clone(),
                known: providers.join(", "),
            }),
        }
    }
}
