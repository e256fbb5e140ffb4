//! What people read when a call fails, and what they must never read.

use doorbell_client::{Api, ApiError, http_client};
use doorbell_daemon::daemon::Daemon;
use doorbell_protocol::Ack;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};

use crate::support::{HEARTBEAT, Reply, Scripted, Server, TOKEN, agent, settings};

async fn called(api: &Api) -> Result<Ack, ApiError> {
    api.post(HEARTBEAT, &json!({})).await
}

async fn error_of(api: &Api) -> String {
    called(api).await.unwrap_err().to_string()
}

/// The API as it is used outside of tests, in real time.
fn real_api(url: &str) -> Api {
    Api::new(http_client().unwrap(), url.parse().unwrap(), TOKEN)
}

mod where_it_is {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stage_is_part_of_the_url_with_or_without_a_slash() {
        for slash in ["", "/"] {
            let server = Server::start(|_| Reply::Json(200, json!({"status": "ok"}))).await;
            called(&server.api_at(&format!("http://{}/prod{slash}", server.host()))).await.unwrap();
            assert_eq!(server.calls()[0].path, format!("/prod{HEARTBEAT}"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_of_the_url_does_not_swallow_the_path() {
        let server = Server::usual().await;
        called(&server.api_at(&format!("http://{}/?key=a#b", server.host()))).await.unwrap();
        assert_eq!(server.calls()[0].path, HEARTBEAT);
    }

    /// It became an `Authorization` of its own, before the one with the token.
    #[tokio::test(start_paused = true)]
    async fn a_user_of_the_url_does_not_compete_with_the_token() {
        let server = Server::usual().await;
        called(&server.api_at(&format!("http://alice:hunter2@{}", server.host()))).await.unwrap();
        assert_eq!(server.calls()[0].authorization, [format!("Bearer {TOKEN}")]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_get_may_carry_a_query() {
        let server = Server::start(|_| Reply::Json(200, json!({"status": "ok"}))).await;
        server.api().get::<Ack>("/api/runtimes?workspace_id=a").await.unwrap();
        let call = &server.calls()[0];
        assert_eq!((call.method.as_str(), call.path.as_str()), ("GET", "/api/runtimes?workspace_id=a"));
    }
}

mod texts {
    use super::*;

    #[tokio::test]
    async fn a_server_that_is_not_running_is_asked_after() {
        // Bound, so that nobody else listens there, and not listening.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let expected = format!("{url} cannot be reached: no connection (is Doorbell running there?)");
        assert_eq!(error_of(&real_api(&url)).await, expected);
    }

    /// A server that reads a request, and then does with the connection what is wanted.
    async fn after_a_request(answer: Option<&'static str>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_buf(&mut Vec::with_capacity(1024)).await.unwrap();
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => stream.set_zero_linger().unwrap(),
            }
        });
        url
    }

    #[tokio::test]
    async fn a_connection_that_is_reset_is_said_to_have_broken() {
        let url = after_a_request(None).await;
        let error = called(&real_api(&url)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{url} cannot be reached: the connection broke"));
        assert!(error.is_transient());
    }

    /// The token would go wherever the answer points.
    #[tokio::test]
    async fn a_redirection_is_not_followed() {
        let elsewhere = "HTTP/1.1 307 \r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        let url = after_a_request(Some(elsewhere)).await;
        let expected = format!("{url} answered 307 with something that is not Doorbell's");
        assert_eq!(error_of(&real_api(&url)).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn something_else_that_answers_is_named_as_such() {
        for status in [200, 404] {
            let server = Server::start(move |_| Reply::Html(status)).await;
            let url = format!("http://{}", server.host());
            let expected = format!("{url} answered {status} with something that is not Doorbell's");
            assert_eq!(error_of(&server.api()).await, expected);
        }
    }

    /// API Gateway's own bodies: it is Doorbell that answers there, or nearly.
    #[tokio::test(start_paused = true)]
    async fn a_gateway_with_words_of_its_own_is_not_taken_for_something_else() {
        for (status, meaning) in [
            (401, "and refuses the token"),
            (403, "and refuses the token"),
            (429, "without saying why"),
            (503, "without saying why"),
        ] {
            let body = json!({"message": "Something"});
            let server = Server::start(move |_| Reply::Json(status, body.clone())).await;
            let expected = format!("http://{} answered {status} {meaning}", server.host());
            assert_eq!(error_of(&server.api()).await, expected);
        }
    }

    #[tokio::test]
    async fn a_url_without_its_scheme_is_told() {
        let error = error_of(&real_api("localhost:3000")).await;
        assert_eq!(error, "localhost:3000 cannot be reached: it is not an http or https URL");
    }

    /// `DOORBELL_TOKEN=$(cat token)` keeps more than the token where the file has Windows line ends.
    #[tokio::test]
    async fn a_token_that_cannot_be_sent_is_told() {
        let url = "http://127.0.0.1:1".parse().unwrap();
        let error = error_of(&Api::new(http_client().unwrap(), url, "dbd_very\nsecret")).await;
        let reason = "the token has characters that no token has";
        assert_eq!(error, format!("http://127.0.0.1:1 cannot be reached: {reason}"));
    }
}

mod secrets {
    use super::*;

    #[test]
    fn the_token_is_in_no_debug_output() {
        let api = real_api("http://127.0.0.1:3000");
        let shown = format!("{api:?}");
        let daemon = Daemon::new(api, settings(), vec![agent("codex", Scripted::default())]);
        assert!(shown.contains("127.0.0.1:3000") && !shown.contains(TOKEN), "{shown}");
        let shown = format!("{daemon:?}");
        assert!(shown.contains("127.0.0.1:3000") && !shown.contains(TOKEN), "{shown}");
    }

    fn assert_tells_no_secret(shown: &str) {
        for secret in [TOKEN, "alice", "hunter2", "key", "fragment"] {
            assert!(!shown.contains(secret), "{secret} is in {shown}");
        }
    }

    fn with_secrets(host: &str) -> String {
        format!("http://alice:hunter2@{host}/prod?key=hunter2#fragment")
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_url_are_in_no_error() {
        let down = Server::down();
        let error = called(&down.api_at(&with_secrets(&down.host()))).await.unwrap_err();
        assert_tells_no_secret(&format!("{error} {error:?}"));
        for reply in [Reply::Broken, Reply::Hang, Reply::Html(200), Reply::Html(500), Reply::error(401, "no")]
        {
            let server = Server::start(move |_| reply.clone()).await;
            let error = called(&server.api_at(&with_secrets(&server.host()))).await.unwrap_err();
            assert_tells_no_secret(&format!("{error} {error:?}"));
        }
    }

    #[test]
    fn of_a_url_are_in_no_debug_output() {
        assert_tells_no_secret(&format!("{:?}", real_api(&with_secrets("127.0.0.1:3000"))));
    }

    /// Without `http://` in front, a user is the scheme and a password the path.
    #[tokio::test]
    async fn of_a_url_without_its_scheme_are_not_shown() {
        let api = real_api("alice:hunter2@localhost:3000");
        assert_tells_no_secret(&format!("{api:?} {}", error_of(&api).await));
    }
}
