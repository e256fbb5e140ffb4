//! A runtime that is rung and beats, in this process: rings by the store, heartbeats by the whole function.

use doorbell_cli::gateway::{WORKSPACE_A, call};
use doorbell_shared::access::{Scope, Workspaces};
use doorbell_shared::http::Backend;
use doorbell_shared::http::routes::Function;
use doorbell_shared::id::RuntimeId;
use doorbell_shared::request::{Address, ErrorText, Kind, Outcome};
use doorbell_shared::runtime::{Registration, Text};
use doorbell_shared::store::{Initiated, Store};
use doorbell_tests::event::event;
use lambda_http::Request;
use serde_json::{Value, json};

/// One runtime of one daemon.
pub(crate) struct Ringing<'b, S> {
    backend: &'b Backend<S>,
    runtime: RuntimeId,
    allowed: Workspaces,
    beat: Request,
}

impl<'b, S: Store> Ringing<'b, S> {
    /// Registers it.
    pub(crate) async fn new(backend: &'b Backend<S>, daemon_id: &str) -> Self {
        let workspace = WORKSPACE_A.parse().unwrap();
        let text = |text: &str| Text::try_from(text.to_owned()).unwrap();
        let id = RuntimeId::derive(workspace, daemon_id, "codex", "");
        let (daemon_id, provider, name) = (text(daemon_id), text("codex"), text("Codex"));
        let registration = Registration { id, workspace, daemon_id, provider, name, online: true };
        backend.store.register(registration, backend.clock.now()).await.unwrap();
        let body = json!({"runtime_id": id, "in_flight": []});
        let beat = event(Function::Heartbeat, Scope::Daemon, "/api/daemon/heartbeat", &body);
        Self { backend, runtime: id, allowed: [workspace].into_iter().collect(), beat }
    }

    /// Rings it.
    pub(crate) async fn ring(&self) -> Address {
        let now = self.backend.clock.now();
        let request = self.backend.ids.request_id(now);
        let address = Address { runtime: self.runtime, request, kind: Kind::ModelList };
        let asked = self.backend.store.initiate(address, &self.allowed, now).await;
        assert!(matches!(asked, Ok(Initiated::Enqueued(_))), "{asked:?}");
        address
    }

    /// Answers that ring.
    pub(crate) async fn answer(&self, address: Address) {
        let outcome = Outcome::Failed(ErrorText::from("none".to_owned()));
        let now = self.backend.clock.now();
        self.backend.store.report(address, &self.allowed, &outcome, now).await.unwrap();
    }

    /// Beats, and says whether it was handed a request.
    pub(crate) async fn beat(&self) -> bool {
        let response = call(Function::Heartbeat, self.backend, &self.beat).await;
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(answer["status"], "ok");
        answer.get("pending_model_list").is_some()
    }
}
