//! A daemon in a process of its own is killed, stopped, or loses its network: it is shown offline.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use doorbell_test_support::client::Caller;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::push_outages::proxy::Proxy;
use crate::push_outages::stage::{PATIENCE, Stage};

/// Keep-alive of 30 s times 1.5, the wait of `presence`, and 5 s for a busy machine.
const CONNECTION_LOST: Duration = Duration::from_secs(60);

/// A plain heartbeat keeps a runtime online for 45 s, and 5 s for a busy machine.
const LAST_HEARTBEAT: Duration = Duration::from_secs(50);

struct DaemonProcess {
    child: Child,
    runtime: String,
}

impl DaemonProcess {
    /// Starts a daemon, and waits until its channel is proven.
    async fn start(stage: &Stage, url: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorbell-under-test"));
        let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/../../daemon/sample-catalog.json");
        command.args(["daemon", "--no-detect", "--file", catalog, "--daemon-id", "laptop", "--url", url]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let proven = async { while !lines.next_line().await.unwrap().unwrap().contains("push: proven") {} };
        tokio::time::timeout(PATIENCE, proven).await.unwrap();
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let listed = stage.client.get(Caller::UserA, "/api/runtimes").await;
        let runtime = listed.body[0]["id"].as_str().unwrap().to_owned();
        Self { child, runtime }
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }
}

fn show(case: &str, offline_after: Duration, limit: Duration) {
    println!("{case}: offline after {offline_after:.1?}");
    assert!(offline_after < limit, "{case}: {offline_after:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "real time"]
async fn killed_daemon_is_shown_offline() {
    let stage = Stage::start().await;
    let daemon = DaemonProcess::start(&stage, stage.client.url()).await;
    daemon.signal(Signal::KILL);
    show("SIGKILL", stage.offline_after(&daemon.runtime).await, LAST_HEARTBEAT);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "real time"]
async fn stopped_daemon_is_shown_offline() {
    let stage = Stage::start().await;
    let daemon = DaemonProcess::start(&stage, stage.client.url()).await;
    daemon.signal(Signal::STOP);
    show("SIGSTOP", stage.offline_after(&daemon.runtime).await, CONNECTION_LOST);
    daemon.signal(Signal::KILL);
}

/// The hint is not acknowledged, so the ring ends the lease.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "real time"]
async fn stopped_daemon_is_shown_offline_after_ring() {
    let stage = Stage::start().await;
    let daemon = DaemonProcess::start(&stage, stage.client.url()).await;
    daemon.signal(Signal::STOP);
    let path = format!("/api/runtimes/{}/models", daemon.runtime);
    assert_eq!(stage.client.post(Caller::UserA, &path, json!({})).await.status, 200);
    show("SIGSTOP and a ring", stage.offline_after(&daemon.runtime).await, LAST_HEARTBEAT);
    daemon.signal(Signal::KILL);
}

/// Linux has every address of 127.0.0.0/8.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "real time"]
async fn daemon_without_network_is_shown_offline() {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (mqtt, http) = (Proxy::start(free).await, Proxy::start(free).await);
    // The gateway answers only to its own port. No other test uses this address.
    let api = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), http.addr.port()));
    let stage = Stage::at(api, Some(mqtt.addr)).await;
    mqtt.set_target(stage.mqtt());
    http.set_target(api);
    let daemon = DaemonProcess::start(&stage, &format!("http://{}", http.addr)).await;
    mqtt.cut();
    http.cut();
    show(
        "network gone",
        stage.offline_after(&daemon.runtime).await,
        CONNECTION_LOST + Duration::from_secs(2),
    );
}
