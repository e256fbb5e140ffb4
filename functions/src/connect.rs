//! Connect: decides whether a daemon may connect to the push channel. IoT Core calls it as the custom authorizer of its connections.
//!
//! The password is a daemon's token, and the client id names a workspace of the token. The daemon may then connect with exactly this
//! client id and receive on one topic.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorbell_protocol::{PUSH_TOPIC, Scope};
use doorbell_shared::access::loggable;
use doorbell_shared::http::AppState;
use doorbell_shared::http::access_log::call_span;
use doorbell_shared::limits::TOKEN_USE_TIMEOUT;
use doorbell_shared::push::{CONNECTION_SECONDS, ClientId, Deployment};
use doorbell_shared::runtime::ShortText;
use doorbell_shared::store::{FindTokenOutcome, Result, TokenStore};
use doorbell_shared::token::{Token, TokenRecord};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::Instrument as _;

/// IoT Core calls the authorizer again after this, to refresh the policy: not before the longest connection has ended.
const REFRESH_SECONDS: u32 = *CONNECTION_SECONDS.end();

/// Which clients and topics exist: those of a deployment, with names that begin with `arn_prefix`, such as
/// `arn:aws:iot:eu-west-1:123456789012`.
#[derive(Clone, Debug)]
pub struct ConnectionScope {
    pub deployment: Deployment,
    pub arn_prefix: String,
}

/// The part of IoT Core's event that identifies the daemon (AWS, "Defining your Lambda function").
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectEvent {
    #[serde(default)]
    protocol_data: ProtocolData,
}

#[derive(Clone, Default, Deserialize)]
struct ProtocolData {
    #[serde(default)]
    mqtt: Option<MqttConnect>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MqttConnect {
    /// In base64.
    #[serde(default)]
    password: String,
    #[serde(default)]
    client_id: String,
}

/// Without the password.
impl fmt::Debug for ConnectEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectEvent").finish_non_exhaustive()
    }
}

/// The response of a custom authorizer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectResponse {
    is_authenticated: bool,
    /// Letters and digits only.
    principal_id: String,
    disconnect_after_in_seconds: u32,
    refresh_after_in_seconds: u32,
    policy_documents: Vec<String>,
}

/// Decides on one connection. Logs one line, with the token's subject and never with the token.
///
/// # Errors
/// When the store fails. IoT Core refuses the connection, and the daemon tries again.
pub async fn handle<S: TokenStore>(
    state: &AppState<S>,
    scope: &ConnectionScope,
    event: &ConnectEvent,
) -> Result<ConnectResponse> {
    connect(state, scope, event).instrument(call_span("connect", None)).await
}

async fn connect<S: TokenStore>(
    state: &AppState<S>,
    scope: &ConnectionScope,
    event: &ConnectEvent,
) -> Result<ConnectResponse> {
    let Some((token, client)) = credentials(event, &scope.deployment) else {
        tracing::info!("connection denied: no token or another client id");
        return Ok(denied());
    };
    let now = state.clock.now();
    let found = state.store.find_token(token.hash(), now).await;
    let found = found.inspect_err(|error| tracing::error!(%error, "failed"))?;
    let FindTokenOutcome::Found(record) = found else {
        tracing::info!("connection denied: unknown token");
        return Ok(denied());
    };
    let (subject, token_id) = (loggable(record.subject.as_str()), record.hash.id());
    if !may_connect(&record, &client, &scope.deployment) {
        tracing::info!(subject, %token_id, "connection denied: not a daemon of the workspace, or bound to another daemon");
        return Ok(denied());
    }
    // Without it, a revocation does not close the connection, which then ends after a day.
    let recorded = state.store.record_token_connection(record.hash, &client, now);
    match tokio::time::timeout(TOKEN_USE_TIMEOUT, recorded).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "connection of the token not recorded"),
        Err(_) => tracing::warn!("connection of the token not recorded in time"),
    }
    tracing::info!(subject, %token_id, client_id = %client, "connected");
    Ok(ConnectResponse {
        is_authenticated: true,
        principal_id: token_id.to_string(),
        disconnect_after_in_seconds: state.id_gen.seconds_within(CONNECTION_SECONDS),
        refresh_after_in_seconds: REFRESH_SECONDS,
        policy_documents: vec![policy(scope, &client)],
    })
}

