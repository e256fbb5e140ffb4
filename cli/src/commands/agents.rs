//! `doorbell agents`: what is on this machine, and what each agent answers when it is asked for its models.

use std::num::NonZero;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use doorbell_daemon::agents::{self, Agent, Environment, Inventory};
use doorbell_daemon::sources::{SourceError, list_with_timeout};
use doorbell_protocol::ModelListResult;
use doorbell_shared::clock::Stopwatch;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::CommandError;
use super::signals::StopSignals;
use crate::arguments::ListAgents;
use crate::output::{self, Spinner};

/// An agent and its answer.
struct Asked {
    agent: Agent,
    program: Option<PathBuf>,
    answer: Result<ModelListResult, SourceError>,
    took: Duration,
}

pub(super) async fn run(arguments: ListAgents) -> Result<(), CommandError> {
    // Agent programs have process groups of their own, which Ctrl-C does not reach: they end when their future is dropped.
    let signals = StopSignals::listen()?;
    let asked = signals.unless_stopped(find_and_ask(arguments.agents.into())).await;
    let asked = asked.ok_or(CommandError::StoppedAsking)??;
    let missing: Vec<_> = agents::known_types().filter(|(provider, _)| !has_type(&asked, provider)).collect();
    if arguments.json {
        let missing = missing
            .iter()
            .map(|(provider, name)| json!({ "type": provider, "name": name, "installed": false }));
        output::json(&asked.iter().map(to_json).chain(missing).collect::<Vec<_>>());
        return Ok(());
    }
    if asked.is_empty() {
        output::note("No agent program was found on PATH, and none is configured.");
    } else {
        output::line(output::agents(asked.iter().map(row)));
    }
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|(provider, _)| *provider).collect();
        output::note(format!("Not on this machine: {}.", names.join(", ")));
    }
    Ok(())
}

async fn find_and_ask(options: agents::Options) -> Result<Vec<Asked>, CommandError> {
    let inventory = Inventory::find(&options, Environment::of_process()).await?;
    let agents = inventory.agents().borrow().clone();
    let _spinner = Spinner::asking(agents.len());
    let asked = stream::iter(agents.into_iter().zip(inventory.programs())).map(ask);
    Ok(asked.buffered(at_once()).collect().await)
}

/// How many agents are asked at the same time. Some programs take seconds of CPU time to start, and many at once could run into the
/// time limit, which is not what a ring sees.
fn at_once() -> usize {
    thread::available_parallelism().map_or(2, NonZero::get).max(2)
}

async fn ask((agent, program): (Agent, Option<PathBuf>)) -> Asked {
    let watch = Stopwatch::start();
    let answer = list_with_timeout(agent.source.as_ref()).await;
    Asked { agent, program, answer, took: watch.elapsed() }
}

fn has_type(asked: &[Asked], provider: &str) -> bool {
    asked.iter().any(|asked| asked.agent.provider == provider)
}

fn row(asked: &Asked) -> [String; 8] {
    let Asked { agent, program, answer, took } = asked;
    let program = program.as_ref().map(|program| program.display().to_string()).unwrap_or_default();
    let (models, error) = match answer {
        Ok(list) => (models(list), String::new()),
        Err(error) => (String::new(), error.to_string()),
    };
    [
        agent.name.clone(),
        agent.provider.clone(),
        agent.version.clone().unwrap_or_default(),
        program,
        agent.source.query(),
        models,
        format!("{:.1} s", took.as_secs_f64()),
        error,
    ]
}

fn models(list: &ModelListResult) -> String {
    match list {
        ModelListResult { supported: false, .. } => "ignores models".to_owned(),
        ModelListResult { models, fallback: true, .. } => format!("{} (fallback)", models.len()),
        ModelListResult { models, .. } => models.len().to_string(),
    }
}

fn to_json(asked: &Asked) -> Value {
    let Asked { agent, program, answer, took } = asked;
    let mut json = json!({
        "type": agent.provider,
        "name": agent.name,
        "installed": true,
        "query": agent.source.query(),
        "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    });
    let program = program.as_ref().map(|program| program.display().to_string());
    let profile = Some(&agent.profile_id).filter(|profile| !profile.is_empty());
    let texts = [("program", program.as_ref()), ("version", agent.version.as_ref()), ("profile", profile)];
    for (name, text) in texts {
        if let Some(text) = text {
            json[name] = text.as_str().into();
        }
    }
    match answer {
        Ok(ModelListResult { models, supported, fallback }) => {
            json["models"] = models.len().into();
            json["supported"] = (*supported).into();
            json["fallback"] = (*fallback).into();
        }
        Err(error) => json["error"] = error.to_string().into(),
    }
    json
}
