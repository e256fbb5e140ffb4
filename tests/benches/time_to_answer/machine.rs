//! A machine behind NAT: the real daemon, with an agent that answers at once and notes when it was asked. A daemon asks its
//! agent as soon as a heartbeat's answer holds a request, so that is when the wait for the beat is over.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use doorbell_cli::gateway::WORKSPACE_A;
use doorbell_daemon::agents::Agent;
use doorbell_daemon::daemon::{Daemon, Settings};
use doorbell_daemon::discover::sample::Sample;
use doorbell_daemon::discover::{Discoverer, DiscoveryError};
use doorbell_shared::clock::{Clock as _, SystemClock};
use doorbell_shared::id::RuntimeId;
use doorbell_shared::time::Timestamp;
use doorbell_shared::wire::ModelListResult;
use tokio_util::sync::CancellationToken;

use crate::site::Site;

/// A daemon that beats until this is dropped.
pub(crate) struct Machine {
    /// What is rung.
    pub(crate) runtime: RuntimeId,
    agent: Arc<Noting>,
    stop: CancellationToken,
}

impl Machine {
    /// Registers and begins to beat, first after a random part of `interval`.
    pub(crate) async fn start(site: &Site, interval: Duration, number: u32) -> Self {
        let name = format!("beats every {} s, {number}", interval.as_secs());
        let workspace = WORKSPACE_A.parse().unwrap();
        let settings = Settings { workspace, daemon_id: name.clone(), device_name: name, interval };
        let (agent, stop) = (Arc::new(Noting::default()), CancellationToken::new());
        let daemon = Daemon::new(site.daemon.clone(), settings, vec![agent_of(Arc::clone(&agent))]);
        let registered = daemon.register().await.unwrap();
        let (runtime, stopped) = (registered[0].id, stop.clone());
        tokio::spawn(async move { daemon.run(&registered, stopped).await });
        Self { runtime, agent, stop }
    }

    /// When the daemon last had something to ask its agent.
    pub(crate) fn asked_at(&self) -> Option<Timestamp> {
        *self.agent.asked_at.lock().unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn agent_of(discoverer: Arc<Noting>) -> Agent {
    Agent {
        name: Sample::NAME.to_owned(),
        provider: "sample".to_owned(),
        profile_id: String::new(),
        version: None,
        discoverer,
    }
}

/// The sample catalog, and when it was last asked for.
#[derive(Debug, Default)]
struct Noting {
    asked_at: Mutex<Option<Timestamp>>,
}

#[async_trait]
impl Discoverer for Noting {
    fn name(&self) -> &str {
        Sample.name()
    }

    async fn discover(&self) -> Result<ModelListResult, DiscoveryError> {
        *self.asked_at.lock().unwrap() = Some(SystemClock.now());
        Sample.discover().await
    }
}
