//! The functions behind a local API Gateway, for `doorbell dev` and tests.
//!
//! A request passes the stages of the cloud: route, authorizer, event in payload format 2.0, function. The functions run in this
//! process ([`Gateway`]), or [deployed](DeployedFunctions) on AWS or an emulator. The gateway's own responses (400, 404, 405, 413, 414, 503) stand for API Gateway's, with our texts. Its
//! 403 has no counterpart there: it refuses requests that a web page sends to this machine under the page's own name ([`host`]).

mod admission;
pub mod broker;
mod config;
mod deployed;
mod dispatch;
mod event;
mod host;
mod push;
mod router;
mod tokens;

use std::net::SocketAddr;

use doorbell_shared::store::{Store, TokenStore};
use tokio::net::TcpListener;

use dispatch::Dispatch;
use host::LocalHosts;

pub use config::{Authenticator, Gateway, Origins};
pub use deployed::{DeployedFunctions, FunctionsUrl, InvalidFunctionsUrl, Signer, SignerError};
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
    mut gateway: Gateway<S, T>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    // A revocation closes the connections of its token.
    gateway.authenticator.state.push.clone_from(&gateway.state.push);
    let origins = std::mem::take(&mut gateway.origins);
    serve_functions(listener, gateway, &origins, shutdown).await
}

/// As [`serve`], in front of deployed functions. Sheds no load: Lambda has its own limits.
pub async fn serve_deployed(
    listener: TcpListener,
    functions: DeployedFunctions,
    origins: Origins,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    serve_functions(listener, functions, &origins, shutdown).await
}

async fn serve_functions<D: Dispatch>(
    listener: TcpListener,
    functions: D,
    origins: &Origins,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let hosts = LocalHosts::of(listener.local_addr()?);
    let app = router::router(functions, origins, hosts).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(shutdown).await
}
