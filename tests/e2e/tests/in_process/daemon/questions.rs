//! Questions answered by real programs, in real time.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use doorbell_daemon::Settings;
use doorbell_daemon::Stopped;
use doorbell_daemon::agents::{self, Agent, Environment, Options};
use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer, work};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::{OpenOptions, Receiver};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::daemon::fixtures::{HEARTBEAT, REGISTER, TOKEN, daemon, seconds, settings};

/// No passing test waits for it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Every request has an id of its own: the descendants of a program are found by it, those of other tests included.
fn next_request() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{:016x}{:016x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A folder in which the programs of questions run.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// The sample agent with a question for each name and shell script.
    async fn agents<const N: usize>(&self, questions: [(&str, &str); N]) -> Vec<Agent> {
        let question = |(name, script): &(&str, &str)| {
            format!("[[question]]\nname = '{name}'\nprogram = ['/bin/sh', '-c', '''{script}''']\n")
        };
        let config = self.path().join("doorbell.toml");
        std::fs::write(&config, questions.iter().map(question).collect::<String>()).unwrap();
        let home = self.path().as_os_str().to_owned();
        let environment = Environment::new(move |name| match name {
            "HOME" => Some(home.clone()),
            "DOORBELL_TOKEN" => Some(TOKEN.into()),
            _ => std::env::var_os(name),
        });
        let options = Options { config: Some(config), detect: false, ..Options::default() };
        let questions = agents::questions(&options, &environment).unwrap().of(Agent::SAMPLE);
        vec![Agent { questions, ..Agent::sample() }]
    }

    /// The pipe `fifo`, which ends when no process holds it.
    fn fifo(&self) -> Receiver {
        let path = self.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        OpenOptions::new().open_receiver(path).unwrap()
    }
}

/// Holds the pipe in the program and in a child.
const HOLD: &str = "exec 3> fifo; sleep 1000 & echo '{\"progress\": 1}'; wait";

/// A daemon with heartbeats every 0.1 s.
struct Running {
    server: ScriptedServer,
    stop: CancellationToken,
    daemon: JoinHandle<Result<(), Stopped>>,
}

impl Running {
    async fn start(server: ScriptedServer, agents: Vec<Agent>) -> Self {
        let stop = CancellationToken::new();
        let settings = Settings { interval: seconds(0.1), ..settings() };
        let daemon = daemon(&server, settings, agents);
        let mut status = daemon.status();
        let daemon = tokio::spawn(daemon.run(stop.clone()));
        status.wait_for(|status| !status.runtimes.is_empty()).await.unwrap();
        Self { server, stop, daemon }
    }

