//! A daemon that declares questions and answers them from a script, over HTTP.

use std::time::Duration;

use doorbell_client::{Api, http_client};
use doorbell_protocol::{
    DaemonHeartbeatResponse, Json, RegisterResponse, Report, ReportResponse, RuntimeRecord, Work,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::api::{DAEMON_A, WORKSPACE_A};
use super::dev::Dev;

/// A registered daemon. It sends heartbeats only while a [`Serving`] exists.
pub struct QuestionDaemon {
    api: Api,
    pub runtimes: Vec<RuntimeRecord>,
}

/// Ends with the test.
pub struct Serving(JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl QuestionDaemon {
    /// Registers one runtime for each name, of which those that begin with `offline` are offline. All declare `questions`.
    pub async fn register(dev: &Dev, names: &[&str], questions: &Value) -> Self {
        let api = Api::new(http_client().unwrap(), dev.url.parse().unwrap(), DAEMON_A);
        let runtime = |name: &&str| {
            let status = if name.starts_with("offline") { "offline" } else { "online" };
            json!({"name": name, "type": "test", "profile_id": name, "status": status, "questions": questions})
        };
        let runtimes: Vec<_> = names.iter().map(runtime).collect();
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "box", "runtimes": runtimes});
        let registered: RegisterResponse = api.post("/api/daemon/register", &body).await.unwrap();
        Self { api, runtimes: registered.runtimes }
    }

    /// Sends a heartbeat of all runtimes every 0.1 s, and reports what `answer` returns for the work of a runtime of that name.
    /// Without a report, the work stays claimed.
    pub fn serve(&self, answer: impl Fn(&str, &Work) -> Option<Report> + Send + Sync + 'static) -> Serving {
        let api = self.api.clone();
        let runtimes = self.runtimes.clone();
        Serving(tokio::spawn(async move {
            loop {
                for runtimes in runtimes.chunks(50) {
                    beat(&api, runtimes, &answer).await;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }))
    }
}

async fn beat(api: &Api, runtimes: &[RuntimeRecord], answer: &impl Fn(&str, &Work) -> Option<Report>) {
    let ids: Vec<_> = runtimes.iter().map(|runtime| json!({"id": runtime.id})).collect();
    let response: DaemonHeartbeatResponse =
        api.post("/api/daemon/heartbeat", &json!({ "runtimes": ids })).await.unwrap();
    for beaten in response.runtimes {
        let runtime = runtimes.iter().find(|runtime| runtime.id == beaten.id).unwrap();
        for work in beaten.work {
            let Some(report) = answer(&runtime.name, &work) else { continue };
            let path = format!("/api/daemon/runtimes/{}/requests/{}/result", runtime.id, work.id);
            api.post::<ReportResponse>(&path, &report).await.unwrap();
        }
    }
}

/// The result `{"<name>": <args>}`.
pub fn echo(name: &str, work: &Work) -> Report {
    let args = work.args.as_ref().map_or("null", Json::as_str);
    Report::completed(format!("{{\"{name}\":{args}}}").parse().unwrap())
}
