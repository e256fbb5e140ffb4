//! `doorbell dev --store dynamodb` on an emulator that answers its first call late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use doorbell_shared::store::dynamodb::embedded::{CONTENT_TYPE, EmbeddedDynamoDb, TARGET_HEADER};
use tokio::net::TcpListener;

use crate::support::dev::Dev;
use crate::support::machine::Machine;

/// A table that does not exist when the engine starts.
const TABLE: &str = "late";
/// More than an attempt of a store's call may take. The first call to a cold LocalStack was measured to take 2.1 to 2.7 s.
const LATE: Duration = Duration::from_secs(3);

/// DynamoDB over HTTP on loopback. Applies the first call at once and answers it after [`LATE`].
#[derive(Clone)]
struct Emulator {
    engine: EmbeddedDynamoDb,
    is_cold: Arc<AtomicBool>,
}

impl Emulator {
    /// Returns its URL. It ends with the test's tokio runtime.
    async fn serve(engine: EmbeddedDynamoDb) -> String {
        let emulator = Self { engine, is_cold: Arc::new(AtomicBool::new(true)) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(respond).with_state(emulator);
        tokio::spawn(async { axum::serve(listener, app).await });
        url
    }
}

async fn respond(State(emulator): State<Emulator>, headers: HeaderMap, body: String) -> impl IntoResponse {
    let target = headers[TARGET_HEADER].to_str().unwrap();
    let response = emulator.engine.respond(target, body.as_bytes());
    if emulator.is_cold.swap(false, Ordering::Relaxed) {
        tokio::time::sleep(LATE).await;
    }
    (StatusCode::from_u16(response.status).unwrap(), [(header::CONTENT_TYPE, CONTENT_TYPE)], response.body)
}

fn describe_ttl(engine: &EmbeddedDynamoDb) -> String {
    let body = format!(r#"{{"TableName": "{TABLE}"}}"#);
    engine.respond("DynamoDB_20120810.DescribeTimeToLive", body.as_bytes()).body
}

#[tokio::test]
async fn first_start_on_cold_emulator_creates_table_with_ttl() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let url = Emulator::serve(engine.clone()).await;
    let machine = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        .into_iter()
        .fold(Machine::new(), |machine, name| machine.with_env(name, "local-1"))
        .with_env("AWS_ENDPOINT_URL", &url);
    let dev = Dev::start(&machine, &["--no-daemon", "--store", "dynamodb", "--table", TABLE]).await;
    assert!(describe_ttl(&engine).contains(r#""TimeToLiveStatus":"ENABLED""#), "{}", describe_ttl(&engine));
    dev.process.wait_for_stderr("created the table late").await;
}