    /// Waits until `count` reports of this status have arrived.
    async fn reports(&self, status: &str, count: usize) -> Vec<ScriptedCall> {
        let arrived = async {
            loop {
                let calls = self.server.calls().into_iter();
                let reports: Vec<_> = calls.filter(|call| call.body["status"] == status).collect();
                if reports.len() >= count {
                    return reports;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(TIMEOUT, arrived).await.unwrap_or_else(|_| panic!("no report {status}"))
    }

    /// Stops the daemon, and returns the statuses of its reports.
    async fn end(self) -> Vec<Value> {
        self.stop.cancel();
        self.daemon.await.unwrap().unwrap();
        let reports = self.server.calls().into_iter().filter(|call| call.path.ends_with("/result"));
        reports.map(|call| call.body["status"].clone()).collect()
    }
}

fn asked(request: &str, kind: &str, args: Value) -> Value {
    let mut work = work(request, kind);
    work["args"] = args;
    work
}

async fn claiming(requests: Vec<Value>) -> ScriptedServer {
    ScriptedServer::start(move |call| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, 0) => Reply::claims(requests.clone()),
        _ => Reply::Default,
    })
    .await
}

async fn ends(mut fifo: Receiver) {
    let end = async { fifo.read_to_end(&mut Vec::new()).await.unwrap() };
    tokio::time::timeout(TIMEOUT, end).await.expect("a process is still running");
}

#[tokio::test]
async fn args_are_on_standard_input() {
    let request = next_request();
    let machine = Machine::new();
    let agents = machine.agents([("echo", "cat")]).await;
    let args = json!({"text": "$(id); ö \" ' \\"});
    let running = Running::start(claiming(vec![asked(&request, "echo", args.clone())]).await, agents).await;
    let report = running.reports("completed", 1).await.remove(0);
    assert_eq!(report.body, json!({"status": "completed", "result": args}));
    assert!(report.path.ends_with(&format!("/requests/{request}/result")), "{}", report.path);
    assert_eq!(running.end().await, ["completed"]);
}

#[tokio::test]
async fn registration_declares_questions() {
    let machine = Machine::new();
    let agents = machine.agents([("first", "true"), ("second", "true")]).await;
    let server = ScriptedServer::replying(Reply::Default).await;
    let running = Running::start(server.clone(), agents).await;
    running.end().await;
    let questions = &server.calls_to(REGISTER)[0].body["runtimes"][0]["questions"];
    assert_eq!(questions, &json!([{"name": "first"}, {"name": "second"}]));
}

#[tokio::test]
async fn failure_of_program_is_reported() {
    let request = next_request();
    let machine = Machine::new();
    let agents = machine.agents([("fail", "echo no disk >&2; exit 3")]).await;
    let running = Running::start(claiming(vec![work(&request, "fail")]).await, agents).await;
    let report = running.reports("failed", 1).await.remove(0);
    assert_eq!(report.body, json!({"status": "failed", "error": "fail ended with exit code 3: no disk"}));
    running.end().await;
}

#[tokio::test]
async fn progress_precedes_result() {
    let request = next_request();
    let machine = Machine::new();
    let script = "echo '{\"progress\": {\"done\": 1}}'; while ! test -e go; do sleep 0.01; done; echo 7";
    let agents = machine.agents([("count", script)]).await;
    let running = Running::start(claiming(vec![work(&request, "count")]).await, agents).await;
    let progress = running.reports("running", 1).await.remove(0);
    assert_eq!(progress.body, json!({"status": "running", "progress": {"done": 1}}));
    std::fs::write(machine.path().join("go"), "").unwrap();
    let report = running.reports("completed", 1).await.remove(0);
    assert_eq!((&report.body["result"], &report.path), (&json!(7), &progress.path));
    running.end().await;
}

#[tokio::test]
async fn cancelled_progress_ends_process_group_without_report() {
    let request = next_request();
    let machine = Machine::new();
    let fifo = machine.fifo();
    let agents = machine.agents([("hold", HOLD)]).await;
    let server = ScriptedServer::start(move |call| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, 0) => Reply::claims([work(&request, "hold")]),
        _ if call.body["status"] == "running" => Reply::Json(200, json!({"status": "ok", "cancelled": true})),
        _ => Reply::Default,
    });
    let running = Running::start(server.await, agents).await;
    running.reports("running", 1).await;
    ends(fifo).await;
    assert_eq!(running.end().await, ["running"]);
}

#[tokio::test]
async fn heartbeat_that_cancels_ends_process_group_without_report() {
    let request = next_request();
    let machine = Machine::new();
    let fifo = machine.fifo();
    let agents = machine.agents([("hold", HOLD)]).await;
    let cancelled = CancellationToken::new();
    let is_cancelled = cancelled.clone();
    let server = ScriptedServer::start(move |call| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, 0) => Reply::claims([work(&request, "hold")]),
        (HEARTBEAT, _) if is_cancelled.is_cancelled() => Reply::Heartbeat(json!({ "cancelled": [request] })),
        _ => Reply::Default,
    });
    let running = Running::start(server.await, agents).await;
    running.reports("running", 1).await;
    cancelled.cancel();
    ends(fifo).await;
    assert_eq!(running.end().await, ["running"]);
}

#[tokio::test]
async fn stop_of_daemon_ends_process_group() {
    let request = next_request();
    let machine = Machine::new();
    let fifo = machine.fifo();
    let agents = machine.agents([("hold", HOLD)]).await;
    let running = Running::start(claiming(vec![work(&request, "hold")]).await, agents).await;
    running.reports("running", 1).await;
    assert_eq!(running.end().await, ["running"]);
    ends(fifo).await;
}

/// More than the programs that run at once.
#[tokio::test]
async fn answers_more_requests_than_programs_run_at_once() {
    let machine = Machine::new();
    let agents = machine.agents([("one", "echo 1")]).await;
    let requests = (0..20).map(|_| work(&next_request(), "one")).collect();
    let running = Running::start(claiming(requests).await, agents).await;
    running.reports("completed", 20).await;
    assert_eq!(running.end().await.len(), 20);
}
