//! The push channel of a stack, as daemons and clients see it.

use std::time::Duration;

use doorbell_protocol::PUSH_TOPIC;
use doorbell_test_support::client::new_daemon_id;
use doorbell_test_support::{Caller, Client, stack};
use serde_json::{Value, json};

/// Registers a runtime of a daemon that can use the push channel.
async fn register(client: &Client) -> Value {
    let daemon = new_daemon_id();
    let runtime = json!({"name": daemon, "type": "codex", "status": "online"});
    let body = json!({"workspace_id": client.a.id, "daemon_id": daemon, "push": true, "runtimes": [runtime]});
    let registered = client.post(Caller::DaemonA, "/api/daemon/register", body).await;
    assert_eq!(registered.status, 200, "{registered:?}");
    registered.body
}

/// The heartbeat of a daemon that is connected, or thinks so.
async fn heartbeat(client: &Client, runtime: &str) -> Value {
    let body = json!({"runtimes": [{"id": runtime}], "push": {"connected": true}});
    let response = client.post(Caller::DaemonA, "/api/daemon/heartbeat", body).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.body
}

/// Stacks without `PushEndpoint`.
mod off {
    use super::*;

    #[tokio::test]
    #[ignore = "needs a deployed stack: localstack/test.sh"]
    async fn registration_offers_no_channel() {
        assert_eq!(register(&stack::client()).await["settings"], json!({}));
    }

    #[tokio::test]
    #[ignore = "needs a deployed stack: localstack/test.sh"]
    async fn connected_daemon_gets_plain_heartbeats() {
        let client = stack::client();
        let runtime = register(&client).await["runtimes"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(heartbeat(&client, &runtime).await["next_heartbeat_s"], 15);
        assert_eq!(client.find_runtime(&runtime).await.unwrap()["status"], "online");
    }
}

/// Stacks whose `PushEndpoint` cannot be reached: everything works as without one.
mod unreachable {
    use doorbell_protocol::Timestamp;
    use doorbell_shared::clock::{Clock as _, SystemClock};
    use doorbell_shared::limits::REMINDER_AFTER;
    use doorbell_shared::presence::Presence;
    use doorbell_shared::store::{PresenceOutcome, Store as _};

    use super::*;

    #[tokio::test]
    #[ignore = "needs a deployed stack: localstack/test.sh"]
    async fn registration_names_the_channel() {
        let client = stack::client();
        let push = register(&client).await["settings"]["push"].clone();
        assert_eq!(push["topic"], PUSH_TOPIC);
        assert!(push["url"].as_str().unwrap().starts_with("mqtts://"), "{push}");
        assert!(push["username"].as_str().unwrap().contains("?x-amz-customauthorizer-name="), "{push}");
        let [deployment, workspace, _] =
            push["client_id"].as_str().unwrap().split('.').collect::<Vec<_>>()[..]
        else {
            panic!("{push}")
        };
        assert_eq!((deployment, workspace), (stack::deployment().as_str(), client.a.id.as_str()));
    }

    #[tokio::test]
    #[ignore = "needs a deployed stack: localstack/test.sh"]
    async fn heartbeat_does_not_prove_the_channel() {
        let client = stack::client();
        let runtime = register(&client).await["runtimes"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(heartbeat(&client, &runtime).await["next_heartbeat_s"], 15);
        assert_eq!(client.find_runtime(&runtime).await.unwrap()["status"], "online");
    }

    /// Gives the runtime the lease that a reachable channel would have given it.
    async fn lease(client: &Client) -> String {
        let registered = register(client).await;
        let runtime = registered["runtimes"][0]["id"].as_str().unwrap().to_owned();
        let client_id = registered["settings"]["push"]["client_id"].as_str().unwrap();
        let now = SystemClock.now();
        let lease = Presence {
            online_until: now + Duration::from_secs(3_600),
            client: Some(client_id.parse().unwrap()),
        };
        let seen = client.find_runtime(&runtime).await.unwrap()["last_seen_at"].clone();
        let seen: Timestamp = serde_json::from_value(seen).unwrap();
        let seen = Presence::plain(seen).online_until;
        let store = stack::store().await;
        let outcome = store.replace_presence(runtime.parse().unwrap(), seen, &lease, now).await.unwrap();
        assert!(matches!(outcome, PresenceOutcome::Replaced(_)), "{outcome:?}");
        runtime
    }

    #[tokio::test]
    #[ignore = "needs a deployed stack: localstack/test.sh"]
    async fn ring_that_is_not_hinted_waits_for_a_heartbeat() {
        let client = stack::client();
        let runtime = lease(&client).await;
        let request = client.ring(&runtime).await;
        tokio::time::sleep(REMINDER_AFTER + Duration::from_secs(1)).await;
        let reminded = client.poll(&runtime, &request).await;
        assert_eq!((reminded.status, &reminded.body["status"]), (200, &json!("pending")), "{reminded:?}");
        let claimed = heartbeat(&client, &runtime).await;
        assert_eq!(claimed["runtimes"][0]["work"][0]["id"], request.as_str(), "{claimed}");
        assert_eq!(claimed["next_heartbeat_s"], 15);
    }
}
