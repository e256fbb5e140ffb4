//! Twenty daemons and fifty clients at once: every ring is answered, once, by its own daemon.

use std::time::Duration;

use doorbell_test_support::{Client, stack};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const DAEMONS: usize = 20;
const CLIENTS: usize = 50;
/// As the existing clients poll.
const POLL: Duration = Duration::from_millis(500);
const BEAT: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(60);

/// What the daemon of a runtime answers to a request, and nobody else to any other.
fn models(runtime: &str, request: &str) -> Value {
    json!([{"id": runtime, "label": request}])
}

/// Beats and answers until it is shut down, and tells what it was handed.
async fn serve(client: Client, runtime: String, handed: mpsc::UnboundedSender<String>) {
    loop {
        let beat = client.heartbeat(&runtime).await;
        assert_eq!(beat.status, 200, "{beat:?}");
        let Some(request) = beat.body["pending_model_list"]["id"].as_str() else {
            tokio::time::sleep(BEAT).await;
            continue;
        };
        let answer = json!({"status": "completed", "models": models(&runtime, request)});
        let reported = client.report(&runtime, request, answer).await;
        assert_eq!(reported.status, 200, "{reported:?}");
        handed.send(request.to_owned()).unwrap();
    }
}

/// Rings and polls until it is over. Gives the request and how it ended.
async fn ask(client: Client, runtime: String) -> (String, Value) {
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
async fn every_ring_is_answered_once_by_its_own_daemon() {
    let client = stack::client();
    let runtimes = runtimes(&client).await;
    let (handed, mut claims) = mpsc::unbounded_channel();
    let (mut daemons, mut clients) = (JoinSet::new(), JoinSet::new());
    for runtime in &runtimes {
        daemons.spawn(serve(client.clone(), runtime.clone(), handed.clone()));
    }
    for runtime in runtimes.iter().cycle().take(CLIENTS) {
        clients.spawn(ask(client.clone(), runtime.clone()));
    }
    let over = tokio::time::timeout(LIMIT, clients.join_all()).await;
    let (mut rung, endings): (Vec<_>, Vec<_>) =
        over.expect("every ring is over within a minute").into_iter().unzip();
    assert!(daemons.try_join_next().is_none(), "a daemon has failed");
    daemons.shutdown().await;

    let completed = endings.iter().filter(|ending| ending["status"] == "completed").count();
    println!("crowd: {} rings of {DAEMONS} daemons, {completed} completed", endings.len());
    assert_eq!(completed, CLIENTS);
    let mut claimed = Vec::new();
    claims.recv_many(&mut claimed, 2 * CLIENTS).await;
    rung.sort();
    claimed.sort();
    assert_eq!(claimed, rung, "each was handed out once");
}
