//! The operations of the API, and the event of each.

use doorbell_gateway::{WORKSPACE_A, WORKSPACE_B};
use doorbell_protocol::{RequestId, RuntimeId, Scope};
use doorbell_shared::http::HttpRequest;
use doorbell_shared::http::input::AuthorizerContext;
use doorbell_shared::http::routes::Function;
use doorbell_test_support::event::event_from;
use serde_json::{Value, json};

use crate::asked::{Asked, AskedKind, QUESTION, QUESTION_RUNNING};
use crate::runner::runtime;
use crate::seeded::at;

/// An actor and its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) name: &'static str,
    pub(crate) identity: Identity,
}

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) workspace: Workspace,
    /// The machine whose daemon it is bound to.
    pub(crate) daemon: Option<&'static str>,
}

impl Caller {
    pub(crate) fn own(name: &'static str) -> Self {
        Self { name, identity: Identity { workspace: Workspace::Own, daemon: None } }
    }

    pub(crate) fn bound(name: &'static str, machine: &'static str) -> Self {
        Self { name, identity: Identity { workspace: Workspace::Own, daemon: Some(machine) } }
    }

    pub(crate) fn of_other_workspace(name: &'static str) -> Self {
        Self { name, identity: Identity { workspace: Workspace::Other, daemon: None } }
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

/// The routes of one kind, or those of every kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Models,
    Generic,
}

impl Route {
    fn segment(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Generic => "requests",
        }
    }
}

/// A request as its callers name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Named {
    pub(crate) route: Route,
    pub(crate) runtime: RuntimeId,
    pub(crate) request: RequestId,
}

impl Named {
    fn path(self) -> String {
        format!("/api/runtimes/{}/{}/{}", self.runtime, self.route.segment(), self.request)
    }

    fn result_path(self) -> String {
        format!("/api/daemon/runtimes/{}/{}/{}/result", self.runtime, self.route.segment(), self.request)
    }
}

/// The text of each result is unique, so that the history shows which report is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WorkResult {
    pub(crate) completed: bool,
    /// What it does to the catalog, if it is completed and has models.
    pub(crate) catalog: CatalogEffect,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CatalogEffect {
    Replaces,
    /// The models are a fallback.
    Keeps,
    /// The runtime does not support a choice.
    Deletes,
}

impl CatalogEffect {
    /// What the results of daemons do.
    pub(crate) const MIX: [Self; 8] = [
        Self::Replaces,
        Self::Replaces,
        Self::Replaces,
        Self::Replaces,
        Self::Replaces,
        Self::Replaces,
        Self::Keeps,
        Self::Deletes,
    ];
}

