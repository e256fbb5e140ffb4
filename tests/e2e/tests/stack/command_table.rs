//! What takes both the command and the table in hand (`DOORBELL_TABLE`).

use std::time::Duration;

use doorbell_shared::clock::Stopwatch;
use doorbell_test_support::{ApiResponse, Client, stack};
use reqwest::Method;
use serde_json::json;

use crate::support::dev::Dev;
use crate::support::machine::Machine;

/// How long API Gateway remembers a token, as the template has it by default, and some more.
const REVOCATION_LIMIT: Duration = Duration::from_secs(75);
const REPLICAS: usize = 3;

/// A machine that may use the table.
fn administrators() -> Machine {
    let aws = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
    let machine = Machine::new().with("DOORBELL_TABLE", &stack::table());
    aws.fold(machine, |machine, (name, value)| machine.with(&name, &value))
}

/// Runs `doorbell token`, and returns what it prints.
async fn token(machine: &Machine, client: &Client, arguments: &[&str]) -> String {
    let ended = machine.run(&[&["token"], arguments, &["--workspace", &client.a.id]].concat()).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout.trim().to_owned()
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn a_revoked_token_is_refused() {
    let (client, machine) = (stack::client(), administrators());
    let made = token(&machine, &client, &["create", "--scope", "user", "--subject", "stack suite"]).await;
    let status = async || {
        let request = client.request(Method::GET, "/api/runtimes").bearer_auth(&made);
        client.send(request).await.status
    };
    assert_eq!(status().await, 200);
    token(&machine, &client, &["revoke", &made]).await;
    let since = Stopwatch::start();
    while status().await == 200 {
        assert!(since.elapsed() < REVOCATION_LIMIT, "let in {:?} later", since.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(status().await, 401);
}

/// One lifecycle, each of whose calls goes to the next of `replicas`, from the one at `first` on.
async fn assert_one_story(replicas: &[Client], first: usize) {
    let mut round = replicas.iter().cycle().skip(first);
    let mut next = || round.next().unwrap();
    let runtime = next().new_runtime().await;
    let request = next().ring(&runtime).await;
    let beat = next().beat(&runtime).await;
    assert_eq!(beat.body["pending_model_list"]["id"], request.as_str(), "{beat:?}");
    assert_eq!(next().beat(&runtime).await, ApiResponse::ok(json!({"status": "ok"})), "it is claimed");
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

/// The stack, and processes beside it on the same table: each call lands on another one.
#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn every_call_of_a_lifecycle_may_land_on_another_process() {
    let (client, machine, table) = (stack::client(), administrators(), stack::table());
    let (mut processes, mut replicas) = (Vec::new(), vec![client.clone()]);
    for _ in 0..REPLICAS {
        let replica = Dev::start(&machine, &["--no-daemon", "--store", "dynamodb", "--table", &table]).await;
        replicas.push(Client::new(&replica.url, [client.a.clone(), client.b.clone()]));
        processes.push(replica);
    }
    for first in 0..replicas.len() {
        assert_one_story(&replicas, first).await;
    }
}
