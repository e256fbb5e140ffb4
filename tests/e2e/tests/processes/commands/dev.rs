//! `doorbell dev` as a server: addresses, stores, tokens and CORS.

use doorbell_client::http_client;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::api;
use crate::support::dev::Dev;
use crate::support::machine::Machine;

#[tokio::test]
async fn health_check_needs_no_token() {
    let dev = Dev::without_daemon().await;
    let answer = api::call(Method::GET, &format!("{}/healthz", dev.url), "").await;
    assert_eq!(answer, (200, json!({"status": "ok"})));
}

#[tokio::test]
async fn default_store_is_embedded() {
    let dev = Dev::without_daemon().await;
    assert!(dev.process.wait_for_stdout("\n").await.contains(" (store: embedded)\n"));
}

#[tokio::test]
async fn prints_address_of_the_page() {
    let dev = Dev::without_daemon().await;
    let printed = dev.process.wait_for_stdout("No daemon was started").await;
    let address = printed.split("Page  ").nth(1).unwrap().lines().next().unwrap();
    assert_eq!(address, format!("{}/", dev.url));
    let response = http_client().unwrap().get(address).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
}

#[tokio::test]
async fn page_with_client_needs_an_issuer() {
    let machine = Machine::new().with_env("DOORBELL_OIDC_CLIENT_ID", "page");
    let ended = machine.run(&["dev", "--addr", "127.0.0.1:0", "--no-daemon"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("set DOORBELL_OIDC_ISSUER"), "{}", ended.stderr);
}

#[tokio::test]
async fn serves_from_memory_store() {
    let dev = Dev::start(&Machine::new(), &["--store", "memory"]).await;
    assert!(dev.process.wait_for_stdout("Ctrl-C").await.contains("sample/large"));
}

#[tokio::test]
async fn listens_on_loopback_only() {
    for addr in ["0.0.0.0:3000", "[::]:3000", "192.0.2.1:3000"] {
        let ended = Machine::new().run(&["dev", "--addr", addr]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.contains("use a loopback address such as 127.0.0.1:3000"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn port_in_use_has_remedy() {
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = other.local_addr().unwrap().to_string();
    let ended = Machine::new().run(&["dev", "--addr", &addr]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with(&format!("error: cannot listen on {addr}: ")), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("\nhelp: choose another address with --addr\n"), "{}", ended.stderr);
}

#[tokio::test]
async fn invalid_agents_end_dev_before_serving() {
    let ended = Machine::new().run(&["dev", "--addr", "127.0.0.1:0", "--config", "missing.toml"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with("error: cannot read missing.toml: "), "{}", ended.stderr);
}

#[tokio::test]
async fn unreachable_table_has_remedy() {
    let machine = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        .into_iter()
        .fold(Machine::new(), |machine, name| machine.with_env(name, "nowhere-1"))
        .with_env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let ended = machine.run(&["dev", "--addr", "127.0.0.1:0", "--store", "dynamodb"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("error: the table cannot be used: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("help: check AWS_REGION, the AWS credentials and AWS_ENDPOINT_URL"));
}

const ORIGIN: &str = "https://app.example.com";

async fn preflight(dev: &Dev, origin: &str) -> HeaderMap {
    let url = format!("{}/api/runtimes", dev.url);
    let request = http_client().unwrap().request(Method::OPTIONS, url).header("origin", origin);
    let request = request.header("access-control-request-method", "GET");
    let request = request.header("access-control-request-headers", "authorization,x-workspace-slug");
    request.send().await.unwrap().headers().clone()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn any_origin_excludes_credentials() {
    let dev = Dev::start(&Machine::new(), &["--no-daemon", "--cors-origin", "*"]).await;
    let headers = preflight(&dev, ORIGIN).await;
    assert_eq!(text(&headers, "access-control-allow-origin"), Some("*"));
    assert_eq!(text(&headers, "access-control-allow-credentials"), None);
    let allowed = text(&headers, "access-control-allow-headers").unwrap().to_lowercase();
    for name in
        ["authorization", "content-type", "x-request-id", "x-workspace-slug", "x-csrf-token", "x-client-os"]
    {
        assert!(allowed.contains(name), "{name}: {allowed}");
    }
}

#[tokio::test]
async fn other_origin_gets_no_credentials() {
    let dev = Dev::start(&Machine::new(), &["--no-daemon", "--cors-origin", ORIGIN]).await;
    let headers = preflight(&dev, "https://evil.example").await;
    assert_eq!(text(&headers, "access-control-allow-origin"), None);
    assert_eq!(text(&headers, "access-control-allow-credentials"), None);
}

/// The tokens of `doorbell dev` are public, and every page in a browser can reach loopback.
#[tokio::test]
async fn default_allows_no_origin() {
    let headers = preflight(&Dev::without_daemon().await, ORIGIN).await;
    assert_eq!(text(&headers, "access-control-allow-origin"), None);
}

#[tokio::test]
async fn named_origin_may_send_credentials() {
    let dev = Dev::start(&Machine::new(), &["--no-daemon", "--cors-origin", ORIGIN]).await;
    let named = preflight(&dev, ORIGIN).await;
    assert_eq!(text(&named, "access-control-allow-origin"), Some(ORIGIN));
    assert_eq!(text(&named, "access-control-allow-credentials"), Some("true"));
    let other = preflight(&dev, "https://evil.example.com").await;
    assert_eq!(text(&other, "access-control-allow-origin"), None);
}

#[tokio::test]
async fn error_responses_have_origin() {
    let dev = Dev::start(&Machine::new(), &["--no-daemon", "--cors-origin", "*"]).await;
    let request = http_client().unwrap().get(format!("{}/api/runtimes", dev.url)).header("origin", ORIGIN);
    let answer = request.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), text(answer.headers(), "access-control-allow-origin")),
        (401, Some("*"))
    );
}

async fn usage_error(origin: &str) -> String {
    let ended = Machine::new().run(&["dev", "--addr", "127.0.0.1:0", "--cors-origin", origin]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{origin}");
    ended.stderr
}

#[tokio::test]
async fn invalid_origin_has_remedy() {
    let error = usage_error("https://app.example.com/").await;
    assert!(error.contains("an origin ends after host and port: use https://app.example.com\n"), "{error}");
    let error = usage_error("https://*.example.com").await;
    assert!(error.contains("an origin has no wildcard: list each origin"), "{error}");
    let error = usage_error("app.example.com").await;
    assert!(
        error.contains("not an origin such as https://app.example.com or http://localhost:8000"),
        "{error}"
    );
}

#[tokio::test]
async fn origin_matches_as_browsers_spell_it() {
    let dev =
        Dev::start(&Machine::new(), &["--no-daemon", "--cors-origin", "HTTPS://App.Example.com:443"]).await;
    assert_eq!(text(&preflight(&dev, ORIGIN).await, "access-control-allow-origin"), Some(ORIGIN));
}

#[tokio::test]
async fn any_origin_excludes_named_ones() {
    let arguments = ["dev", "--addr", "127.0.0.1:0", "--cors-origin", "*", "--cors-origin", ORIGIN];
    let ended = Machine::new().run(&arguments).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    let expected = "error: --cors-origin \"*\" cannot be combined with other origins\nhelp: ";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
}

/// DNS rebinding: the page's own name resolves to loopback, so its requests are same-origin.
#[tokio::test]
async fn rejects_host_of_web_page() {
    let dev = Dev::start(&Machine::new(), &["--no-daemon", "--cors-origin", "*"]).await;
    let port = dev.url.rsplit(':').next().unwrap();
    let send = async |method: Method, path: &str, host: &str| {
        let request =
            http_client().unwrap().request(method, format!("{}{path}", dev.url)).header("host", host);
        request.bearer_auth(api::USER_A).header("origin", ORIGIN).send().await.unwrap()
    };
    for (method, path) in [
        (Method::GET, "/api/runtimes"),
        (Method::GET, "/healthz"),
        (Method::OPTIONS, "/api/runtimes"),
        (Method::POST, "/unknown"),
    ] {
        for host in [
            "evil.example".to_owned(),
            format!("evil.example:{port}"),
            "localhost".to_owned(),
            "localhost:1".to_owned(),
        ] {
            let answer = send(method.clone(), path, &host).await;
            assert_eq!(answer.status(), 403, "{method} {path} {host}");
            assert_eq!(text(answer.headers(), "access-control-allow-origin"), None);
            let expected = format!(
                "{{\"error\":\"the Host header must be localhost:{port}, 127.0.0.1:{port} or [::1]:{port}: call this server by one of them\"}}"
            );
            assert_eq!(answer.text().await.unwrap(), expected);
        }
    }
    for host in ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"] {
        let answer = send(Method::GET, "/api/runtimes", &format!("{host}:{port}")).await;
        assert_eq!(answer.status(), 200, "{host}");
    }
}

#[tokio::test]
async fn serves_on_every_loopback_address() {
    for addr in ["127.0.0.2:0", "[::1]:0", "localhost:0"] {
        let dev = Dev::start_at(addr, &Machine::new(), &["--no-daemon"]).await;
        assert_eq!(dev.runtimes().await, Vec::<serde_json::Value>::new(), "{addr}");
    }
}