impl WorkResult {
    fn report(&self, route: Route, kind: AskedKind) -> Value {
        let Self { completed, catalog, text } = self;
        let mut list = json!({"models": [{"id": text, "label": text}]});
        match catalog {
            CatalogEffect::Replaces => {}
            CatalogEffect::Keeps => list["fallback"] = json!(true),
            CatalogEffect::Deletes => list["supported"] = json!(false),
        }
        match (completed, route, kind) {
            (false, ..) => json!({"status": "failed", "error": text}),
            (true, Route::Models, _) => {
                list["status"] = json!("completed");
                list
            }
            (true, Route::Generic, AskedKind::Models) => json!({"status": "completed", "result": list}),
            (true, Route::Generic, AskedKind::Question) => {
                json!({"status": "completed", "result": {"text": text}})
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    /// On the kind's own route if `asked` is what that route asks.
    Ask {
        runtime: RuntimeId,
        route: Route,
        asked: Asked,
    },
    Poll(Named),
    Cancel(Named),
    List {
        workspace: Workspace,
    },
    Register {
        machine: &'static str,
        declares: bool,
        push: bool,
    },
    Deregister {
        runtime: RuntimeId,
    },
    Heartbeat {
        runtime: RuntimeId,
        whole: bool,
        in_flight: Option<Vec<RequestId>>,
        /// Whether it says that the daemon is connected to the push channel.
        connected: Option<bool>,
    },
    Report {
        named: Named,
        kind: AskedKind,
        result: WorkResult,
    },
    Progress {
        named: Named,
        progress: u64,
    },
}

impl Operation {
    pub(crate) fn runtime(&self) -> Option<RuntimeId> {
        match self {
            Self::Ask { runtime, .. } | Self::Deregister { runtime } | Self::Heartbeat { runtime, .. } => {
                Some(*runtime)
            }
            Self::Poll(named)
            | Self::Cancel(named)
            | Self::Report { named, .. }
            | Self::Progress { named, .. } => Some(named.runtime),
            Self::List { .. } | Self::Register { .. } => None,
        }
    }

    pub(crate) fn is_of_daemon(&self) -> bool {
        match self {
            Self::Ask { .. } | Self::Poll(_) | Self::Cancel(_) | Self::List { .. } => false,
            Self::Register { .. }
            | Self::Deregister { .. }
            | Self::Heartbeat { .. }
            | Self::Report { .. }
            | Self::Progress { .. } => true,
        }
    }

    /// The route, if the response depends on it.
    pub(crate) fn route(&self) -> Option<Route> {
        match self {
            Self::Ask { route, .. } => Some(*route),
            Self::Poll(named)
            | Self::Cancel(named)
            | Self::Report { named, .. }
            | Self::Progress { named, .. } => Some(named.route),
            _ => None,
        }
    }

    /// Whether this is a heartbeat with `in_flight` that does not list `request`.
    pub(crate) fn lacks(&self, request: RequestId) -> bool {
        match self {
            Self::Heartbeat { in_flight: Some(in_flight), .. } => !in_flight.contains(&request),
            _ => false,
        }
    }

    /// Whether a token may act on what this is about.
    pub(crate) fn is_allowed(&self, identity: Identity) -> bool {
        let is_of_daemon = |machine: &str| match self {
            Self::Register { machine: registered, .. } => *registered == machine,
            _ => self.runtime().is_none_or(|of| of == runtime(machine)),
        };
        identity.workspace == Workspace::Own && identity.daemon.is_none_or(is_of_daemon)
    }

    /// The function, and the event that API Gateway sends it for the caller.
    pub(crate) fn event(&self, Identity { workspace, daemon }: Identity) -> (Function, HttpRequest) {
        let (function, path, body) = self.request(workspace);
        let scope = if path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User };
        let caller = AuthorizerContext {
            subject: "simulated".to_owned(),
            token_id: None,
            scopes: vec![scope],
            workspaces: vec![workspace.id().parse().unwrap()],
            daemon_id: daemon.map(str::to_owned),
        };
        let request = event_from(&caller, function, &path, &body, at(0));
        (function, request)
    }

    fn request(&self, workspace: Workspace) -> (Function, String, Value) {
        match self {
            Self::Ask { runtime, route, asked } => {
                let body = match route {
                    Route::Models => json!({}),
                    Route::Generic => asked.body(),
                };
                let query = if asked.refresh { "?refresh=true" } else { "" };
                let path = format!("/api/runtimes/{runtime}/{}{query}", route.segment());
                (Function::Initiate, path, body)
            }
            Self::Poll(named) => (Function::Poll, named.path(), Value::Null),
            Self::Cancel(named) => (Function::Cancel, named.path(), Value::Null),
            Self::List { workspace } => {
                (Function::Runtimes, format!("/api/runtimes?workspace_id={}", workspace.id()), Value::Null)
            }
            Self::Register { machine, declares, push } => {
                let mut runtime = json!({"name": "Codex", "type": "codex", "status": "online"});
                if *declares {
                    runtime["questions"] = json!([{"name": QUESTION, "timeout_s": QUESTION_RUNNING / 1_000}]);
                }
                let mut body = json!({
                    "workspace_id": workspace.id(), "daemon_id": machine, "runtimes": [runtime],
                });
                if *push {
                    body["push"] = json!(true);
                }
                (Function::Register, "/api/daemon/register".to_owned(), body)
            }
            Self::Deregister { runtime } => {
                (Function::Deregister, "/api/daemon/deregister".to_owned(), json!({"runtime_ids": [runtime]}))
            }
            Self::Heartbeat { runtime, whole, in_flight, connected } => {
                let mut body = if *whole { json!({"id": runtime}) } else { json!({"runtime_id": runtime}) };
                if let Some(in_flight) = in_flight {
                    body["in_flight"] = json!(in_flight);
                }
                if *whole {
                    body = json!({"runtimes": [body]});
                }
                if let Some(connected) = connected {
                    body["push"] = json!({"connected": connected});
                }
                (Function::Heartbeat, "/api/daemon/heartbeat".to_owned(), body)
            }
            Self::Report { named, kind, result } => {
                (Function::Report, named.result_path(), result.report(named.route, *kind))
            }
            Self::Progress { named, progress } => {
                let body = json!({"status": "running", "progress": progress});
                (Function::Report, named.result_path(), body)
            }
        }
    }
}
