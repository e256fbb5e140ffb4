//! The command against a deployed stack: a daemon process, clients, token administration, and replicas on the same table.

use std::time::Duration;

use doorbell_shared::clock::Stopwatch;
use doorbell_test_support::client::new_daemon_id;
use doorbell_test_support::{ApiResponse, Client, stack};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::{Ended, Running};

const MODELS: &str = r#"[{"id": "a", "label": "Model A", "default": true, "mine": {"kept": [1]}}]"#;

/// The template's default cache time of the authorizer, and a margin.
const REVOCATION_TIMEOUT: Duration = Duration::from_secs(75);
const REPLICAS: usize = 3;

/// A daemon process with one agent of a unique name.
struct Served {
    client: Client,
    name: String,
    machine: Machine,
    daemon: Running,
}

impl Served {
    async fn start() -> Self {
        let client = stack::client();
        let name = new_daemon_id();
        let machine = Machine::new()
            .with_env("DOORBELL_URL", client.url())
            .with_env("DOORBELL_TOKEN", &client.a.daemon)
            .with_env("DOORBELL_WORKSPACE", &client.a.id)
            .with_file(&name, MODELS);
        let daemon = machine.start(&["daemon", "--interval", "1", "--daemon-id", &name, "--file", &name]);
        daemon.wait_for_stdout(" online ").await;
        Self { client, name, machine, daemon }
    }

    /// The JSON that a user's command prints.
    async fn run_as_user(&self, arguments: &[&str]) -> Value {
        let user = ["--json", "--token", &self.client.a.user];
        let Ended { code, stdout, stderr } = self.machine.run(&[arguments, &user].concat()).await;
        assert_eq!(code, Some(0), "{stderr}");
        serde_json::from_str(&stdout).unwrap()
    }

    async fn runtime(&self) -> Value {
        let listed = self.run_as_user(&["runtimes"]).await;
        let mut of_name = listed.as_array().unwrap().iter().filter(|runtime| runtime["name"] == *self.name);
        of_name.next().unwrap_or_else(|| panic!("{} is not in {listed}", self.name)).clone()
    }
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn lists_models_of_runtime_by_name() {
    let served = Served::start().await;
    let record = served.run_as_user(&["models", &served.name]).await;
    let models: Value = serde_json::from_str(MODELS).unwrap();
    assert_eq!((&record["status"], &record["models"]), (&json!("completed"), &models));
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn lists_models_of_runtime_by_id() {
    let served = Served::start().await;
    let id = served.runtime().await["id"].clone();
    let record = served.run_as_user(&["models", id.as_str().unwrap()]).await;
    assert_eq!((&record["status"], &record["runtime_id"]), (&json!("completed"), &id));
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn terminated_daemon_deregisters() {
    let served = Served::start().await;
    let runtime = served.runtime().await;
    assert_eq!(runtime["status"], "online");
    let Served { client, daemon, .. } = served;
    assert_eq!(daemon.terminate().await.code, Some(0));
    let runtime = client.find_runtime(runtime["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(runtime["status"], "offline");
}

/// A machine with access to the table.
fn administrator() -> Machine {
    let aws = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
    let machine = Machine::new().with_env("DOORBELL_TABLE", &stack::table());
    aws.fold(machine, |machine, (name, value)| machine.with_env(&name, &value))
}

/// Runs `doorbell token` on the table and returns its output.
async fn token(machine: &Machine, client: &Client, arguments: &[&str]) -> String {
    let table = ["--store", "dynamodb", "--workspace", &client.a.id];
    let ended = machine.run(&[&["token"], arguments, &table].concat()).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout.trim().to_owned()
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn rejects_revoked_token() {
    let client = stack::client();
    let machine = administrator();
    let created = token(&machine, &client, &["create", "--scope", "user", "--subject", "stack suite"]).await;
    let status = async || {
        let request = client.request(Method::GET, "/api/runtimes").bearer_auth(&created);
        client.send(request).await.status
    };
    assert_eq!(status().await, 200);
    token(&machine, &client, &["revoke", &created]).await;
    let since = Stopwatch::start();
    while status().await == 200 {
        assert!(since.elapsed() < REVOCATION_TIMEOUT, "accepted {:?} after revocation", since.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(status().await, 401);
}

/// One lifecycle; each call goes to the next of `replicas`, starting with `first`.
async fn assert_lifecycle(replicas: &[Client], first: usize) {
    let mut round = replicas.iter().cycle().skip(first);
    let mut next = || round.next().unwrap();
    let runtime = next().new_runtime().await;
    let request = next().ring(&runtime).await;
    let heartbeat = next().heartbeat(&runtime).await;
    assert_eq!(heartbeat.body["pending_model_list"]["id"], request.as_str(), "{heartbeat:?}");
    assert_eq!(next().heartbeat(&runtime).await, ApiResponse::ok(json!({"status": "ok"})), "claimed twice");
    assert_eq!(next().poll(&runtime, &request).await.body["status"], "running");
    let report = json!({"status": "completed", "models": [{"id": "a", "label": "A"}]});
    assert_eq!(next().report(&runtime, &request, report.clone()).await.status, 200);
    let shown = next().poll(&runtime, &request).await;
    assert_eq!((&shown.body["status"], &shown.body["models"]), (&json!("completed"), &report["models"]));
    let late = json!({"status": "failed", "error": "late"});
    assert_eq!(next().report(&runtime, &request, late).await.status, 200);
    for replica in replicas {
        assert_eq!(replica.poll(&runtime, &request).await, shown);
    }
}

/// The stack, and `doorbell dev` processes on the same table.
#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn lifecycle_spans_processes() {
    let client = stack::client();
    let machine = administrator();
    let table = stack::table();
    let mut processes = Vec::new();
    let mut replicas = vec![client.clone()];
    for _ in 0..REPLICAS {
        let replica = Dev::start(&machine, &["--no-daemon", "--store", "dynamodb", "--table", &table]).await;
        replicas.push(Client::new(&replica.url, [client.a.clone(), client.b.clone()]));
        processes.push(replica);
    }
    for first in 0..replicas.len() {
        assert_lifecycle(&replicas, first).await;
    }
}
