//! SDK clients for real endpoints: DynamoDB itself, LocalStack, any emulator named by `AWS_ENDPOINT_URL` or, for deployed
//! functions, by [`ENDPOINT_VARIABLE`].
//!
//! A person's shell may have credentials in any of the places that the AWS SDKs document, and [`from_environment`] looks
//! there. A function has them in the variables that Lambda sets, and [`function`] reads those: what looks in all the other
//! places is 0.7 MB in each binary.

#[cfg(feature = "lambda")]
pub mod function;

#[cfg(feature = "lambda")]
pub mod trust;

use std::time::Duration;

#[cfg(feature = "connect")]
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, TlsContext, rustls_provider::CryptoMode};

/// Where DynamoDB is; empty for where the SDK finds it. The template sets this one, because it can only set a variable to
/// something or to nothing, and the SDK panics at an empty `AWS_ENDPOINT_URL`.
pub const ENDPOINT_VARIABLE: &str = "DOORBELL_DYNAMODB_ENDPOINT";

/// A client from the environment: region, credentials and endpoint as the AWS SDKs document them.
#[cfg(feature = "connect")]
pub async fn from_environment() -> Client {
    let mut config = aws_config::defaults(super::behavior())
        .http_client(https(TlsContext::default()))
        .timeout_config(timeouts());
    if let Some(endpoint) = std::env::var(ENDPOINT_VARIABLE).ok().filter(|endpoint| !endpoint.is_empty()) {
        config = config.endpoint_url(endpoint);
    }
    Client::new(&config.load().await)
}

/// Calls are bounded, the SDK's own retries included, so that a heartbeat's look and claim fit into the 10 s after which both
/// Lambda and the daemon give up on it.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(5))
        .build()
}

fn https(trust: TlsContext) -> SharedHttpClient {
    let tls = Provider::Rustls(CryptoMode::Ring);
    Builder::new().tls_provider(tls).tls_context(trust).build_https()
}