/// The token and the client id, if they have the form of ours.
fn credentials(event: &ConnectEvent, deployment: &Deployment) -> Option<(Token, ClientId)> {
    let mqtt = event.protocol_data.mqtt.as_ref()?;
    let password = STANDARD.decode(&mqtt.password).ok()?;
    let token = Token::parse(std::str::from_utf8(&password).ok()?)?;
    let client: ClientId = mqtt.client_id.parse().ok()?;
    client.is_of(deployment).then_some((token, client))
}

/// A bound token is of one workspace and one daemon, and so of one client.
fn may_connect(record: &TokenRecord, client: &ClientId, deployment: &Deployment) -> bool {
    let workspace = client.workspace();
    let is_own = |daemon_id: &ShortText| ClientId::new(deployment, workspace, daemon_id) == *client;
    record.scopes.contains(&Scope::Daemon)
        && record.workspaces.contains(workspace)
        && record.daemon_id.as_ref().is_none_or(is_own)
}

fn denied() -> ConnectResponse {
    ConnectResponse {
        is_authenticated: false,
        principal_id: "denied".to_owned(),
        disconnect_after_in_seconds: REFRESH_SECONDS,
        refresh_after_in_seconds: REFRESH_SECONDS,
        policy_documents: Vec::new(),
    }
}

