//! The way of a daemon to the channel, and of lifecycle events to presence.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorbell_functions::connect::{ConnectionScope, handle as decide};
use doorbell_functions::presence::handle as end_leases;
use doorbell_gateway::WORKSPACE_A;
use doorbell_protocol::Scope;
use doorbell_shared::access::Workspaces;
use doorbell_shared::http::AppState;
use doorbell_shared::push::{ClientId, Deployment};
use doorbell_shared::runtime::ShortText;
use doorbell_shared::token::{Token, TokenRecord};
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::broker::Socket;
use crate::context::{Context, SharedStore};
use crate::history::FaultKind;
use crate::network::until_crash;
use crate::seeded::at;

/// Lambda calls a function again after a failure of an asynchronous event (AWS, "How Lambda handles errors and retries with
/// asynchronous invocation").
const RETRIES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(60), Duration::from_secs(120)];

/// The await points of presence with two leases.
const AWAIT_POINTS: u64 = 16;

/// The client id of the daemon on a machine.
pub(crate) fn client_of(machine: &str) -> ClientId {
    let machine = ShortText::try_from(machine.to_owned()).unwrap();
    ClientId::new(&deployment(), WORKSPACE_A.parse().unwrap(), &machine)
}

pub(crate) fn deployment() -> Deployment {
    "local".parse().unwrap()
}

fn token(machine: &str) -> Token {
    Token::new(Scope::Daemon, machine)
}

impl<S: SharedStore> Context<S> {
    /// The token of the daemon on a machine.
    pub(crate) async fn issue_token(&self, machine: &str) {
        let token = token(machine);
        let machine = ShortText::try_from(machine.to_owned()).unwrap();
        let record = TokenRecord {
            hash: token.hash(),
            subject: ShortText::try_from("daemon".to_owned()).unwrap(),
            scopes: [Scope::Daemon].into(),
            workspaces: Workspaces::new([WORKSPACE_A.parse().unwrap()]).unwrap(),
            created_at: at(0),
            expires_at: None,
            last_four: token.last_four(),
            daemon_id: self.environment.plan.enrolled.then_some(machine),
            last_used_at: None,
        };
        while self.store.issue_token(&record).await.is_err() {}
    }

    /// Connects, if the broker is up and the authorizer allows it.
    pub(crate) async fn connect(self: &Arc<Self>, machine: &str) -> Option<Socket> {
        let client = client_of(machine);
        self.environment.sleep(2..80).await;
        let broker = self.broker.as_ref()?;
        if broker.is_down() {
            return None;
        }
        let index = self.any_instance();
        let state = self.state(index, self.store.clone());
        let event = json!({"protocolData": {"mqtt": {
            "username": "doorbell", "password": STANDARD.encode(token(machine).reveal()), "clientId": client.as_str(),
        }}});
        let scope = ConnectionScope { deployment: deployment(), arn_prefix: "arn".to_owned() };
        let event = serde_json::from_value(event).unwrap();
        let decision = Box::pin(decide(&state, &scope, &event)).await.ok()?;
        let decision = serde_json::to_value(decision).unwrap();
        (decision["isAuthenticated"] == true).then(|| broker.connect(&client))
    }
}

/// Calls presence for the ends of connections: late, twice, in another order or not at all.
pub(crate) async fn run_rule<S: SharedStore>(
    context: Arc<Context<S>>,
    mut disconnected: UnboundedReceiver<ClientId>,
) {
    let environment = &context.environment;
    while let Some(client) = disconnected.recv().await {
        let Some(push) = &environment.plan.push else { return };
        let rates = &push.rates;
        if environment.injects_push(FaultKind::EventLost, rates.event_lost) {
            continue;
        }
        let doubled = environment.injects_push(FaultKind::EventDuplicated, rates.event_duplicated);
        for _ in 0..if doubled { 2 } else { 1 } {
            let delayed = environment.injects_push(FaultKind::EventDelayed, rates.event_delayed);
            let delay = environment.rng.number(if delayed { 1_000..60_000 } else { 20..1_000 });
            tokio::spawn(call_presence(Arc::clone(&context), client.clone(), Duration::from_millis(delay)));
        }
    }
}

async fn call_presence<S: SharedStore>(context: Arc<Context<S>>, client: ClientId, delay: Duration) {
    tokio::time::sleep(delay).await;
    let event = serde_json::from_value(json!({"clientId": client.as_str()})).unwrap();
    for wait in RETRIES {
        tokio::time::sleep(wait).await;
        let index = context.any_instance();
        let state: AppState<_> = context.state(index, context.faulty_store(None));
        let awaits = context.crash(AWAIT_POINTS);
        let ended = until_crash(Box::pin(end_leases(&state, &event)), awaits).await;
        if matches!(ended, Some(Ok(()))) {
            return;
        }
    }
}
