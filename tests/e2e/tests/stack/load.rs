//! Twenty daemons and fifty clients at once: each request completes once, by its own daemon, and for every client that has joined it.

use std::time::Duration;

use doorbell_test_support::{Client, stack};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const DAEMONS: usize = 20;
const CLIENTS: usize = 50;
/// The interval of existing clients.
const POLL: Duration = Duration::from_millis(500);
const HEARTBEAT: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(60);

/// The unique result of a request of `runtime`.
fn models(runtime: &str, request: &str) -> Value {
    json!([{"id": runtime, "label": request}])
}

/// Sends heartbeats and reports until it is aborted, and sends each claimed request to `claimed`.
async fn serve(client: Client, runtime: String, claimed: mpsc::UnboundedSender<String>) {
    loop {
        let response = client.heartbeat(&runtime).await;
        assert_eq!(response.status, 200, "{response:?}");
        let Some(request) = response.body["pending_model_list"]["id"].as_str() else {
            tokio::time::sleep(HEARTBEAT).await;
            continue;
        };
        // Before the report: its effect may end the test before its response.
        claimed.send(request.to_owned()).unwrap();
        let report = json!({"status": "completed", "models": models(&runtime, request)});
        let reported = client.report(&runtime, request, report).await;
        assert_eq!(reported.status, 200, "{reported:?}");
    }
}

/// Rings and polls until the request ends; returns its id and final record.
async fn run_client(client: Client, runtime: String) -> (String, Value) {
    let request = client.ring(&runtime).await;
    loop {
        let seen = client.poll(&runtime, &request).await;
        assert_eq!(seen.status, 200, "{seen:?}");
        if seen.body["status"] != "pending" && seen.body["status"] != "running" {
            assert_eq!(seen.body["models"], models(&runtime, &request), "{}", seen.body);
            return (request, seen.body);
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn runtimes(client: &Client) -> Vec<String> {
    let mut daemons = JoinSet::new();
    for _ in 0..DAEMONS {
        let client = client.clone();
        daemons.spawn(async move { client.new_runtime().await });
    }
    daemons.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn every_request_completes_once_by_its_own_daemon() {
    let client = stack::client();
    let runtimes = runtimes(&client).await;
    let (claimed, mut claims) = mpsc::unbounded_channel();
    let mut daemons = JoinSet::new();
    let mut clients = JoinSet::new();
    for runtime in &runtimes {
        daemons.spawn(serve(client.clone(), runtime.clone(), claimed.clone()));
    }
    for runtime in runtimes.iter().cycle().take(CLIENTS) {
        clients.spawn(run_client(client.clone(), runtime.clone()));
    }
    let ended = tokio::time::timeout(TIMEOUT, clients.join_all()).await;
    let (mut rung, records): (Vec<_>, Vec<_>) =
        ended.expect("a request is open after a minute").into_iter().unzip();
    assert!(daemons.try_join_next().is_none(), "a daemon has failed");
    daemons.shutdown().await;

    let completed = records.iter().filter(|record| record["status"] == "completed").count();
    assert_eq!(completed, CLIENTS);
    let mut delivered = Vec::new();
    claims.recv_many(&mut delivered, 2 * CLIENTS).await;
    // Rings that meet a pending request of their runtime have joined it.
    rung.sort();
    rung.dedup();
    delivered.sort();
    println!("load: {CLIENTS} rings of {DAEMONS} daemons, {} requests", rung.len());
    assert_eq!(delivered, rung, "a request was delivered twice or never");
}
