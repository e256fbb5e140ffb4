//! The API client: URLs, the texts of its errors, and the secrets that it never shows.

use doorbell_client::{Api, ClientError, RESPONSE_BYTES, http_client};
use doorbell_daemon::Daemon;
use doorbell_protocol::Ack;
use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

use crate::daemon::fixtures::{HEARTBEAT, TOKEN, agents, api, api_at, settings};

async fn call(api: &Api) -> Result<Ack, ClientError> {
    api.post(HEARTBEAT, &json!({})).await
}

async fn error_of(api: &Api) -> String {
    call(api).await.unwrap_err().to_string()
}

/// The API as it is used outside of tests, in real time.
fn real_api(url: &str) -> Api {
    Api::new(http_client().unwrap(), url.parse().unwrap(), TOKEN)
}

#[tokio::test(start_paused = true)]
async fn keeps_stage_of_url() {
    for slash in ["", "/"] {
        let server = ScriptedServer::replying(Reply::Default).await;
        call(&api_at(&server, &format!("http://{}/prod{slash}", server.host()))).await.unwrap();
        assert_eq!(server.calls()[0].path, format!("/prod{HEARTBEAT}"));
    }
}

/// The user became an `Authorization` header of its own, before the token's.
#[tokio::test(start_paused = true)]
async fn drops_user_and_query_of_url() {
    for url in ["http://alice:hunter2@HOST", "http://HOST/?key=a#b"] {
        let server = ScriptedServer::replying(Reply::Default).await;
        call(&api_at(&server, &url.replace("HOST", &server.host()))).await.unwrap();
        assert_eq!(server.calls()[0].path, HEARTBEAT);
        assert_eq!(server.calls()[0].authorization, [format!("Bearer {TOKEN}")]);
    }
}

#[tokio::test(start_paused = true)]
async fn get_sends_query() {
    let server = ScriptedServer::replying(Reply::Default).await;
    api(&server).get::<Ack>("/api/runtimes?workspace_id=a").await.unwrap();
    let call = &server.calls()[0];
    assert_eq!((call.method.as_str(), call.path.as_str()), ("GET", "/api/runtimes?workspace_id=a"));
}

#[tokio::test]
async fn refused_connection_has_remedy() {
    // Bound but not listening, so that no other process can listen there.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let expected = format!("{url} cannot be reached: no connection (is Doorbell running there?)");
    assert_eq!(error_of(&real_api(&url)).await, expected);
}

#[tokio::test]
async fn connection_reset_is_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_buf(&mut Vec::with_capacity(1024)).await.unwrap();
        stream.set_zero_linger().unwrap();
    });
    let error = call(&real_api(&url)).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{url} cannot be reached: the connection broke"));
    assert!(error.is_transient());
}

/// The token would be sent to the redirect's target.
#[tokio::test]
async fn follows_no_redirect() {
    let server = ScriptedServer::replying(Reply::Redirect("http://127.0.0.1:1/".to_owned())).await;
    let expected = format!("{} answered 307 with something that is not Doorbell's", server.url());
    assert_eq!(error_of(&real_api(&server.url())).await, expected);
}

#[tokio::test(start_paused = true)]
async fn names_other_servers() {
    for status in [200, 404] {
        let server = ScriptedServer::replying(Reply::html(status)).await;
        let expected =
            format!("http://{} answered {status} with something that is not Doorbell's", server.host());
        assert_eq!(error_of(&api(&server)).await, expected);
    }
}

/// An endless body would fill the memory.
#[tokio::test(start_paused = true)]
async fn rejects_body_over_8_mib() {
    for (bytes, text) in [
        (RESPONSE_BYTES + 1, "with more than 8 MiB, which is not Doorbell's"),
        (RESPONSE_BYTES, "200 with something that is not Doorbell's"),
    ] {
        let server = ScriptedServer::replying(Reply::Bytes(200, vec![b'x'; bytes])).await;
        assert_eq!(error_of(&api(&server)).await, format!("http://{} answered {text}", server.host()));
    }
}

/// An error in the form of Doorbell's that is a byte too long.
#[tokio::test(start_paused = true)]
async fn reads_errors_up_to_64_kib() {
    let body = |bytes: usize| format!("{{\"error\":\"{}\"}}", "x".repeat(bytes - 12)).into_bytes();
    for (bytes, is_read) in [(64 << 10, true), ((64 << 10) + 1, false)] {
        let server = ScriptedServer::replying(Reply::Bytes(400, body(bytes))).await;
        let error = call(&api(&server)).await.unwrap_err();
        assert_eq!(matches!(error, ClientError::Api { .. }), is_read, "{error}");
    }
}

/// API Gateway's own bodies come from a Doorbell deployment.
#[tokio::test(start_paused = true)]
async fn accepts_bodies_of_api_gateway() {
    for (status, meaning) in [
        (401, "in other words than Doorbell's (a proxy, a captive portal or a firewall may be in between)"),
        (403, "in other words than Doorbell's (a proxy, a captive portal or a firewall may be in between)"),
        (429, "without saying why"),
        (503, "without saying why"),
    ] {
        let server = ScriptedServer::replying(Reply::Json(status, json!({"message": "Something"}))).await;
        let expected = format!("http://{} answered {status} {meaning}", server.host());
        assert_eq!(error_of(&api(&server)).await, expected);
    }
}

#[tokio::test]
async fn url_without_scheme_is_an_error() {
    let error = error_of(&real_api("localhost:3000")).await;
    assert_eq!(error, "localhost:3000 cannot be reached: it is not an http or https URL");
}

/// `DOORBELL_TOKEN=$(cat token)` keeps more than the token when the file has Windows line ends.
#[tokio::test]
async fn token_that_no_header_can_hold_is_an_error() {
    let url = "http://127.0.0.1:1".parse().unwrap();
    let error = error_of(&Api::new(http_client().unwrap(), url, "dbd_very\nsecret")).await;
    let reason = "the token has characters that no token has";
    assert_eq!(error, format!("http://127.0.0.1:1 cannot be reached: {reason}"));
}

#[test]
fn debug_output_has_no_token() {
    let api = real_api("http://127.0.0.1:3000");
    let of_api = format!("{api:?}");
    let of_daemon = format!("{:?}", Daemon::new(api, settings(), watch::channel(agents(["codex"])).1));
    for output in [of_api, of_daemon] {
        assert!(output.contains("127.0.0.1:3000") && !output.contains(TOKEN), "{output}");
    }
}

fn assert_no_secret(text: &str) {
    for secret in [TOKEN, "alice", "hunter2", "key", "fragment"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

fn with_secrets(host: &str) -> String {
    format!("http://alice:hunter2@{host}/prod?key=hunter2#fragment")
}

#[tokio::test(start_paused = true)]
async fn errors_have_no_secret_of_url() {
    let mut servers = vec![ScriptedServer::down()];
    for reply in [Reply::Broken, Reply::Hang, Reply::html(200), Reply::html(500), Reply::error(401, "no")] {
        servers.push(ScriptedServer::replying(reply).await);
    }
    for server in servers {
        let error = call(&api_at(&server, &with_secrets(&server.host()))).await.unwrap_err();
        assert_no_secret(&format!("{error} {error:?}"));
    }
}

/// Without a scheme, a user is parsed as the scheme and a password as the path.
#[tokio::test]
async fn debug_output_has_no_secret_of_url() {
    assert_no_secret(&format!("{:?}", real_api(&with_secrets("127.0.0.1:3000"))));
    let api = real_api("alice:hunter2@localhost:3000");
    assert_no_secret(&format!("{api:?} {}", error_of(&api).await));
}
