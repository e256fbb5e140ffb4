//! A server on a file, a daemon, and an agent whose every run has an answer of its own.

use std::time::Duration;

use super::plan::{Kill, Plan, Victim};
use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::Running;

const AGENT: &str = "agent";
/// The file to which each run of the agent appends its answer.
const RUNS: &str = "runs";

/// The error text of an agent that fails.
pub(crate) const AGENT_ERROR: &str =
    "agent could not list its models (exit status 3); run \"agent\" on this machine to see why";

pub(crate) struct Deployment {
    /// The same after every restart.
    pub(crate) url: String,
    /// The only runtime.
    pub(crate) runtime: String,
    machine: Machine,
    server: Running,
    daemon: Running,
    daemon_log: String,
}

impl Deployment {
    /// Each deployment has a loopback address of its own: its port stays free during outages.
    pub(crate) async fn start(number: u32, plan: &Plan) -> Self {
        let machine = Machine::new().with_program(AGENT, &agent(plan));
        let addr = format!("127.0.{}.{}:0", 1 + number / 250, 1 + number % 250);
        let server = start_server(&machine, &addr).await;
        let daemon = start_daemon(&machine, &server.url).await;
        let runtime = server.only_id().await;
        let Dev { url, process: server } = server;
        Self { url, runtime, machine, server, daemon, daemon_log: String::new() }
    }

    /// Kills and restarts processes as planned.
    pub(crate) async fn run_kills(&mut self, kills: &[Kill]) {
        for Kill { victim, after, outage } in kills {
            tokio::time::sleep(*after).await;
            match victim {
                Victim::Server => self.kill_server(*outage).await,
                Victim::Daemon => self.kill_daemon(*outage).await,
            }
        }
    }

    pub(crate) async fn kill_server(&mut self, outage: Duration) {
        self.server.kill().await;
        tokio::time::sleep(outage).await;
        let addr = self.url.trim_start_matches("http://").to_owned();
        self.server = start_server(&self.machine, &addr).await.process;
    }

    async fn kill_daemon(&mut self, outage: Duration) {
        self.daemon_log += &self.daemon.kill().await;
        tokio::time::sleep(outage).await;
        self.daemon = start_daemon(&self.machine, &self.url).await;
    }

    /// Ends it; returns the log of all daemons and the answers of all runs of the agent.
    pub(crate) async fn end(mut self) -> (String, Vec<String>) {
        self.daemon_log += &self.daemon.kill().await;
        (self.daemon_log, self.machine.read(RUNS).lines().map(str::to_owned).collect())
    }
}

async fn start_server(machine: &Machine, addr: &str) -> Dev {
    Dev::start_at(addr, machine, &["--no-daemon", "--data", "doorbell.db"]).await
}

async fn start_daemon(machine: &Machine, url: &str) -> Running {
    let options = ["--daemon-id", "box", "--interval", "0.5", "--command", AGENT];
    let daemon = machine.start(&[&["daemon", "--url", url], &options[..]].concat());
    daemon.wait_for_stdout(" online ").await;
    daemon
}

fn agent(plan: &Plan) -> String {
    let end = if plan.agent_fails { "exit 3" } else { r#"echo "[{\"id\":\"run-$$\"}]""# };
    let seconds = plan.work.as_secs_f64();
    format!("PATH=/usr/bin:/bin\necho run-$$ >> {RUNS}\nsleep {seconds}\n{end}")
}
