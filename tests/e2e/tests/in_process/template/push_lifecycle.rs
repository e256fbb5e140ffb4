//! The part of the lifecycle that uses the push channel.

use std::slice;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorbell_functions::connect::{self, ConnectEvent, ConnectionScope};
use doorbell_functions::presence::{self, DisconnectedEvent};
use doorbell_protocol::PushMessage;
use doorbell_protocol::limits::ONLINE_WINDOW;
use doorbell_shared::clock::Clock as _;
use doorbell_shared::http::routes::Function;
use doorbell_shared::limits::{REMINDER_AFTER, REMINDER_INTERVAL};
use doorbell_shared::push::ClientId;
use doorbell_shared::store::TokenStore as _;
use doorbell_shared::token::Token;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::push::{Answer, DEPLOYMENT, INTERVAL, PushCall};
use serde_json::{Value, json};

use crate::template::lifecycle::{Lifecycle, expect};

const TOKEN: &str = "dbd_dev_a";
const MILLISECOND: Duration = Duration::from_millis(1);

impl Lifecycle<'_> {
    /// A daemon connects, is notified, is found deaf by a ring and by a poll, and is lost.
    pub(crate) async fn push(&self) -> Result<(), String> {
        let program = json!({"type": "codex"});
        let body =
            json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "push": true, "runtimes": [program]});
        let registered = self.call(Function::Register, "/api/daemon/register", body).await?;
        let runtime = registered["runtimes"][0]["id"].as_str().unwrap();
        let client = registered["settings"]["push"]["client_id"].as_str().unwrap();
        self.connect(client).await?;
        let client: ClientId = client.parse().unwrap();
        let hint = PushCall::Send(client.clone(), PushMessage::Hint { runtime_id: runtime.parse().unwrap() });
        let closed = [hint.clone(), PushCall::Disconnect(client.clone())];

        self.prove(runtime, &[]).await?;
        let request = self.ring(runtime).await?;
        self.expect_calls("the ring", slice::from_ref(&hint))?;
        self.clock.advance(REMINDER_AFTER + MILLISECOND);
        self.poll(runtime, &request).await?;
        self.expect_calls("the poll", &[hint])?;
        self.push.answer(Answer::Unacknowledged);
        self.clock.advance(REMINDER_INTERVAL + MILLISECOND);
        self.poll(runtime, &request).await?;
        self.expect_calls("the poll that is not acknowledged", &closed)?;
        self.prove(runtime, &[]).await?;
        self.push.answer(Answer::Unacknowledged);
        self.ring(runtime).await?;
        self.expect_calls("the ring that is not acknowledged", &closed)?;

        self.prove(runtime, &[&request]).await?;
        self.clock.advance(ONLINE_WINDOW + MILLISECOND);
        self.expect_status("online").await?;
        self.push.set_connected(&client, false);
        let event: DisconnectedEvent = serde_json::from_value(json!({"clientId": client.as_str()})).unwrap();
        let ended = presence::handle(&self.state("presence"), &event).await;
        ended.map_err(|error| format!("presence: {error}"))?;
        self.expect_status("offline").await
    }

    async fn connect(&self, client: &str) -> Result<(), String> {
        let mqtt = json!({"clientId": client, "password": STANDARD.encode(TOKEN)});
        let event: ConnectEvent = serde_json::from_value(json!({"protocolData": {"mqtt": mqtt}})).unwrap();
        let scope = ConnectionScope { deployment: DEPLOYMENT.parse().unwrap(), arn_prefix: "arn".to_owned() };
        let decision = connect::handle(&self.state("connect"), &scope, &event).await;
        let decision = decision.map_err(|error| format!("connect: {error}"))?;
        expect("the decision", &serde_json::to_value(decision).unwrap()["isAuthenticated"], true)?;
        let token = Token::parse(TOKEN).unwrap();
        let connections = self.engine.store().find_token_connections(token.hash()).await.unwrap();
        let connections: Vec<_> = connections.iter().map(ToString::to_string).collect();
        expect("the connection of the token", &json!(connections), json!([client]))
    }

    /// The connection of a revoked token is closed.
    pub(crate) async fn connect_and_revoke(&self, token: &Token) -> Result<(), String> {
        let daemon = "d".to_owned().try_into().unwrap();
        let client = ClientId::new(&DEPLOYMENT.parse().unwrap(), WORKSPACE_A.parse().unwrap(), &daemon);
        let now = self.clock.now();
        self.engine.store().record_token_connection(token.hash(), &client, now).await.unwrap();
        self.push.take();
        let path = format!("/api/tokens/{}?workspace_id={WORKSPACE_A}", token.hash().id());
        self.call(Function::RevokeToken, &path, Value::Null).await?;
        self.expect_calls("the revocation", &[PushCall::Disconnect(client)])
    }

    /// The daemon claims every request and proves its channel.
    async fn prove(&self, runtime: &str, in_flight: &[&str]) -> Result<(), String> {
        self.push.answer(Answer::Delivered);
        let body =
            json!({"runtimes": [{"id": runtime, "in_flight": in_flight}], "push": {"connected": true}});
        let response = self.call(Function::Heartbeat, "/api/daemon/heartbeat", body).await?;
        self.push.take();
        expect("the interval", &response["next_heartbeat_s"], INTERVAL.as_secs())
    }

    fn expect_calls(&self, of: &str, expected: &[PushCall]) -> Result<(), String> {
        let calls = self.push.take();
        if calls == expected { Ok(()) } else { Err(format!("the calls of {of}: {calls:?}")) }
    }

    async fn expect_status(&self, status: &str) -> Result<(), String> {
        let listed = self.call(Function::Runtimes, "/api/runtimes", Value::Null).await?;
        expect("the status", &listed[0]["status"], status)
    }
}
