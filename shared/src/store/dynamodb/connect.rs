//! SDK clients for real endpoints: DynamoDB itself, LocalStack, any emulator named by `AWS_ENDPOINT_URL`.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

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
    let config = aws_config::defaults(super::behavior())
        .http_client(Builder::new().tls_provider(tls).build_https())
        .timeout_config(timeouts)
        .load()
        .await;
    Client::new(&config)
}
