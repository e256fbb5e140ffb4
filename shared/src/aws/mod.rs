//! SDK configuration for real endpoints: AWS, LocalStack, or any emulator named by `AWS_ENDPOINT_URL` or [`ENDPOINT_VARIABLE`].
//!
//! [`dynamodb`] is for users' machines and searches all credential sources of the AWS SDKs. [`function`] is for deployed
//! functions and reads Lambda's variables only: the other credential sources would add 0.7 MB to each binary.

#[cfg(feature = "lambda")]
pub mod function;

use std::time::Duration;

#[cfg(feature = "connect")]
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, TlsContext, rustls_provider::CryptoMode};

use crate::limits::STORE_CALL_TIMEOUT;

/// DynamoDB's endpoint; empty for the SDK's default. The template cannot leave a variable unset, and the SDK panics on an empty
/// `AWS_ENDPOINT_URL`.
pub const ENDPOINT_VARIABLE: &str = "DOORBELL_DYNAMODB_ENDPOINT";

/// A client of DynamoDB with region, credentials and endpoint from the environment, as the AWS SDKs document them.
#[cfg(feature = "connect")]
pub async fn dynamodb() -> Client {
    let mut config = environment();
    if let Some(endpoint) = std::env::var(ENDPOINT_VARIABLE).ok().filter(|endpoint| !endpoint.is_empty()) {
        config = config.endpoint_url(endpoint);
    }
    Client::new(&config.load().await)
}

/// Region and credentials from the environment, for a call without a client of the SDK.
#[cfg(feature = "connect")]
pub async fn sdk_config() -> aws_types::SdkConfig {
    environment().load().await
}

/// The push channel at `endpoint`, with region and credentials from the environment.
#[cfg(feature = "connect")]
pub async fn push(endpoint: &str) -> crate::push::iot::IotPush {
    crate::push::iot::IotPush::new(&environment().load().await, endpoint)
}

#[cfg(feature = "connect")]
fn environment() -> aws_config::ConfigLoader {
    aws_config::defaults(crate::store::dynamodb::behavior_version())
        .http_client(https(TlsContext::default()))
        .timeout_config(timeouts())
}

/// Bounds one call of the store, the SDK's retries included: two attempts fit, and the third is cut short.
///
/// It does not bound an invocation, for which Lambda and daemons allow 10 s. Most use cases make one or two calls. Those that make
/// more are bounded where they make them: a heartbeat starts no claim after its own time limits
/// ([`limits`](crate::limits)), and every use case has a deadline in [`http::respond`](crate::http::respond). Calls that create the
/// table have longer timeouts ([`table`](crate::store::dynamodb::table)).
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(STORE_CALL_TIMEOUT)
        .build()
}

fn https(roots: TlsContext) -> SharedHttpClient {
    let tls = Provider::Rustls(CryptoMode::Ring);
    Builder::new().tls_provider(tls).tls_context(roots).build_https()
}
