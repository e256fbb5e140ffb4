//! `doorbell token`: create, list, revoke.

use doorbell_shared::clock::{Clock as _, SystemClock};
use doorbell_shared::push::ClientId;
use doorbell_shared::runtime::ShortText;
use doorbell_shared::store::TokenStore as _;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::token::Token;
use doorbell_test_support::client::{Client, Workspace};
use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{DAEMON_A, WORKSPACE_A};
use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::Ended;

async fn dev_on_file(machine: &Machine) -> Dev {
    Dev::start(machine, &["--no-daemon", "--data", "doorbell.db"]).await
}

async fn token(machine: &Machine, arguments: &[&str]) -> Ended {
    machine.run(&[&["token"], arguments, &["--store", "embedded", "--data", "doorbell.db"]].concat()).await
}

async fn created(machine: &Machine, scope: &str, options: &[&str]) -> String {
    let create = ["create", "--scope", scope, "--subject", "build machine"];
    let ended = token(machine, &[&create, options].concat()).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout.trim().to_owned()
}

#[tokio::test]
async fn token_is_valid_until_revoked() {
    let machine = Machine::new().with_file("models.json", r#"[{"id":"a","label":"A"}]"#);
    let dev = dev_on_file(&machine).await;
    let daemon = created(&machine, "daemon", &[]).await;
    let user = created(&machine, "user", &[]).await;
    let running = dev.daemon(&machine, &["--token", &daemon, "--file", "models.json", "--no-push"]).await;
    let models = dev.run(&["models", "models.json", "--token", &user]).await;
    assert!(models.stdout.contains(" a "), "{} {}", models.stdout, models.stderr);

    for revoked in [&daemon, &user] {
        assert_eq!(token(&machine, &["revoke", revoked]).await.code, Some(0));
    }
    let refused = dev.run(&["models", "models.json", "--token", &user]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.starts_with("error: a valid bearer token is required\n"), "{}", refused.stderr);
    running.wait_for_stderr("a valid bearer token is required (check the token); trying again").await;
}

#[tokio::test]
async fn binds_tokens_of_daemons_only() {
    let machine = Machine::new();
    for scope in ["user", "admin"] {
        let ended =
            token(&machine, &["create", "--scope", scope, "--subject", "a", "--daemon-id", "d"]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
        let text = format!("error: a token of the scope {scope} cannot be bound to a daemon\nhelp: ");
        assert!(ended.stderr.starts_with(&text), "{}", ended.stderr);
    }
    let bound = created(&machine, "daemon", &["--daemon-id", " d ", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&bound).unwrap()["daemon_id"], "d");
}

/// A table with a token that has connected as one client, and the client.
async fn connected(machine: &Machine) -> (String, ClientId) {
    let made = created(machine, "daemon", &[]).await;
    let daemon = ShortText::try_from("laptop".to_owned()).unwrap();
    let client = ClientId::new(&"local".parse().unwrap(), WORKSPACE_A.parse().unwrap(), &daemon);
    let engine = EmbeddedDynamoDb::open(&machine.path("doorbell.db")).await.unwrap();
    let hash = Token::parse(&made).unwrap().hash();
    engine.store().record_token_connection(hash, &client, SystemClock.now()).await.unwrap();
    (made, client)
}

#[tokio::test]
async fn revocation_closes_connections() {
    let machine = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        .iter()
        .fold(Machine::new(), |machine, name| machine.with_env(name, "example"));
    let (made, client) = connected(&machine).await;
    let broker = ScriptedServer::replying(Reply::Json(200, json!({}))).await;
    let ended = token(&machine, &["revoke", &made, "--push-endpoint", &broker.url()]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("Closed connections: 1.\n"), "{}", ended.stderr);
    let calls: Vec<_> = broker.calls().into_iter().map(|call| (call.method, call.path)).collect();
    assert_eq!(calls, [("DELETE".to_owned(), format!("/connections/{client}"))]);
}

#[tokio::test]
async fn revocation_without_endpoint_names_open_connections() {
    let machine = Machine::new();
    let (made, _) = connected(&machine).await;
    let ended = token(&machine, &["revoke", &made]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("--push-endpoint"), "{}", ended.stderr);
}

#[tokio::test]
async fn token_is_printed_once() {
    let machine = Machine::new();
    let made = created(&machine, "user", &[]).await;
    assert!(made.starts_with("dbu_") && made.len() == 4 + 43, "{made}");
    for options in [&["list"][..], &["list", "--json"]] {
        let listed = token(&machine, options).await.stdout;
        assert!(!listed.contains(&made[4..]), "{listed}");
        assert!(listed.contains(&made[made.len() - 4..]), "{listed}");
    }
}

#[tokio::test]
async fn list_shows_subject_and_expiry() {
    let machine = Machine::new();
    created(&machine, "daemon", &["--expires", "90d"]).await;
    created(&machine, "user", &[]).await;
    let listed: Value = serde_json::from_str(&token(&machine, &["list", "--json"]).await.stdout).unwrap();
    assert_eq!((&listed[0]["subject"], &listed[0]["scopes"][0]), (&"build machine".into(), &"daemon".into()));
    assert!(listed[0]["expires_at"].as_str().unwrap() > listed[0]["created_at"].as_str().unwrap());
    assert_eq!(listed[1].get("expires_at"), None);
}

/// Up to a day late, because a use is recorded once a day.
#[tokio::test]
async fn list_shows_last_use() {
    let machine = Machine::new();
    let dev = dev_on_file(&machine).await;
    let made = created(&machine, "user", &[]).await;
    let listed = async || {
        let list = token(&machine, &["list", "--json"]).await.stdout;
        let listed: Vec<Value> = serde_json::from_str(&list).unwrap();
        listed.into_iter().find(|listed| listed["last_four"] == made[made.len() - 4..]).unwrap()
    };
    assert_eq!(listed().await.get("last_used_at"), None);
    assert!(token(&machine, &["list"]).await.stdout.contains("never"));
    assert_eq!(dev.run(&["runtimes", "--token", &made]).await.code, Some(0));
    let used = listed().await;
    assert!(used["last_used_at"].as_str().unwrap() >= used["created_at"].as_str().unwrap(), "{used}");
    assert_eq!(dev.run(&["runtimes", "--token", &made]).await.code, Some(0));
    assert_eq!(listed().await, used, "written once a day");
    let table = token(&machine, &["list"]).await.stdout;
    assert!(table.contains("LAST USED") && table.contains(used["last_used_at"].as_str().unwrap()), "{table}");
}

#[tokio::test]
async fn subject_is_trimmed() {
    let machine = Machine::new();
    let made = token(&machine, &["create", "--scope", "user", "--subject", " me\n"]).await;
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let listed: Value = serde_json::from_str(&token(&machine, &["list", "--json"]).await.stdout).unwrap();
    assert_eq!(listed[0]["subject"], "me");
}

#[tokio::test]
async fn logs_created_and_revoked_tokens() {
    let machine = Machine::new();
    let created = token(&machine, &["create", "--scope", "user", "--subject", "a \"b\" c"]).await;
    let made = created.stdout.trim();
    let id = Token::parse(made).unwrap().hash().id().to_string();
    let revoked = token(&machine, &["revoke", &id]).await;
    for (ended, event) in [(&created, "token created"), (&revoked, "token revoked")] {
        let line = ended.stderr.lines().find(|line| line.contains(event)).unwrap_or(&ended.stderr);
        assert!(line.contains("INFO"), "{line}");
        let fields = format!(
            "token_id={id} subject=\"a \u{fffd}b\u{fffd} c\" scopes=\"user\" workspaces=\"{WORKSPACE_A}\""
        );
        assert!(line.contains(&fields), "{line}");
        assert!(!ended.stderr.contains(&made[4..]), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn refuses_token_with_251_workspaces() {
    let machine = Machine::new();
    let workspaces: Vec<_> =
        (0..251).map(|number| format!("00000000-0000-4000-8000-{number:012x}")).collect();
    let create = async |count: usize| {
        let options = workspaces[..count].iter().flat_map(|id| ["--workspace", id]);
        let create = ["create", "--scope", "user", "--subject", "me"];
        token(&machine, &create.into_iter().chain(options).collect::<Vec<_>>()).await
    };
    let refused = create(251).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    let expected = "error: a token cannot have more than 250 workspaces\nhelp: create several tokens\n";
    assert_eq!(refused.stderr, expected);
    let accepted = create(250).await;
    assert_eq!(accepted.code, Some(0), "{}", accepted.stderr);
}

#[tokio::test]
async fn refuses_expired_token() {
    let machine = Machine::new();
    let dev = dev_on_file(&machine).await;
    let made = created(&machine, "user", &["--expires", "1s"]).await;
    let runtimes = async || dev.run(&["runtimes", "--token", &made]).await.code;
    for _ in 0..300 {
        if runtimes().await == Some(1) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the token does not expire");
}

#[tokio::test]
async fn revokes_by_id_prefix() {
    let machine = Machine::new();
    created(&machine, "user", &[]).await;
    let listed: Value = serde_json::from_str(&token(&machine, &["list", "--json"]).await.stdout).unwrap();
    let id = &listed[0]["id"].as_str().unwrap()[..12];
    assert_eq!(token(&machine, &["revoke", id]).await.code, Some(0));
    assert_eq!(token(&machine, &["list", "--json"]).await.stdout, "[]\n");
    let again = token(&machine, &["revoke", id]).await;
    assert_eq!(
        (again.code, again.stderr.lines().next()),
        (Some(1), Some("error: no token of the workspace has that id"))
    );
}

#[tokio::test]
async fn embedded_store_needs_data_file() {
    let ended = Machine::new().run(&["token", "list", "--store", "embedded"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--data"), "{}", ended.stderr);
}

#[tokio::test]
async fn data_file_survives_restart() {
    let machine = Machine::new();
    let dev = dev_on_file(&machine).await;
    let other = Machine::new().with_file("models.json", "[]");
    let daemon = dev.daemon(&other, &["--file", "models.json"]).await;
    daemon.terminate().await;
    let known = dev.runtimes().await;
    dev.process.terminate().await;
    assert_eq!(dev_on_file(&machine).await.runtimes().await, known);
}

/// How many of 150 registrations with one token `doorbell dev` accepts.
async fn accepted_registrations(options: &[&str]) -> usize {
    let dev = Dev::start(&Machine::new(), &[&["--no-daemon"], options].concat()).await;
    let client = Client::new(&dev.url, Workspace::of_dev());
    let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
    let mut accepted = 0;
    for _ in 0..150 {
        let request = client.request(Method::POST, "/api/daemon/register").bearer_auth(DAEMON_A);
        accepted += usize::from(client.send(request.json(&body)).await.status == 200);
    }
    accepted
}

#[tokio::test]
async fn dev_can_lift_token_limits() {
    let limited = accepted_registrations(&[]).await;
    // A burst of 60, one free call, and one a second.
    assert!((61..150).contains(&limited), "{limited}");
    assert_eq!(accepted_registrations(&["--no-token-limits"]).await, 150);
}
