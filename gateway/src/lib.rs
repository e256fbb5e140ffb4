//! The functions behind a local API Gateway, for `doorbell dev` and tests.
//!
//! A request passes the stages of the cloud: route, authorizer, event in payload format 2.0, function. Only the process
//! boundary is missing. The gateway's own responses (404, 405, 413, 414, 503) stand for API Gateway's, with our texts.

mod admission;
mod config;
mod event;
mod router;
mod tokens;

use std::net::SocketAddr;

use doorbell_shared::store::{Store, TokenStore};
use tokio::net::TcpListener;

pub use config::{Authenticator, Gateway, Origins};
pub use event::GatewayRequest;
pub use router::invoke;
pub use tokens::{DAEMON_A, DevToken, DevTokens, TOKENS, USER_A, WORKSPACE_A, WORKSPACE_B, issue_dev_tokens};

/// Serves the API on `listener` until `shutdown` completes, then finishes the calls in progress.
pub async fn serve<S: Store + 'static, T: TokenStore + 'static>(
    listener: TcpListener,
    gateway: Gateway<S, T>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let app = router::router(gateway).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(shutdown).await
}
