//! Runs of real programs.

mod args;
mod config;
mod end;
mod environment;
mod result;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use doorbell_protocol::{Json, RequestId};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::sources::script::executable;

/// Every request has an id of its own, because the descendants of a program are found by it.
pub(super) fn next_request() -> RequestId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}{number:016x}", std::process::id()).parse().unwrap()
}

/// A question whose program is a shell script, on a machine of its own.
pub(super) struct Machine {
    folder: TempDir,
    keys: String,
    program: String,
}

impl Machine {
    /// `body` is a shell script.
    pub(super) fn with_script(body: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = executable(folder.path(), "script", body);
        let program = format!("[{:?}, 'fixed argument']", script.to_str().unwrap());
        Self { folder, keys: String::new(), program }
    }

    /// Adds lines to the question's configuration.
    pub(super) fn with_keys(mut self, keys: &str) -> Self {
        self.keys.push_str(keys);
        self.keys.push('\n');
        self
    }

    /// The home directory.
    pub(super) fn home(&self) -> &Path {
        self.folder.path()
    }

    /// Builds the question with the environment of the daemon.
    pub(super) fn question(&self) -> Arc<QuestionHandler> {
        let text = format!("name = 'q'\nprogram = {}\n{}", self.program, self.keys);
        let config = toml::from_str(&text).unwrap();
        let home = self.home().as_os_str().to_owned();
        let environment = Environment::new(move |name| match name {
            "HOME" => Some(home.clone()),
            "DISK_TOKEN" => Some("disk-secret".into()),
            "OTHER" => Some("other-secret".into()),
            _ => std::env::var_os(name),
        });
        let questions = QuestionHandlers::build(&[config], self.home(), &environment, &["codex"]).unwrap();
        questions.get("q".parse().unwrap()).unwrap()
    }

    /// Runs the question without listening to its progress.
    pub(super) async fn run(&self, args: Option<Value>) -> Result<Json, QuestionError> {
        let args = args.map(|args| Json::try_from(&args).unwrap());
        let (progress, _) = watch::channel(None);
        self.question().run(next_request(), args.as_ref(), &progress, &CancellationToken::new()).await
    }

    /// The result, or the error's text.
    pub(super) async fn outcome(&self, args: Option<Value>) -> String {
        self.run(args).await.map_or_else(|error| error.to_string(), |result| result.as_str().to_owned())
    }
}

/// The result of a program that prints no JSON.
pub(super) fn text(text: &str) -> String {
    json!({ "text": text }).to_string()
}
