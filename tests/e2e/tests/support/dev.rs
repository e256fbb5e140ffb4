//! A running `doorbell dev`, and daemons and commands that use it.

use serde_json::Value;

use super::api;
use super::machine::Machine;
use super::process::{Ended, Running};

/// The API on a port of its own.
#[derive(Debug)]
pub struct Dev {
    /// Where it is.
    pub url: String,
    /// The process.
    pub process: Running,
}

impl Dev {
    /// Starts it on `machine` with `options`, and waits until it listens.
    pub async fn start(machine: &Machine, options: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", machine, options).await
    }

    /// Starts it on `addr`.
    pub async fn start_at(addr: &str, machine: &Machine, options: &[&str]) -> Self {
        let process = machine.start(&[&["dev", "--addr", addr], options].concat());
        let printed = process.prints(" (store: ").await;
        let url = printed.strip_prefix("Doorbell listens on ").unwrap().split(' ').next().unwrap();
        Self { url: url.to_owned(), process }
    }

    /// Just the API.
    pub async fn without_daemon() -> Self {
        Self::start(&Machine::new(), &["--no-daemon"]).await
    }

    /// A daemon, registered from `machine` with `options`. It beats every 0.1 s.
    pub async fn daemon(&self, machine: &Machine, options: &[&str]) -> Running {
        let usual = ["daemon", "--url", &self.url, "--interval", "0.1"];
        let daemon = machine.start(&[&usual, options].concat());
        daemon.prints(" online ").await;
        daemon
    }

    /// A daemon that is called `name`, for an agent of the same name that offers `models`.
    pub async fn daemon_for(&self, name: &str, models: &str) -> (Machine, Running) {
        let machine = Machine::new().with_file(name, models);
        let daemon = self.daemon(&machine, &["--daemon-id", name, "--file", name]).await;
        (machine, daemon)
    }

    /// Runs a command against it.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        Machine::new().run(&[arguments, &["--url", &self.url]].concat()).await
    }

    /// What a person in the first workspace sees at `path`.
    pub async fn get(&self, path: &str) -> Value {
        api::get(&format!("{}{path}", self.url), api::USER_A).await
    }

    /// The runtimes of the first workspace.
    pub async fn runtimes(&self) -> Vec<Value> {
        self.get("/api/runtimes").await.as_array().unwrap().clone()
    }

    /// The id of the only runtime.
    pub async fn only_id(&self) -> String {
        let runtimes = self.runtimes().await;
        assert_eq!(runtimes.len(), 1, "{runtimes:?}");
        runtimes[0]["id"].as_str().unwrap().to_owned()
    }
}