/// Allows exactly this client id to connect and to receive messages.
fn policy(scope: &ConnectionScope, client: &ClientId) -> String {
    let resource = |resource: &str| format!("{}:{resource}", scope.arn_prefix);
    let allow =
        |action: &str, resource: String| json!({"Effect": "Allow", "Action": action, "Resource": resource});
    json!({
        "Version": "2012-10-17",
        "Statement": [
            allow("iot:Connect", resource(&format!("client/{client}"))),
            allow("iot:Receive", resource(&format!("topic/{PUSH_TOPIC}"))),
        ],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use doorbell_protocol::{Timestamp, WorkspaceId};
    use doorbell_shared::access::Workspaces;
    use doorbell_shared::store::memory::MemoryStore;
    use serde_json::Value;

    use super::*;

    const WORKSPACE: &str = "00000000-0000-4000-8000-00000000000a";
    const OTHER_WORKSPACE: &str = "00000000-0000-4000-8000-00000000000b";
    const TOKEN: &str = "dbd_example";

    fn scope() -> ConnectionScope {
        let arn_prefix = "arn:aws:iot:eu-west-1:123456789012".to_owned();
        ConnectionScope { deployment: "local".parse().unwrap(), arn_prefix }
    }

    fn text(text: &str) -> ShortText {
        ShortText::try_from(text.to_owned()).unwrap()
    }

    fn client(deployment: &str, workspace: &str) -> ClientId {
        client_of(deployment, workspace, "laptop")
    }

    fn client_of(deployment: &str, workspace: &str, daemon_id: &str) -> ClientId {
        ClientId::new(&deployment.parse().unwrap(), workspace.parse().unwrap(), &text(daemon_id))
    }

    async fn state(token_scope: Scope) -> AppState<MemoryStore> {
        state_with(token_scope, None).await
    }

    /// A store with one token, which is bound to a daemon or to none.
    async fn state_with(token_scope: Scope, daemon_id: Option<&str>) -> AppState<MemoryStore> {
        let store = MemoryStore::default();
        let workspaces: [WorkspaceId; 1] = [WORKSPACE.parse().unwrap()];
        let token = Token::parse(TOKEN).unwrap();
        let record = TokenRecord {
            hash: token.hash(),
            subject: text("laptop"),
            scopes: BTreeSet::from([token_scope]),
            workspaces: Workspaces::new(workspaces).unwrap(),
            created_at: Timestamp::from_millis(0).unwrap(),
            expires_at: None,
            last_four: token.last_four(),
            daemon_id: daemon_id.map(text),
            last_used_at: None,
        };
        store.issue_token(&record).await.unwrap();
        AppState::new(store)
    }

    fn event(password: &str, client_id: &str) -> ConnectEvent {
        let password = STANDARD.encode(password);
        let mqtt = json!({"username": "doorbell", "password": password, "clientId": client_id});
        serde_json::from_value(json!({"protocols": ["mqtt"], "protocolData": {"mqtt": mqtt}})).unwrap()
    }

    async fn is_allowed(token_scope: Scope, event: &ConnectEvent) -> bool {
        handle(&state(token_scope).await, &scope(), event).await.unwrap().is_authenticated
    }

    #[tokio::test]
    async fn daemon_may_connect_with_its_client_id() {
        let client = client("local", WORKSPACE);
        assert!(is_allowed(Scope::Daemon, &event(TOKEN, client.as_str())).await);
    }

    #[tokio::test]
    async fn other_credentials_are_denied() {
        let own = client("local", WORKSPACE);
        let events = [
            event("dbd_unknown", own.as_str()),
            event("not a token", own.as_str()),
            event("", own.as_str()),
            event(TOKEN, client("local", OTHER_WORKSPACE).as_str()),
            event(TOKEN, client("other", WORKSPACE).as_str()),
            event(TOKEN, "laptop"),
            event(TOKEN, &own.to_string().to_uppercase()),
            ConnectEvent::default(),
        ];
        for event in &events {
            assert!(!is_allowed(Scope::Daemon, event).await);
        }
        assert!(!is_allowed(Scope::User, &event(TOKEN, own.as_str())).await);
    }

    #[tokio::test]
    async fn bound_token_connects_as_its_daemon_only() {
        let state = state_with(Scope::Daemon, Some("laptop")).await;
        for (daemon_id, is_allowed) in [("laptop", true), ("other", false), ("", false)] {
            let event = event(TOKEN, client_of("local", WORKSPACE, daemon_id).as_str());
            let response = handle(&state, &scope(), &event).await.unwrap();
            assert_eq!(response.is_authenticated, is_allowed, "{daemon_id}");
        }
    }

    #[tokio::test]
    async fn policy_allows_one_client_and_one_topic() {
        let client = client("local", WORKSPACE);
        let event = event(TOKEN, client.as_str());
        let response = handle(&state(Scope::Daemon).await, &scope(), &event).await.unwrap();
        let [policy] = &response.policy_documents[..] else { panic!("{response:?}") };
        let policy: Value = serde_json::from_str(policy).unwrap();
        let arn = |resource: &str| format!("arn:aws:iot:eu-west-1:123456789012:{resource}");
        let statement = |action: &str, resource: &str| json!({"Effect": "Allow", "Action": action, "Resource": arn(resource)});
        let expected = json!([
            statement("iot:Connect", &format!("client/{client}")),
            statement("iot:Receive", "topic/doorbell/wake")
        ]);
        assert_eq!(policy["Statement"], expected);
    }

    #[tokio::test]
    async fn connections_end_at_different_times() {
        let state = state(Scope::Daemon).await;
        let event = event(TOKEN, client("local", WORKSPACE).as_str());
        let mut seconds = BTreeSet::new();
        for _ in 0..20 {
            seconds.insert(handle(&state, &scope(), &event).await.unwrap().disconnect_after_in_seconds);
        }
        assert!(seconds.iter().all(|seconds| CONNECTION_SECONDS.contains(seconds)) && seconds.len() > 10);
    }

    #[tokio::test]
    async fn connection_is_remembered_for_revocation() {
        let state = state(Scope::Daemon).await;
        let client = client("local", WORKSPACE);
        handle(&state, &scope(), &event(TOKEN, client.as_str())).await.unwrap();
        let remembered =
            state.store.find_token_connections(Token::parse(TOKEN).unwrap().hash()).await.unwrap();
        assert_eq!(remembered, [client]);
    }

    #[test]
    fn debug_text_hides_password() {
        assert!(!format!("{:?}", event(TOKEN, "laptop")).contains("example"));
    }
}
