//! The operations of the API, and the event of each.

use doorbell_gateway::{WORKSPACE_A, WORKSPACE_B};
use doorbell_protocol::{RequestId, RuntimeId, Scope};
use doorbell_shared::http::HttpRequest;
use doorbell_shared::http::input::AuthorizerContext;
use doorbell_shared::http::routes::Function;
use doorbell_test_support::event::event_from;
use serde_json::{Value, json};

use crate::seeded::at;

/// An actor, and the workspace of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) name: &'static str,
    pub(crate) workspace: Workspace,
}

impl Caller {
    pub(crate) fn own(name: &'static str) -> Self {
        Self { name, workspace: Workspace::Own }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Workspace {
    /// Contains every runtime.
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

    /// Whether this is a heartbeat with `in_flight` that does not list `request`.
    pub(crate) fn lacks(&self, request: RequestId) -> bool {
        match self {
            Self::Heartbeat { in_flight: Some(in_flight), .. } => !in_flight.contains(&request),
            _ => false,
        }
    }

    /// The function, and the event that API Gateway sends it for a caller of `workspace`.
    pub(crate) fn event(&self, workspace: Workspace) -> (Function, HttpRequest) {
        let (function, path, body) = self.request(workspace);
        let scope = if path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User };
        let caller = AuthorizerContext {
            subject: "simulated".to_owned(),
            token_id: None,
            scopes: vec![scope],
            workspaces: vec![workspace.id().parse().unwrap()],
        };
        let request = event_from(&caller, function, &path, &body, at(0));
        (function, request)
    }

    fn request(&self, workspace: Workspace) -> (Function, String, Value) {
        match self {
            Self::Initiate { runtime } => {
                (Function::Initiate, format!("/api/runtimes/{runtime}/models"), json!({}))
            }
            Self::Poll { runtime, request } => {
                (Function::Poll, format!("/api/runtimes/{runtime}/models/{request}"), Value::Null)
            }
            Self::List { workspace } => {
                (Function::Runtimes, format!("/api/runtimes?workspace_id={}", workspace.id()), Value::Null)
            }
            Self::Register { machine } => {
                let runtimes = json!([{"name": "Codex", "type": "codex", "status": "online"}]);
                let body =
                    json!({"workspace_id": workspace.id(), "daemon_id": machine, "runtimes": runtimes});
                (Function::Register, "/api/daemon/register".to_owned(), body)
            }
            Self::Deregister { runtime } => {
                (Function::Deregister, "/api/daemon/deregister".to_owned(), json!({"runtime_ids": [runtime]}))
            }
            Self::Heartbeat { runtime, in_flight } => {
                let mut body = json!({"runtime_id": runtime});
                if let Some(in_flight) = in_flight {
                    body["in_flight"] = json!(in_flight);
                }
                (Function::Heartbeat, "/api/daemon/heartbeat".to_owned(), body)
            }
            Self::Report { runtime, request, result: WorkResult { completed, text } } => {
                let body = if *completed {
                    json!({"status": "completed", "models": [{"id": text, "label": text}]})
                } else {
                    json!({"status": "failed", "error": text})
                };
                let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
                (Function::Report, path, body)
            }
        }
    }
}
