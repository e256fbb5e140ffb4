//! The local broker on sockets, called with the AWS SDK as the functions call IoT Core.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_iotdataplane::config::retry::RetryConfig;
use aws_sdk_iotdataplane::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_iotdataplane::error::ProvideErrorMetadata as _;
use aws_sdk_iotdataplane::operation::send_direct_message::SendDirectMessageError;
use aws_sdk_iotdataplane::primitives::Blob;
use aws_sdk_iotdataplane::{Client as Sdk, Config};
use doorbell_gateway::broker::{Broker, BrokerAddresses, BrokerHooks, Faults, HookError};
use doorbell_mqtt::{Client, Closed, Connect};
use doorbell_shared::clock::SystemClock;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Characters that the SDK encodes.
const CLIENT: &str = "local.a/b c";
const TOPIC: &str = "doorbell/wake";

/// Allows everything.
struct Permit(Mutex<Vec<Value>>);

#[async_trait]
impl BrokerHooks for Permit {
    async fn authorize(&self, _event: Value) -> Result<Value, HookError> {
        let statement = json!({ "Effect": "Allow", "Action": "iot:*", "Resource": "*" });
        Ok(json!({
            "isAuthenticated": true,
            "principalId": "p1",
            "disconnectAfterInSeconds": 86_400,
            "refreshAfterInSeconds": 86_400,
            "policyDocuments": [json!({ "Statement": [statement] }).to_string()],
        }))
    }

    async fn disconnected(&self, event: Value) {
        self.0.lock().unwrap().push(event);
    }
}

struct Context {
    broker: Broker,
    addresses: BrokerAddresses,
    sdk: Sdk,
    hooks: Arc<Permit>,
    shutdown: CancellationToken,
}

async fn listener(addr: SocketAddr) -> TcpListener {
    TcpListener::bind(addr).await.unwrap()
}

async fn start_on(mqtt: SocketAddr, http: SocketAddr) -> Context {
    let hooks = Arc::new(Permit(Mutex::default()));
    let shutdown = CancellationToken::new();
    let (mqtt, http) = (listener(mqtt).await, listener(http).await);
    let (broker, addresses) =
        Broker::start(mqtt, http, hooks.clone(), Arc::new(SystemClock), &shutdown).unwrap();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .endpoint_url(format!("http://{}", addresses.http));
    Context { broker, addresses, sdk: Sdk::from_conf(config.build()), hooks, shutdown }
}

async fn start() -> Context {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    start_on(any, any).await
}

async fn connect(addr: SocketAddr) -> Client {
    let stream = TcpStream::connect(addr).await.unwrap();
    let connect = Connect {
        client_id: CLIENT.to_owned(),
        username: "doorbell".to_owned(),
        password: "secret".to_owned(),
        keep_alive: Duration::from_secs(30),
        pingresp_timeout: Duration::from_secs(10),
    };
    Client::connect(stream, connect).await.unwrap()
}

/// Sends a confirmed message with a time limit of 1 s.
async fn send(sdk: &Sdk) -> Result<(), SendDirectMessageError> {
    let message = sdk.send_direct_message().client_id(CLIENT).topic(TOPIC).confirmation(true).timeout(1);
    let sent = message.payload(Blob::new("{\"hello\":true}")).send().await;
    sent.map(drop).map_err(aws_sdk_iotdataplane::error::SdkError::into_service_error)
}

#[tokio::test]
async fn sdk_delivers_a_confirmed_message() {
    let context = start().await;
    let mut client = connect(context.addresses.mqtt).await;
    let (sent, message) = tokio::join!(send(&context.sdk), client.recv());
    let message = message.unwrap();
    assert_eq!((message.topic.as_str(), message.payload.as_slice()), (TOPIC, &b"{\"hello\":true}"[..]));
    assert!(sent.is_ok(), "{sent:?}");
}

#[tokio::test]
async fn sdk_tells_unconnected_from_unacknowledged() {
    let context = start().await;
    let error = send(&context.sdk).await.unwrap_err();
    assert!(matches!(error, SendDirectMessageError::ResourceNotFoundException(_)), "{error:?}");
    let _client = connect(context.addresses.mqtt).await;
    let error = send(&context.sdk).await.unwrap_err();
    assert!(matches!(error, SendDirectMessageError::GatewayTimeoutException(_)), "{error:?}");
    assert!(error.message().is_some());
}

#[tokio::test]
async fn sdk_reads_the_state_of_a_connection() {
    let Context { addresses, sdk, hooks, broker: _broker, .. } = start().await;
    let get = async || sdk.get_connection().client_id(CLIENT).send().await;
    assert!(get().await.unwrap_err().into_service_error().is_resource_not_found_exception());

    let client = connect(addresses.mqtt).await;
    let connected = get().await.unwrap();
    assert!(connected.connected() && connected.connected_since() > 1_700_000_000_000);
    assert_eq!((connected.client_id(), connected.keep_alive_duration()), (Some(CLIENT), 30));

    client.disconnect().await;
    until(|| !hooks.0.lock().unwrap().is_empty()).await;
    let ended = get().await.unwrap();
    assert!(!ended.connected() && ended.disconnected_since() >= connected.connected_since());
    assert_eq!(ended.disconnect_reason(), Some("CLIENT_INITIATED_DISCONNECT"));
}

#[tokio::test]
async fn sdk_deletes_a_connection() {
    let context = start().await;
    let mut client = connect(context.addresses.mqtt).await;
    let delete = async || context.sdk.delete_connection().client_id(CLIENT).send().await;
    delete().await.unwrap();
    assert!(client.recv().await.is_err());
    until(|| !context.hooks.0.lock().unwrap().is_empty()).await;
    assert!(delete().await.unwrap_err().into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn broker_restarts_on_the_same_ports() {
    let Context { broker, addresses, .. } = start().await;
    let mut client = connect(addresses.mqtt).await;
    broker.stop().await;
    assert!(matches!(client.recv().await, Err(Closed::Lost | Closed::Io(_))));
    let context = start_on(addresses.mqtt, addresses.http).await;
    let mut client = connect(addresses.mqtt).await;
    let (sent, _) = tokio::join!(send(&context.sdk), client.recv());
    assert!(sent.is_ok(), "{sent:?}");
}

#[tokio::test]
async fn shutdown_ends_a_waiting_call() {
    let Context { broker, addresses, sdk, shutdown, .. } = start().await;
    let _client = connect(addresses.mqtt).await;
    broker.set_faults(Faults { deaf: true, ..Faults::default() });
    let waiting = tokio::spawn(async move {
        sdk.send_direct_message().client_id(CLIENT).topic(TOPIC).confirmation(true).timeout(15).send().await
    });
    // Enough for the call to arrive. If it does not, the test passes without testing.
    tokio::time::sleep(Duration::from_millis(300)).await;
    shutdown.cancel();
    // Far below the 15 s of the call, and far above the second that it has.
    tokio::time::timeout(Duration::from_secs(10), broker.stop()).await.unwrap();
    drop(waiting);
}

async fn until(condition: impl Fn() -> bool) {
    let reached = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reached).await.unwrap();
}
