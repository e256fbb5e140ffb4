//! The calls of IoT Core's data endpoint that the AWS SDK makes.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use doorbell_mqtt::Message;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::clients::ConnectionStatus;
use super::state::{BrokerState, Confirmation, Delivery};
use crate::host::LocalHosts;
use crate::router::require_local_host;

/// "AWS IoT Core message broker and protocol limits and quotas", as are the two limits below.
const MAX_PAYLOAD_BYTES: usize = 128 * 1024;
const MAX_CLIENT_ID_BYTES: usize = 128;
const MAX_TOPIC_BYTES: usize = 256;

/// "SendDirectMessage": the wait for a confirmation, and its default.
const TIMEOUT_SECONDS: RangeInclusive<u64> = 1..=15;
const DEFAULT_TIMEOUT_SECONDS: u64 = 5;

/// A call waits up to 15 s for a confirmation.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// The header that names an error for the SDK.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// IoT Core's errors, named as in the SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Error {
    InvalidRequest(&'static str),
    Forbidden(&'static str),
    ResourceNotFound,
    RequestEntityTooLarge,
    Throttling,
    GatewayTimeout,
}

impl Error {
    fn response(self) -> Response {
        let (status, name, message) = match self {
            Self::InvalidRequest(message) => (StatusCode::BAD_REQUEST, "InvalidRequestException", message),
            Self::Forbidden(message) => (StatusCode::FORBIDDEN, "ForbiddenException", message),
            Self::ResourceNotFound => {
                (StatusCode::NOT_FOUND, "ResourceNotFoundException", "client is not connected")
            }
            Self::RequestEntityTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLargeException",
                "message has more than 128 KB",
            ),
            Self::Throttling => {
                (StatusCode::TOO_MANY_REQUESTS, "ThrottlingException", "too many unacknowledged messages")
            }
            Self::GatewayTimeout => {
                (StatusCode::GATEWAY_TIMEOUT, "GatewayTimeoutException", "no acknowledgement in time")
            }
        };
        let mut response = json_response(status, &json!({ "message": message }));
        response.headers_mut().insert(ERROR_TYPE, header::HeaderValue::from_static(name));
        response
    }
}

/// After `stop`, calls in progress have a second to end.
pub(super) async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) {
    let ended = stop.clone().cancelled_owned();
    let serve = axum::serve(listener, app).with_graceful_shutdown(ended);
    let overdue = async {
        stop.cancelled().await;
        sleep(SHUTDOWN_TIMEOUT).await;
    };
    tokio::select! {
        // It does not fail: accept errors are retried.
        _ = serve => {}
        () = overdue => {}
    }
}

/// Answers to `hosts` only, as the gateway does.
pub(super) fn router(state: Arc<BrokerState>, hosts: LocalHosts) -> Router {
    Router::new()
        .route("/connections/{client_id}", get(get_connection).delete(delete_connection))
        .route("/connections/{client_id}/messages", post(send_direct_message))
        .layer(DefaultBodyLimit::max(MAX_PAYLOAD_BYTES))
        .layer(from_fn(require_signature))
        .layer(from_fn_with_state(Arc::new(hosts), require_local_host))
        .with_state(state)
}

/// Requires a signature without checking it: a web page can send a POST to this machine, but not with this header.
async fn require_signature(request: Request, next: Next) -> Response {
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return Error::Forbidden("missing authentication token").response();
    }
    next.run(request).await
}

#[derive(Deserialize)]
struct MessageQuery {
    topic: String,
    #[serde(default)]
    confirmation: bool,
    timeout: Option<u64>,
}

async fn send_direct_message(
    State(state): State<Arc<BrokerState>>,
    Path(client_id): Path<String>,
    query: Result<Query<MessageQuery>, QueryRejection>,
    payload: Result<Bytes, BytesRejection>,
) -> Response {
    let sent = async {
        let client_id = checked_client_id(&client_id)?;
        let Query(query) = query.map_err(|_| Error::InvalidRequest("invalid query"))?;
        let payload = payload.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Error::RequestEntityTooLarge,
            _ => Error::InvalidRequest("incomplete payload"),
        })?;
        let confirmation = query.confirmation()?;
        let message = Message { topic: query.topic, payload: payload.into() };
        match state.send(client_id, message, confirmation).await {
            Delivery::Delivered => Ok(json_response(StatusCode::OK, &json!({ "message": "OK" }))),
            Delivery::NotConnected => Err(Error::ResourceNotFound),
            Delivery::NotPermitted => Err(Error::Forbidden("the client may not receive the topic")),
            Delivery::NotConfirmed => Err(Error::GatewayTimeout),
            Delivery::TooManyInFlight => Err(Error::Throttling),
            Delivery::TooLarge => Err(Error::RequestEntityTooLarge),
            Delivery::InvalidTopic => Err(Error::InvalidRequest("invalid topic")),
        }
    };
    sent.await.unwrap_or_else(Error::response)
}

impl MessageQuery {
    fn confirmation(&self) -> Result<Confirmation, Error> {
        let is_topic = (1..=MAX_TOPIC_BYTES).contains(&self.topic.len()) && !self.topic.contains(['+', '#']);
        if !is_topic {
            return Err(Error::InvalidRequest("invalid topic"));
        }
        if !self.confirmation {
            return Ok(Confirmation::None);
        }
        let seconds = self.timeout.unwrap_or(DEFAULT_TIMEOUT_SECONDS);
        if !TIMEOUT_SECONDS.contains(&seconds) {
            return Err(Error::InvalidRequest("invalid timeout"));
        }
        Ok(Confirmation::Within(Duration::from_secs(seconds)))
    }
}

async fn get_connection(State(state): State<Arc<BrokerState>>, Path(client_id): Path<String>) -> Response {
    let status = checked_client_id(&client_id).map(|client_id| state.status(client_id));
    let body = match status {
        Ok(ConnectionStatus::Connected { since, keep_alive }) => json!({
            "clientId": client_id,
            "connected": true,
            "connectedSince": since.millis(),
            "keepAliveDuration": keep_alive.as_secs(),
            "cleanSession": true,
        }),
        Ok(ConnectionStatus::Disconnected { since, reason }) => json!({
            "clientId": client_id,
            "connected": false,
            "disconnectedSince": since.millis(),
            "disconnectReason": reason.as_str(),
            "cleanSession": true,
        }),
        Ok(ConnectionStatus::Unknown) => return Error::ResourceNotFound.response(),
        Err(error) => return error.response(),
    };
    json_response(StatusCode::OK, &body)
}

async fn delete_connection(State(state): State<Arc<BrokerState>>, Path(client_id): Path<String>) -> Response {
    match checked_client_id(&client_id).map(|client_id| state.disconnect(client_id)) {
        Ok(true) => Response::new(Body::empty()),
        Ok(false) => Error::ResourceNotFound.response(),
        Err(error) => error.response(),
    }
}

fn checked_client_id(client_id: &str) -> Result<&str, Error> {
    let is_valid = (1..=MAX_CLIENT_ID_BYTES).contains(&client_id.len()) && !client_id.starts_with('$');
    if is_valid { Ok(client_id) } else { Err(Error::InvalidRequest("invalid client id")) }
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
