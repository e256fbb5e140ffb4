//! What a party can ask of the API, and the event that this becomes.

use doorbell_gateway::{WORKSPACE_A, WORKSPACE_B};
use doorbell_protocol::Scope;
use doorbell_shared::http::caller::AuthorizerContext;
use doorbell_shared::http::routes::Function;
use doorbell_protocol::{RequestId, RuntimeId};
use doorbell_protocol::Timestamp;
use doorbell_test_support::event::event_from;
use serde_json::{Value, json};

/// Whose token is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Workspace {
    /// Where everything happens.
    Home,
    /// Where nothing of that exists.
    Foreign,
}

impl Workspace {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Home => WORKSPACE_A,
            Self::Foreign => WORKSPACE_B,
        }
    }
}

/// How a daemon's work ended. Each report of a simulation says something that no other says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Said {
    Models(String),
    Failure(String),
}

/// One call's content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asked {
    Ring { runtime: RuntimeId },
    Poll { runtime: RuntimeId, request: RequestId },
    List { workspace: Workspace },
    Register { machine: &'static str },
    Deregister { runtime: RuntimeId },
    HeartbeatOutcome { runtime: RuntimeId, in_flight: Option<Vec<RequestId>> },
    Report { runtime: RuntimeId, request: RequestId, said: Said },
}

impl Asked {
    pub(crate) fn function(&self) -> Function {
        match self {
            Self::Ring { .. } => Function::Initiate,
            Self::Poll { .. } => Function::Poll,
            Self::List { .. } => Function::Runtimes,
            Self::Register { .. } => Function::Register,
            Self::Deregister { .. } => Function::Deregister,
            Self::HeartbeatOutcome { .. } => Function::Heartbeat,
            Self::Report { .. } => Function::Report,
        }
    }

    fn scope(&self) -> Scope {
        match self {
            Self::Ring { .. } | Self::Poll { .. } | Self::List { .. } => Scope::User,
            _ => Scope::Daemon,
        }
    }

    fn path(&self) -> String {
        match self {
            Self::Ring { runtime } => format!("/api/runtimes/{runtime}/models"),
            Self::Poll { runtime, request } => format!("/api/runtimes/{runtime}/models/{request}"),
            Self::List { workspace } => format!("/api/runtimes?workspace_id={}", workspace.id()),
            Self::Register { .. } => "/api/daemon/register".to_owned(),
            Self::Deregister { .. } => "/api/daemon/deregister".to_owned(),
            Self::HeartbeatOutcome { .. } => "/api/daemon/heartbeat".to_owned(),
            Self::Report { runtime, request, .. } => {
                format!("/api/daemon/runtimes/{runtime}/models/{request}/result")
            }
        }
    }

    fn body(&self, workspace: Workspace) -> Value {
        match self {
            Self::Ring { .. } => json!({}),
            Self::Poll { .. } | Self::List { .. } => Value::Null,
            Self::Register { machine } => json!({
                "workspace_id": workspace.id(),
                "daemon_id": machine,
                "runtimes": [{"name": "Codex", "type": "codex", "status": "online"}],
            }),
            Self::Deregister { runtime } => json!({"runtime_ids": [runtime]}),
            Self::HeartbeatOutcome { runtime, in_flight: None } => json!({"runtime_id": runtime}),
            Self::HeartbeatOutcome { runtime, in_flight } => json!({"runtime_id": runtime, "in_flight": in_flight}),
            Self::Report { said: Said::Models(model), .. } => {
                json!({"status": "completed", "models": [{"id": model, "label": model}]})
            }
            Self::Report { said: Said::Failure(error), .. } => json!({"status": "failed", "error": error}),
        }
    }

    /// The event, as API Gateway sends it when somebody in `workspace` asks.
    pub(crate) fn event(&self, workspace: Workspace, now: Timestamp) -> doorbell_shared::http::HttpRequest {
        let caller = AuthorizerContext {
            subject: "simulated".to_owned(),
            scopes: vec![self.scope().to_string()],
            workspaces: vec![workspace.id().parse().unwrap()],
        };
        event_from(&caller, self.function(), &self.path(), &self.body(workspace), now)
    }
}
