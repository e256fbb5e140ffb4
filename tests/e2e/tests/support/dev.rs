//! A running `doorbell dev`, and daemons and commands that use it.

use serde_json::Value;

use super::api;
use super::machine::Machine;
use super::process::{Ended, Running};

/// `doorbell dev` on a port of its own.
#[derive(Debug)]
pub struct Dev {
    pub url: String,
    pub process: Running,
}

impl Dev {
    /// Starts it and waits until it listens.
    pub async fn start(machine: &Machine, options: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", machine, options).await
    }

    pub async fn start_at(addr: &str, machine: &Machine, options: &[&str]) -> Self {
        Self::of_process(machine.start(&[&["dev", "--addr", addr], options].concat())).await
    }

    /// Waits until `process`, a `doorbell dev`, listens.
    pub async fn of_process(process: Running) -> Self {
        let printed = process.wait_for_stdout(" (store: ").await;
        let url = printed.strip_prefix("Doorbell listens on ").unwrap().split(' ').next().unwrap();
        Self { url: url.to_owned(), process }
    }

    pub async fn without_daemon() -> Self {
        Self::start(&Machine::new(), &["--no-daemon"]).await
    }

    /// A registered daemon with a heartbeat every 0.1 s.
    pub async fn daemon(&self, machine: &Machine, options: &[&str]) -> Running {
        let common = ["daemon", "--url", &self.url, "--interval", "0.1"];
        let daemon = machine.start(&[&common, options].concat());
        daemon.wait_for_stdout(" online ").await;
        daemon
    }

    /// A daemon `name` with one agent `name` that offers `models`.
    pub async fn named_daemon(&self, name: &str, models: &str) -> (Machine, Running) {
        let machine = Machine::new().with_file(name, models);
        let daemon = self.daemon(&machine, &["--daemon-id", name, "--file", name]).await;
        (machine, daemon)
    }

    pub async fn run(&self, arguments: &[&str]) -> Ended {
        Machine::new().run(&[arguments, &["--url", &self.url]].concat()).await
    }

    /// The response to a user of workspace A.
    pub async fn get(&self, path: &str) -> Value {
        api::get(&format!("{}{path}", self.url), api::USER_A).await
    }

    /// The runtimes of workspace A.
    pub async fn runtimes(&self) -> Vec<Value> {
        self.get("/api/runtimes").await.as_array().unwrap().clone()
    }

    pub async fn only_id(&self) -> String {
        let runtimes = self.runtimes().await;
        assert_eq!(runtimes.len(), 1, "{runtimes:?}");
        runtimes[0]["id"].as_str().unwrap().to_owned()
    }
}
