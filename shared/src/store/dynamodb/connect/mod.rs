//! SDK clients for real endpoints: DynamoDB, LocalStack, or any emulator named by `AWS_ENDPOINT_URL` or [`ENDPOINT_VARIABLE`].
//!
//! [`from_environment`] is for users' machines and searches all credential sources of the AWS SDKs. [`function`] is for deployed
//! functions and reads the variables that Lambda sets: the search for credentials is 0.7 MB in each binary.

#[cfg(feature = "lambda")]
pub mod function;
#[cfg(feature = "lambda")]
pub mod roots;

use std::time::Duration;

#[cfg(feature = "connect")]
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, TlsContext, rustls_provider::CryptoMode};

/// DynamoDB's endpoint; empty for the SDK's own. The template uses this variable because it can only set a variable to a value
/// or to nothing, and the SDK panics on an empty `AWS_ENDPOINT_URL`.
pub const ENDPOINT_VARIABLE: &str = "DOORBELL_DYNAMODB_ENDPOINT";

/// A client with region, credentials and endpoint from the environment, as the AWS SDKs document them.
#[cfg(feature = "connect")]
pub async fn from_environment() -> Client {
    let mut config = aws_config::defaults(super::behavior_version())
        .http_client(https(TlsContext::default()))
        .timeout_config(timeouts());
    if let Some(endpoint) = std::env::var(ENDPOINT_VARIABLE).ok().filter(|endpoint| !endpoint.is_empty()) {
        config = config.endpoint_url(endpoint);
    }
    Client::new(&config.load().await)
}

/// Bounds a call with the SDK's retries, so that a heartbeat's queue read and claim end within the 10 s after which Lambda and
/// the daemon give up.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(5))
        .build()
}

fn https(roots: TlsContext) -> SharedHttpClient {
    let tls = Provider::Rustls(CryptoMode::Ring);
    Builder::new().tls_provider(tls).tls_context(roots).build_https()
}
