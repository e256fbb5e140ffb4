//! The functions behind a local API Gateway, for `doorbell dev` and tests.
//!
//! A request passes the stages of the cloud: route, authorizer, event in payload format 2.0, function. Only the process
//! boundary is missing. The gateway's own responses (400, 404, 405, 413, 414, 503) stand for API Gateway's, with our texts. Its
//! 403 has no counterpart there: it refuses requests that a web page sends to this machine under the page's own name ([`host`]).

mod admission;
pub mod broker;
mod config;
mod event;
mod host;
mod push;
mod router;
mod tokens;

use std::net::SocketAddr;

use doorbell_shared::store::{Store, TokenStore};
use tokio::net::TcpListener;

use host::LocalHosts;

pub use config::{Authenticator, Gateway, Origins};
pub use event::GatewayRequest;
pub use push::PushListener;
pub use router::invoke;
pub use tokens::{
    ADMIN_A, DAEMON_A, DevToken, DevTokens, TOKENS, USER_A, WORKSPACE_A, WORKSPACE_B, issue_dev_tokens,
};

/// Serves the API on `listener` until `shutdown` completes, then finishes the calls in progress. Answers only to requests for
/// this machine's own names with the listener's port.
pub async fn serve<S: Store + 'static, T: TokenStore + 'static>(
    listener: TcpListener,
    gateway: Gateway<S, T>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let hosts = LocalHosts::of(listener.local_addr()?);
    let app = router::router(gateway, hosts).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(shutdown).await
}
