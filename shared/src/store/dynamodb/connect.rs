//! SDK clients for real endpoints: DynamoDB itself, LocalStack, any emulator named by `AWS_ENDPOINT_URL` or, for deployed functions,
//! by [`ENDPOINT_VARIABLE`].

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// Where DynamoDB is; empty for where the SDK finds it. The template sets this one, because it can only set a variable to
/// something or to nothing, and the SDK panics at an empty `AWS_ENDPOINT_URL`.
pub const ENDPOINT_VARIABLE: &str = "DOORBELL_DYNAMODB_ENDPOINT";

/// A client from the environment: region, credentials and endpoint as the AWS SDKs document them.
///
/// Calls are bounded, the SDK's own retries included, so that a heartbeat's look and claim fit into the 10 s after which both
/// Lambda and the daemon give up on it.
pub async fn from_environment() -> Client {
    let tls = Provider::Rustls(CryptoMode::Ring);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(5))
        .build();
    let mut config = aws_config::defaults(super::behavior())
        .http_client(Builder::new().tls_provider(tls).build_https())
        .timeout_config(timeouts);
    if let Some(endpoint) = std::env::var(ENDPOINT_VARIABLE).ok().filter(|endpoint| !endpoint.is_empty()) {
        config = config.endpoint_url(endpoint);
    }
    Client::new(&config.load().await)
}
