//! `doorbell why` on the file of an embedded store.

use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::{PENDING_DEADLINE, RETENTION, RUNNING_DEADLINE};
use doorbell_shared::access::Principal;
use doorbell_shared::catalog::CatalogUpdate;
use doorbell_shared::clock::{Clock as _, SystemClock};
use doorbell_shared::presence::HeartbeatChannel;
use doorbell_shared::request::{Address, ClaimFilter, ErrorText, KindFilter, Payload, RequestOutcome};
use doorbell_shared::store::conformance::{Replicas, TestContext};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::{CancelOutcome, ClaimOutcome, InitiateOutcome, Store as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::Ended;

/// A table in a file, with one runtime.
struct Table {
    folder: TempDir,
    test: TestContext<DynamoDbStore>,
}

impl Table {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = EmbeddedDynamoDb::open(&folder.path().join("doorbell.db")).await.unwrap();
        let replicas = Replicas { replica_a: engine.store(), replica_b: engine.store() };
        Self { folder, test: TestContext::new(replicas).await }
    }

    fn caller(&self, subject: &str) -> Principal {
        Principal { subject: subject.to_owned(), ..self.test.caller.clone() }
    }

    async fn ring(&self, subject: &str, now: Timestamp) -> Address {
        let ring = self.test.new_ring(now);
        let rung = self.test.replica_a.initiate(&ring, &self.caller(subject), now).await.unwrap();
        assert!(matches!(rung, InitiateOutcome::Enqueued(..)), "{rung:?}");
        ring.address
    }

    /// Claims a pending request, or one with a lost lease.
    async fn claim(&self, subject: &str, address: Address, now: Timestamp) {
        let token = self.test.lease_token();
        let filter = ClaimFilter::PendingOrLost;
        let claimed = self.test.replica_a.claim(address, &self.caller(subject), filter, token, now).await;
        assert!(matches!(claimed.unwrap(), ClaimOutcome::Won(_)));
    }

    async fn cancel(&self, subject: &str, address: Address, now: Timestamp) {
        let caller = self.caller(subject);
        let cancelled = self.test.replica_a.cancel(address, KindFilter::Any, &caller, now).await;
        assert!(matches!(cancelled.unwrap(), CancelOutcome::Cancelled(_)));
    }

    async fn report(&self, subject: &str, address: Address, outcome: RequestOutcome, now: Timestamp) {
        self.test
            .replica_a
            .report(address, KindFilter::Any, &self.caller(subject), &outcome, CatalogUpdate::Keep, now)
            .await
            .unwrap();
    }

    /// A heartbeat without a claim.
    async fn heartbeat(&self, now: Timestamp) {
        self.test
            .replica_a
            .record_heartbeat(self.test.runtime, &self.test.caller, HeartbeatChannel::Plain, now)
            .await
            .unwrap();
    }

    async fn why(&self, address: Address, options: &[&str]) -> Ended {
        let request = address.request.to_string();
        let workspace = self.test.workspace.to_string();
        let data = self.folder.path().join("doorbell.db");
        let table = ["--store", "embedded", "--data", data.to_str().unwrap()];
        let why = ["why", &request, "--workspace", &workspace];
        Machine::new().run(&[&why, &table, options].concat()).await
    }

    async fn json(&self, address: Address) -> Value {
        let ended = self.why(address, &["--json"]).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// The rows of the printed events, with single spaces.
    async fn events(&self, address: Address) -> Vec<String> {
        let ended = self.why(address, &[]).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        let rows = ended.stdout.lines().skip_while(|line| !line.starts_with(" TIME")).skip(1);
        rows.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }
}

fn completed() -> RequestOutcome {
    RequestOutcome::Completed(Payload::try_from("{}".to_owned()).unwrap())
}

fn seconds_ago(seconds: u64) -> Timestamp {
    SystemClock.now() - Duration::from_secs(seconds)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn shows_completed_request() {
    let table = Table::new().await;
    let rung = seconds_ago(20);
    let address = table.ring("alice", rung).await;
    table.claim("build machine", address, rung + seconds(2)).await;
    table.report("build machine", address, completed(), rung + seconds(3)).await;
    let events = [
        format!("{rung} 0.000 s rung alice"),
        format!("{} 2.000 s delivered build machine", rung + seconds(2)),
        format!("{} 3.000 s reported completed build machine", rung + seconds(3)),
    ];
    assert_eq!(table.events(address).await, events);
    let heading = table.why(address, &[]).await.stdout;
    let request = format!("Request {} (model_list): completed\n", address.request);
    let runtime = format!("Runtime Agent (codex), {}, last seen ", address.runtime);
    assert!(heading.starts_with(&format!("{request}{runtime}")), "{heading}");
}

#[tokio::test]
async fn json_of_redelivered_request() {
    let table = Table::new().await;
    let rung = seconds_ago(20);
    let address = table.ring("alice", rung).await;
    table.claim("laptop", address, rung + seconds(2)).await;
    table.claim("laptop", address, rung + seconds(8)).await;
    table.report("laptop", address, completed(), rung + seconds(9)).await;
    let mut printed = table.json(address).await;
    let runtime = printed.as_object_mut().unwrap().shift_remove("runtime").unwrap();
    assert_eq!(runtime["id"], json!(address.runtime));
    let expected = json!({
        "id": address.request, "runtime_id": address.runtime, "workspace_id": table.test.workspace,
        "kind": "model_list", "status": "completed", "created_at": rung, "asked_by": "alice",
        "deliveries": [
            {"at": rung + seconds(2), "attempt": 1, "redelivery": false, "by": "laptop"},
            {"at": rung + seconds(8), "attempt": 2, "redelivery": true, "by": "laptop"},
        ],
        "report": {"at": rung + seconds(9), "status": "completed", "after_ms": 9_000, "by": "laptop"},
    });
    assert_eq!(printed, expected);
    let rows = table.events(address).await;
    assert_eq!(rows[2], format!("{} 8.000 s redelivered (attempt 2) laptop", rung + seconds(8)));
}

/// Reads twice, because a read must not store the timeout.
#[tokio::test]
async fn shows_unclaimed_request_before_a_poll() {
    let table = Table::new().await;
    let rung = seconds_ago(40);
    table.heartbeat(rung - seconds(5)).await;
    let address = table.ring("alice", rung).await;
    let deadline = rung + PENDING_DEADLINE;
    let timeout = "timeout: not claimed within 30 s; the runtime was last seen 5.000 s before the ring";
    for _ in 0..2 {
        let events = [format!("{rung} 0.000 s rung alice"), format!("{deadline} 30.000 s {timeout}")];
        assert_eq!(table.events(address).await, events);
    }
    let printed = table.json(address).await;
    assert_eq!(printed["status"], "timeout");
    let error = "daemon did not respond within 30 seconds";
    let expected = json!({"reason": "not_claimed", "error": error, "deadline": deadline});
    assert_eq!((&printed["timeout"], printed.get("report")), (&expected, None));
}

/// A running daemon that does not claim is another fault than a stopped daemon.
#[tokio::test]
async fn shows_unclaimed_request_of_online_runtime() {
    let table = Table::new().await;
    let rung = seconds_ago(40);
    let address = table.ring("alice", rung).await;
    table.heartbeat(rung + seconds(29)).await;
    let events = table.events(address).await;
    assert!(events[1].ends_with("the runtime was last seen 29.000 s after the ring"), "{events:?}");
}

#[tokio::test]
async fn shows_unreported_request_after_a_poll() {
    let table = Table::new().await;
    let rung = seconds_ago(80);
    let address = table.ring("alice", rung).await;
    table.claim("laptop", address, rung + seconds(10)).await;
    table.claim("laptop", address, rung + seconds(25)).await;
    let deadline = rung + seconds(10) + RUNNING_DEADLINE;
    let polled = rung + seconds(75);
    table.test.replica_b.poll(address, KindFilter::Any, &table.test.caller, polled).await.unwrap();
    let events = table.events(address).await;
    let timeout = format!("{deadline} 70.000 s timeout: not reported within 60 s of the first delivery");
    let stored = format!("{polled} 75.000 s the first poll after the deadline stored the timeout");
    assert_eq!(events[3..], [timeout, stored]);
    let printed = table.json(address).await;
    let error = "daemon did not finish within 60 seconds";
    let expected =
        json!({"reason": "not_reported", "error": error, "deadline": deadline, "stored_at": polled});
    assert_eq!(printed["timeout"], expected);
}

#[tokio::test]
async fn shows_open_request_with_its_deadline() {
    let table = Table::new().await;
    let rung = seconds_ago(2);
    let address = table.ring("alice", rung).await;
    let events = table.events(address).await;
    assert_eq!(events[1], format!("{} 30.000 s will time out, if still open", rung + PENDING_DEADLINE));
    assert_eq!(table.json(address).await["deadline"], json!(rung + PENDING_DEADLINE));
}

#[tokio::test]
async fn shows_cancellation_with_its_caller() {
    let table = Table::new().await;
    let rung = seconds_ago(20);
    let address = table.ring("alice", rung).await;
    table.cancel("bob", address, rung + seconds(2)).await;
    let events = table.events(address).await;
    assert_eq!(events[1], format!("{} 2.000 s cancelled bob", rung + seconds(2)));
    let printed = table.json(address).await;
    assert_eq!(printed["status"], "failed");
    assert_eq!(printed["cancellation"], json!({"at": rung + seconds(2), "by": "bob"}));
}

/// Subjects and errors come from other machines.
#[tokio::test]
async fn shows_failure_without_control_characters() {
    let table = Table::new().await;
    let rung = seconds_ago(2);
    let address = table.ring("a\u{1b}[2J\nb", rung).await;
    let failure = RequestOutcome::Failed(ErrorText::from("not \u{202e}logged in".to_owned()));
    table.report("laptop", address, failure, rung + seconds(1)).await;
    let ended = table.why(address, &[]).await;
    assert!(ended.stdout.contains("\nError: not \u{fffd}logged in\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("rung             a\u{fffd}[2J b\n"), "{}", ended.stdout);
    assert_eq!(table.json(address).await["error"], "not \u{202e}logged in");
}

#[tokio::test]
async fn runtime_option_limits_search() {
    let table = Table::new().await;
    let address = table.ring("alice", seconds_ago(2)).await;
    let found = table.why(address, &["--runtime", &address.runtime.to_string()]).await;
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    let other = table.why(address, &["--runtime", "5f0c1b52-6c0e-5d0a-9a5e-0d9f7a1c2b3d"]).await;
    assert_eq!(other.code, Some(1));
}

#[tokio::test]
async fn request_past_retention_has_remedy() {
    let table = Table::new().await;
    let address = table.ring("alice", SystemClock.now() - RETENTION - seconds(1)).await;
    let ended = table.why(address, &[]).await;
    let error = format!("error: the workspace {} has no request {}\n", table.test.workspace, address.request);
    let help = "help: a request is kept after its last change for 2 minutes (model_list), 5 minutes (local_skills) or an hour (questions); give --runtime if its runtime was forgotten; check the id and --workspace\n";
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr), (Some(1), "", format!("{error}{help}")));
}

/// With the subjects of the tokens of `doorbell dev`.
#[tokio::test]
async fn explains_ring_of_running_dev() {
    let machine = Machine::new().with_file("box", "[]");
    let dev = Dev::start(&machine, &["--no-daemon", "--data", "doorbell.db"]).await;
    let _daemon = dev.daemon(&machine, &["--file", "box"]).await;
    let rung: Value = serde_json::from_str(&dev.run(&["models", "box", "--json"]).await.stdout).unwrap();
    let options = ["--store", "embedded", "--data", "doorbell.db", "--json"];
    let ended = machine.run(&[&["why", rung["id"].as_str().unwrap()], &options[..]].concat()).await;
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&printed["status"], &printed["report"]["at"]), (&json!("completed"), &rung["updated_at"]));
    assert_eq!((&printed["asked_by"], &printed["report"]["by"]), (&json!("user-a"), &json!("daemon-a")));
    assert_eq!(printed["deliveries"][0]["by"], "daemon-a");
}
