//! Lambda's runtime API (AWS, "Using the Lambda runtime API for custom runtimes"), and routes to prepare the next process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use serde_json::Value;

use crate::dynamodb::Engine;
use crate::{Error, table};

const REQUEST_ID: &[u8] = b"8476a536-e9f4-11e8-9739-2dfe598c3fcd";

/// A request id that is not text makes the Rust runtime return from `main`. Other ways end the process by a panic or a signal.
const END: &[u8] = b"\xff";

/// The remaining events of one process, and the result of its calls.
#[derive(Default)]
struct Invocations {
    function: String,
    events: VecDeque<String>,
    hold: bool,
    is_waiting: bool,
    failure: Option<String>,
}

#[derive(Clone)]
struct Host {
    engine: Engine,
    invocations: Arc<Mutex<Invocations>>,
}

pub(crate) fn router(engine: Engine) -> Router {
    let invocation = "/2018-06-01/runtime/invocation";
    Router::new()
        .route("/prepare/{function}/{calls}/{then}", get(prepare))
        .route("/outcome", get(outcome))
        .route(&format!("{invocation}/next"), get(next))
        .route(&format!("{invocation}/{{id}}/response"), post(response))
        .fallback(failure)
        .with_state(Host { engine, invocations: Arc::default() })
}

impl Host {
    fn invocations(&self) -> MutexGuard<'_, Invocations> {
        self.invocations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn prepare(&self, function: String, calls: u32, hold: bool) -> Result<(), Error> {
        let engine = table::engine(&function, calls).await?;
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = engine;
        let events = table::events(&function, calls)?.into();
        *self.invocations() = Invocations { function, events, hold, ..Invocations::default() };
        Ok(())
    }
}

async fn prepare(
    State(host): State<Host>,
    Path((function, calls, then)): Path<(String, u32, String)>,
) -> (StatusCode, String) {
    match host.prepare(function, calls, then == "hold").await {
        Ok(()) => (StatusCode::OK, String::new()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// 200 when every call succeeded and the process waits for another event, 409 before that, 500 after a failure.
async fn outcome(State(host): State<Host>) -> (StatusCode, String) {
    let Invocations { function, is_waiting, failure, .. } = &*host.invocations();
    match failure {
        Some(failure) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{function}: {failure}")),
        None if *is_waiting => (StatusCode::OK, String::new()),
        None => (StatusCode::CONFLICT, format!("{function}: events are left")),
    }
}

async fn next(State(host): State<Host>) -> Result<Response<Body>, StatusCode> {
    let (event, hold) = {
        let mut invocations = host.invocations();
        let event = invocations.events.pop_front();
        invocations.is_waiting = event.is_none();
        (event, invocations.hold)
    };
    let (id, body) = match event {
        Some(event) => (REQUEST_ID, Body::from(event)),
        None if hold => std::future::pending().await,
        None => (END, Body::empty()),
    };
    let response = Response::builder()
        .header("lambda-runtime-aws-request-id", id)
        .header("lambda-runtime-deadline-ms", "4102444800000");
    response.body(body).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn response(State(host): State<Host>, body: Bytes) -> StatusCode {
    let mut invocations = host.invocations();
    let answer = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let succeeded = match invocations.function.as_str() {
        "authorizer" => answer["context"]["caller"] == "known",
        _ => answer["statusCode"] == 200,
    };
    if !succeeded {
        invocations.failure.get_or_insert_with(|| format!("responded {answer}"));
    }
    StatusCode::ACCEPTED
}

/// The runtime's `…/error` routes.
async fn failure(State(host): State<Host>, body: Bytes) -> StatusCode {
    host.invocations().failure.get_or_insert_with(|| String::from_utf8_lossy(&body).into_owned());
    StatusCode::ACCEPTED
}
