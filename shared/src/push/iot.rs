//! The push channel on AWS IoT Core: direct messages with confirmation, and the state of connections.

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_iotdataplane::Client;
use aws_sdk_iotdataplane::config::retry::RetryConfig;
use aws_sdk_iotdataplane::config::timeout::TimeoutConfig;
use aws_sdk_iotdataplane::config::{Builder, Credentials, Region};
use aws_sdk_iotdataplane::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iotdataplane::operation::send_direct_message::SendDirectMessageError;
use aws_sdk_iotdataplane::primitives::Blob;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use doorbell_protocol::{PUSH_TOPIC, PushMessage};

use super::{ClientId, Delivery, Push, PushError};
use crate::limits::{PUSH_ACKNOWLEDGEMENT_S, PUSH_CALL_TIMEOUT};
use crate::store::dynamodb::behavior_version;

/// IoT Core, or the local broker.
///
/// The client is created by the first call: that takes 0.3 ms, and most instances start for a call that sends nothing.
#[derive(Clone, Debug)]
pub struct IotPush {
    config: Builder,
    client: OnceLock<Client>,
}

impl IotPush {
    /// With the region, credentials and connections of `config`, at the data endpoint of an account. Makes no call.
    #[cfg(any(feature = "connect", feature = "lambda"))]
    pub fn new(config: &aws_types::SdkConfig, endpoint: &str) -> Self {
        Self::of(Builder::from(config).endpoint_url(endpoint))
    }

    /// At the HTTP endpoint of a broker on this machine, which checks no signature.
    pub fn local(endpoint: &str) -> Self {
        let config = Builder::new()
            .behavior_version(behavior_version())
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(endpoint);
        Self::of(config)
    }

    /// Without the SDK's retries: a message that is late is of no use, and the SDK would retry an unacknowledged one (504).
    fn of(config: Builder) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_timeout(PUSH_CALL_TIMEOUT)
            .build();
        let config = config.retry_config(RetryConfig::disabled()).timeout_config(timeouts);
        Self { config, client: OnceLock::new() }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| Client::from_conf(self.config.clone().build()))
    }
}

#[async_trait]
impl Push for IotPush {
    async fn send(&self, client: &ClientId, message: &PushMessage) -> Delivery {
        let payload = match serde_json::to_vec(message) {
            Ok(payload) => payload,
            Err(error) => {
                return Delivery::Unknown(PushError::new("send", "not encodable").with_source(error));
            }
        };
        let sent = self
            .client()
            .send_direct_message()
            .client_id(client.as_str())
            .topic(PUSH_TOPIC)
            .confirmation(true)
            .timeout(PUSH_ACKNOWLEDGEMENT_S)
            .payload(Blob::new(payload));
        let Err(error) = sent.send().await else { return Delivery::Delivered };
        match error.as_service_error() {
            Some(SendDirectMessageError::ResourceNotFoundException(_)) => Delivery::NotConnected,
            Some(SendDirectMessageError::GatewayTimeoutException(_)) => Delivery::Unacknowledged,
            _ => Delivery::Unknown(failed("send", error)),
        }
    }

    async fn is_connected(&self, client: &ClientId) -> Result<bool, PushError> {
        match self.client().get_connection().client_id(client.as_str()).send().await {
            Ok(connection) => Ok(connection.connected()),
            // IoT Core forgets a client 30 minutes after its connection has ended.
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(failed("get connection", error)),
        }
    }

    async fn disconnect(&self, client: &ClientId) -> Result<(), PushError> {
        match self.client().delete_connection().client_id(client.as_str()).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(failed("disconnect", error)),
        }
    }
}

fn failed<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> PushError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let reason = match &error {
        SdkError::TimeoutError(_) => "timed out".to_owned(),
        SdkError::DispatchFailure(_) => "could not be reached".to_owned(),
        error => error.code().unwrap_or("no error code").to_owned(),
    };
    PushError::new(operation, reason).with_source(error)
}
