//! A held poll (`?wait=20`) and polls every 500 ms: the time from the daemon's report to the client's answer, over HTTP on loopback on
//! the embedded engine, and the calls and read units of both. Times are printed and not asserted: they depend on the machine.

use std::sync::Arc;
use std::time::Duration;

use doorbell_shared::clock::Stopwatch;
use doorbell_shared::store::dynamodb::embedded::{CallRecorder, EmbeddedDynamoDb};
use doorbell_shared::store::memory::MemoryStore;
use doorbell_test_support::{Caller, TestApi, TestClock};
use futures_util::future::join_all;
use serde_json::json;

/// The interval of existing clients.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// From ring to report.
const ANSWERS: u32 = 24;

/// Answers come at different times between two reads.
fn reported_after(answer: u32) -> Duration {
    Duration::from_millis(2_000 + u64::from(answer) * 500 / u64::from(ANSWERS))
}

#[derive(Clone, Copy)]
enum Client {
    Holds,
    Polls,
}

/// The calls of the client, and the time from the report to its answer.
async fn measure(api: &TestApi, client: Client, answer: u32, rung: &(String, String)) -> (u32, Duration) {
    let (runtime, request) = rung;
    let report = async {
        tokio::time::sleep(reported_after(answer)).await;
        api.report(runtime, request, json!({"status": "completed", "models": []})).await;
        Stopwatch::start()
    };
    let path = format!("/api/runtimes/{runtime}/models/{request}");
    let poll = async {
        let mut calls = 0;
        loop {
            calls += 1;
            let record = match client {
                Client::Holds => api.get(Caller::UserA, &format!("{path}?wait=20")).await,
                Client::Polls => api.get(Caller::UserA, &path).await,
            };
            if record.body["status"] == "completed" {
                return (calls, Stopwatch::start());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let (reported, (calls, answered)) = tokio::join!(report, poll);
    (calls, reported.elapsed().saturating_sub(answered.elapsed()))
}

#[tokio::test]
async fn held_poll_is_one_call() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let recorder = Arc::new(CallRecorder::default());
    let store = engine.store_with_interceptor(Arc::<CallRecorder>::clone(&recorder));
    let tokens = MemoryStore::default();
    let clock = Arc::new(TestClock::default());
    doorbell_gateway::issue_dev_tokens(&tokens, doorbell_shared::clock::Clock::now(&*clock)).await.unwrap();
    let api = TestApi::serve(store, tokens, None, clock).await;
    for (name, client) in [("?wait=20", Client::Holds), ("polls every 500 ms", Client::Polls)] {
        let mut rung = Vec::new();
        for _ in 0..ANSWERS {
            let runtime = api.new_runtime().await;
            let request = api.ring(&runtime).await;
            rung.push((runtime, request));
        }
        recorder.take();
        let answers = (0..ANSWERS).zip(&rung).map(|(answer, rung)| measure(&api, client, answer, rung));
        let answers = join_all(answers).await;
        let reads = recorder.take().into_iter().filter(|call| call.operation == "GetItem");
        let read_units: f64 = reads.map(|call| call.units).sum();
        let calls: u32 = answers.iter().map(|(calls, _)| calls).sum();
        let mut late: Vec<_> = answers.into_iter().map(|(_, late)| late).collect();
        late.sort_unstable();
        let per_answer = |total: f64| total / f64::from(ANSWERS);
        println!(
            "{name}: median {:?}, longest {:?} after the report; {} calls and {} read units an answer",
            late[late.len() / 2],
            late[late.len() - 1],
            per_answer(calls.into()),
            per_answer(read_units)
        );
        if matches!(client, Client::Holds) {
            assert_eq!(calls, ANSWERS);
        }
    }
}
