//! A daemon that is a process, and people who ask it with the command.

use doorbell_test_support::client::new_daemon_id;
use doorbell_test_support::{Client, stack};
use serde_json::{Value, json};

use crate::support::machine::Machine;
use crate::support::process::{Ended, Running};

const MODELS: &str = r#"[{"id": "a", "label": "Model A", "default": true, "mine": {"kept": [1]}}]"#;

/// A daemon with one agent, which has the same name that nobody else has.
struct Served {
    client: Client,
    name: String,
    machine: Machine,
    daemon: Running,
}

impl Served {
    async fn start() -> Self {
        let (client, name) = (stack::client(), new_daemon_id());
        let machine = Machine::new()
            .with("DOORBELL_URL", client.url())
            .with("DOORBELL_TOKEN", &client.a.daemon)
            .with("DOORBELL_WORKSPACE", &client.a.id)
            .with_file(&name, MODELS);
        let daemon = machine.start(&["daemon", "--interval", "1", "--daemon-id", &name, "--file", &name]);
        daemon.prints(" online ").await;
        Self { client, name, machine, daemon }
    }

    /// What a person's command prints.
    async fn asked(&self, arguments: &[&str]) -> Value {
        let person = ["--json", "--token", &self.client.a.user];
        let Ended { code, stdout, stderr } = self.machine.run(&[arguments, &person].concat()).await;
        assert_eq!(code, Some(0), "{stderr}");
        serde_json::from_str(&stdout).unwrap()
    }

    async fn listed(&self) -> Value {
        let listed = self.asked(&["runtimes"]).await;
        let mut of_name = listed.as_array().unwrap().iter().filter(|runtime| runtime["name"] == *self.name);
        of_name.next().unwrap_or_else(|| panic!("{} is not in {listed}", self.name)).clone()
    }
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn a_daemon_answers_whoever_asks_for_its_models_by_name() {
    let served = Served::start().await;
    let record = served.asked(&["models", &served.name]).await;
    let models: Value = serde_json::from_str(MODELS).unwrap();
    assert_eq!((&record["status"], &record["models"]), (&json!("completed"), &models));
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn a_daemon_answers_whoever_asks_for_its_models_by_id() {
    let served = Served::start().await;
    let id = served.find_runtime().await["id"].clone();
    let record = served.asked(&["models", id.as_str().unwrap()]).await;
    assert_eq!((&record["status"], &record["runtime_id"]), (&json!("completed"), &id));
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn a_daemon_that_is_ended_signs_its_runtimes_off() {
    let served = Served::start().await;
    let runtime = served.find_runtime().await;
    assert_eq!(runtime["status"], "online");
    let Served { client, daemon, .. } = served;
    assert_eq!(daemon.terminate().await.code, Some(0));
    let runtime = client.find_runtime(runtime["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(runtime["status"], "offline");
}
