//! A server on a file, a daemon, and an agent whose every run has an answer of its own. Everything survives SIGKILL but the
//! processes.

use std::time::Duration;

use super::plan::{Kill, Plan, Victim};
use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::Running;

const AGENT: &str = "agent";
/// Where each run of the agent leaves its answer.
const RUNS: &str = "runs";

/// What the agent says when it has no answer.
pub(crate) const FAILURE: &str =
    "agent could not list its models (exit status 3); run \"agent\" on this machine to see why";

pub(crate) struct Site {
    /// Where the server is, at all times.
    pub(crate) url: String,
    /// The only runtime.
    pub(crate) runtime: String,
    machine: Machine,
    server: Running,
    daemon: Running,
    daemon_log: String,
}

impl Site {
    /// All up and registered. Each site has a loopback address of its own: its port stays free while the server is down.
    pub(crate) async fn start(number: u32, plan: &Plan) -> Self {
        let machine = Machine::new().with_program(AGENT, &agent(plan.work, plan.agent_fails));
        let addr = format!("127.0.{}.{}:0", 1 + number / 250, 1 + number % 250);
        let server = serve(&machine, &addr).await;
        let daemon = daemon(&machine, &server.url).await;
        let runtime = server.only_id().await;
        let Dev { url, process: server } = server;
        Self { url, runtime, machine, server, daemon, daemon_log: String::new() }
    }

    /// Carries out each of the kills, and the restart after it.
    pub(crate) async fn suffer(&mut self, kills: &[Kill]) {
        for Kill { victim, after, down_for } in kills {
            tokio::time::sleep(*after).await;
            match victim {
                Victim::Server => self.kill_server(*down_for).await,
                Victim::Daemon => self.kill_daemon(*down_for).await,
            }
        }
    }

    pub(crate) async fn kill_server(&mut self, down_for: Duration) {
        self.server.kill().await;
        tokio::time::sleep(down_for).await;
        let addr = self.url.trim_start_matches("http://").to_owned();
        self.server = serve(&self.machine, &addr).await.process;
    }

    async fn kill_daemon(&mut self, down_for: Duration) {
        self.daemon_log += &self.daemon.kill().await;
        tokio::time::sleep(down_for).await;
        self.daemon = daemon(&self.machine, &self.url).await;
    }

    /// Ends it: what all its daemons have logged, and the answers of all the agent's runs.
    pub(crate) async fn end(mut self) -> (String, Vec<String>) {
        self.daemon_log += &self.daemon.kill().await;
        (self.daemon_log, self.machine.read(RUNS).lines().map(str::to_owned).collect())
    }
}

async fn serve(machine: &Machine, addr: &str) -> Dev {
    Dev::start_at(addr, machine, &["--no-daemon", "--data", "doorbell.db"]).await
}

async fn daemon(machine: &Machine, url: &str) -> Running {
    let options = ["--daemon-id", "box", "--interval", "0.5", "--command", AGENT];
    let daemon = machine.start(&[&["daemon", "--url", url], &options[..]].concat());
    daemon.prints(" online ").await;
    daemon
}

fn agent(work: Duration, fails: bool) -> String {
    let ends = if fails { "exit 3" } else { r#"echo "[{\"id\":\"run-$$\"}]""# };
    format!("PATH=/usr/bin:/bin\necho run-$$ >> {RUNS}\nsleep {}\n{ends}", work.as_secs_f64())
}
