//! A server that answers what a test wants: what takes the real one too long, or what it never says.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// It ends with the test.
#[derive(Debug)]
pub struct Scripted {
    /// Where it is.
    pub url: String,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    /// Answers `POST /api/…` and the like with a status and a body.
    pub async fn start(script: impl Fn(&str) -> (u16, String) + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&calls);
        let app = Router::new().fallback(move |request: Request| async move {
            let call = format!("{} {}", request.method(), request.uri().path());
            let (status, body) = script(&call);
            noted.lock().unwrap().push(call);
            (StatusCode::from_u16(status).unwrap(), body)
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, calls }
    }

    /// Answers each ring with `record`.
    pub async fn answering(record: Value) -> Self {
        Self::start(move |_| (200, record.to_string())).await
    }

    /// Every call so far, as `POST /path`.
    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

/// The runtime that scripted records are of.
pub const RUNTIME: &str = "5f0c1b52-6c0e-5d0a-9a5e-0d9f7a1c2b3d";

/// A request's record with `status`, and what else it has.
pub fn record(status: &str, more: Value) -> Value {
    let mut record = json!({
        "id": "0193510a2b3c7d4e8f90a1b2c3d4e5f6", "runtime_id": RUNTIME, "status": status, "supported": true,
        "created_at": "2026-11-22T03:41:07.123Z", "updated_at": "2026-11-22T03:41:07.123Z",
    });
    if let (Value::Object(record), Value::Object(more)) = (&mut record, more) {
        record.extend(more);
    }
    record
}
