//! The operations of the API, and the event of each.

use doorbell_cli::gateway::{WORKSPACE_A, WORKSPACE_B};
use doorbell_shared::access::Scope;
use doorbell_shared::http::principal::AuthorizerContext;
use doorbell_shared::http::routes::Function;
use doorbell_shared::id::{RequestId, RuntimeId};
use doorbell_tests::event::event_from;
use serde_json::{Value, json};

use crate::seeded::at;

/// The workspace of the caller's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Workspace {
    /// Every runtime is in this one.
    Own,
    Other,
}

impl Workspace {
    fn id(self) -> &'static str {
        match self {
            Self::Own => WORKSPACE_A,
            Self::Other => WORKSPACE_B,
        }
    }
}

/// The text of each result is unique, so that the history shows which report is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WorkResult {
    pub(crate) completed: bool,
    pub(crate) text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Initiate { runtime: RuntimeId },
    Poll { runtime: RuntimeId, request: RequestId },
    List { workspace: Workspace },
    Register { machine: &'static str },
    Deregister { runtime: RuntimeId },
    Heartbeat { runtime: RuntimeId, in_flight: Option<Vec<RequestId>> },
    Report { runtime: RuntimeId, request: RequestId, result: WorkResult },
}

impl Operation {
    pub(crate) fn function(&self) -> Function {
        match self {
            Self::Initiate { .. } => Function::Initiate,
            Self::Poll { .. } => Function::Poll,
            Self::List { .. } => Function::Runtimes,
            Self::Register { .. } => Function::Register,
            Self::Deregister { .. } => Function::Deregister,
            Self::Heartbeat { .. } => Function::Heartbeat,
            Self::Report { .. } => Function::Report,
        }
    }

    pub(crate) fn runtime(&self) -> Option<RuntimeId> {
        match self {
            Self::Initiate { runtime }
            | Self::Deregister { runtime }
            | Self::Heartbeat { runtime, .. }
            | Self::Poll { runtime, .. }
            | Self::Report { runtime, .. } => Some(*runtime),
            Self::List { .. } | Self::Register { .. } => None,
        }
    }

    /// Whether a heartbeat lists what is in flight, and `request` is not in the list.
    pub(crate) fn lacks(&self, request: RequestId) -> bool {
        match self {
            Self::Heartbeat { in_flight: Some(in_flight), .. } => !in_flight.contains(&request),
            _ => false,
        }
    }

    fn path(&self) -> String {
        match self {
            Self::Initiate { runtime } => format!("/api/runtimes/{runtime}/models"),
            Self::Poll { runtime, request } => format!("/api/runtimes/{runtime}/models/{request}"),
            Self::List { workspace } => format!("/api/runtimes?workspace_id={}", workspace.id()),
            Self::Register { .. } => "/api/daemon/register".to_owned(),
            Self::Deregister { .. } => "/api/daemon/deregister".to_owned(),
            Self::Heartbeat { .. } => "/api/daemon/heartbeat".to_owned(),
            Self::Report { runtime, request, .. } => {
                format!("/api/daemon/runtimes/{runtime}/models/{request}/result")
            }
        }
    }

    fn body(&self, workspace: Workspace) -> Value {
        match self {
            Self::Initiate { .. } => json!({}),
            Self::Poll { .. } | Self::List { .. } => Value::Null,
            Self::Register { machine } => json!({
                "workspace_id": workspace.id(),
                "daemon_id": machine,
                "runtimes": [{"name": "Codex", "type": "codex", "status": "online"}],
            }),
            Self::Deregister { runtime } => json!({"runtime_ids": [runtime]}),
            Self::Heartbeat { runtime, in_flight: None } => json!({"runtime_id": runtime}),
            Self::Heartbeat { runtime, in_flight } => json!({"runtime_id": runtime, "in_flight": in_flight}),
            Self::Report { result: WorkResult { completed: true, text }, .. } => {
                json!({"status": "completed", "models": [{"id": text, "label": text}]})
            }
            Self::Report { result, .. } => json!({"status": "failed", "error": result.text}),
        }
    }

    /// The event that API Gateway sends for a caller of `workspace`.
    pub(crate) fn event(&self, workspace: Workspace) -> lambda_http::Request {
        let path = self.path();
        let scope = if path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User };
        let caller = AuthorizerContext {
            subject: "simulated".to_owned(),
            scopes: vec![scope.to_string()],
            workspaces: vec![workspace.id().parse().unwrap()],
        };
        event_from(&caller, self.function(), &path, &self.body(workspace), at(0))
    }
}
