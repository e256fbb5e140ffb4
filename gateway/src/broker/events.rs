//! The events that IoT Core sends to functions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorbell_mqtt::ConnectRequest;
use doorbell_protocol::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::reason::DisconnectReason;

/// The event of a custom authorizer (AWS, "Defining your Lambda function"). IoT Core leaves out what the client did not send.
pub(super) fn authorizer_event(request: &ConnectRequest, connection_id: Uuid) -> Value {
    let mut mqtt = Map::new();
    if let Some(username) = &request.username {
        mqtt.insert("username".to_owned(), json!(username));
    }
    if let Some(password) = &request.password {
        mqtt.insert("password".to_owned(), json!(STANDARD.encode(password)));
    }
    mqtt.insert("clientId".to_owned(), json!(request.client_id));
    json!({
        "signatureVerified": false,
        "protocols": ["mqtt"],
        "protocolData": { "mqtt": mqtt },
        "connectionMetadata": { "id": connection_id },
    })
}

/// A connection that has ended.
pub(super) struct Disconnected<'a> {
    pub(super) client_id: &'a str,
    pub(super) session_id: Uuid,
    pub(super) principal: &'a str,
    pub(super) version: u64,
    pub(super) reason: DisconnectReason,
    pub(super) at: Timestamp,
}

impl Disconnected<'_> {
    /// The message on `$aws/events/presence/disconnected/<client id>` (AWS, "Lifecycle events").
    pub(super) fn event(&self) -> Value {
        json!({
            "clientId": self.client_id,
            "timestamp": self.at.millis(),
            "eventType": "disconnected",
            "sessionIdentifier": self.session_id,
            "principalIdentifier": self.principal,
            "clientInitiatedDisconnect": self.reason == DisconnectReason::ClientInitiated,
            "disconnectReason": self.reason.as_str(),
            "versionNumber": self.version,
        })
    }
}
