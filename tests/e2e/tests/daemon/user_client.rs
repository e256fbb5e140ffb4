//! The calls of a user's client: pages of the list of runtimes, the removal of one, and polls that fail.

use std::time::Duration;

use doorbell_client::{AskError, ClientError, POLL_INTERVAL};
use doorbell_protocol::{RuntimeId, Status};
use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer};
use serde_json::{Value, json};

use crate::fixtures::{REQUEST, TOKEN, WORKSPACE, api, api_at, runtime};

const LIST: &str = "/api/runtimes";
const TIME: &str = "2026-11-22T03:41:07.123Z";

/// The record of a runtime called `name`.
fn listed(name: &str) -> Value {
    json!({
        "id": runtime(name), "workspace_id": WORKSPACE, "daemon_id": "my-laptop", "name": name,
        "provider": name, "status": "online", "last_seen_at": TIME, "created_at": TIME, "updated_at": TIME,
    })
}

async fn names(server: &ScriptedServer) -> Result<Vec<String>, ClientError> {
    let runtimes = doorbell_client::runtimes(&api(server), None).await?;
    Ok(runtimes.into_iter().map(|runtime| runtime.name).collect())
}

fn paths(server: &ScriptedServer) -> Vec<String> {
    server.calls().into_iter().map(|call| call.path).collect()
}

/// A server with three pages of one runtime each. `link` makes the `Link` header of a query.
async fn three_pages(link: fn(&str) -> String) -> ScriptedServer {
    let next = move |name: &str, query: &str| Reply::Page(json!([listed(name)]), link(query));
    ScriptedServer::start(move |call| match call.path.split_once('?').map(|(_, query)| query) {
        None => next("c", "cursor=x%2F1"),
        Some("cursor=x%2F1") => next("a", "cursor=y"),
        Some("cursor=y") => Reply::Json(200, json!([listed("b")])),
        Some(other) => Reply::error(400, other),
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn follows_pages_in_every_form_of_link() {
    for link in [
        |query: &str| format!("<?{query}>; rel=\"next\""),
        |query: &str| format!("<{LIST}?{query}>; rel=\"next\""),
        |query: &str| format!("<?{query}>;rel=next"),
        |query: &str| format!("<?cursor=z>; rel=\"last\", <?{query}>; rel=\"next\""),
    ] {
        let server = three_pages(link).await;
        assert_eq!(names(&server).await.unwrap(), ["a", "b", "c"]);
        assert_eq!(paths(&server), [LIST, "/api/runtimes?cursor=x%2F1", "/api/runtimes?cursor=y"]);
    }
}

/// A function's links do not contain the stage of its API Gateway URL.
#[tokio::test(start_paused = true)]
async fn next_page_keeps_stage_of_url() {
    for link in [
        |query: &str| format!("<?{query}>; rel=\"next\""),
        |query: &str| format!("<{LIST}?{query}>; rel=\"next\""),
    ] {
        let server = three_pages(link).await;
        let api = api_at(&server, &format!("http://{}/prod", server.host()));
        assert_eq!(doorbell_client::runtimes(&api, None).await.unwrap().len(), 3);
        assert_eq!(paths(&server)[1], "/prod/api/runtimes?cursor=x%2F1");
    }
}

#[tokio::test(start_paused = true)]
async fn first_page_has_workspace() {
    let server = ScriptedServer::replying(Reply::Json(200, json!([]))).await;
    doorbell_client::runtimes(&api(&server), Some(WORKSPACE.parse().unwrap())).await.unwrap();
    assert_eq!(paths(&server), [format!("{LIST}?workspace_id={WORKSPACE}")]);
}

/// The other host would get the token.
#[tokio::test(start_paused = true)]
async fn next_page_on_another_host_is_not_read() {
    for other in ["http://evil.test/", "https://doorbell.test/", "//evil.test/", "http://doorbell.test:2/"] {
        let page = Reply::Page(json!([listed("a")]), format!("<{other}?cursor=a>; rel=\"next\""));
        let server = ScriptedServer::replying(page).await;
        let error = names(&server).await.unwrap_err();
        let text = "answered with a list that cannot be read to its end: its next page is on another host";
        assert_eq!(error.to_string(), format!("http://{} {text}", server.host()), "{other}");
        // The scripted client resolves every host to this server.
        assert_eq!((server.begun().len(), server.calls()[0].authorization.len()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn endless_list_is_an_error() {
    let next = "<?cursor=again>; rel=\"next\"".to_owned();
    let server = ScriptedServer::replying(Reply::Page(json!([listed("a")]), next)).await;
    let error = names(&server).await.unwrap_err();
    assert!(error.to_string().ends_with("it has more than 100 pages"), "{error}");
    assert_eq!(server.calls().len(), 100);
}

/// A partial list would look complete.
#[tokio::test(start_paused = true)]
async fn failed_page_fails_list() {
    let server = ScriptedServer::start(|call| match call.nth {
        0 if call.path == LIST => Reply::Page(json!([listed("a")]), "<?cursor=a>; rel=\"next\"".to_owned()),
        _ => Reply::error(500, "failed to list runtimes"),
    });
    let error = names(&server.await).await.unwrap_err();
    assert_eq!(error.to_string(), "failed to list runtimes");
}

#[tokio::test(start_paused = true)]
async fn forget_deletes_runtime() {
    let server = ScriptedServer::replying(Reply::Default).await;
    doorbell_client::forget(&api(&server), runtime("codex")).await.unwrap();
    let call = &server.calls()[0];
    assert_eq!((call.method.as_str(), &call.path), ("DELETE", &format!("{LIST}/{}", runtime("codex"))));
    assert_eq!(call.authorization, [format!("Bearer {TOKEN}")]);
}

fn record(runtime: RuntimeId, status: &str) -> Reply {
    let record = json!({
        "id": REQUEST, "runtime_id": runtime, "status": status, "supported": true,
        "created_at": TIME, "updated_at": TIME,
    });
    Reply::Json(200, record)
}

/// Rings a runtime. `poll` makes the responses to its polls, which are numbered from 0.
async fn ask(
    poll: impl Fn(&ScriptedCall) -> Reply + Send + Sync + 'static,
) -> (Result<Status, AskError>, ScriptedServer) {
    let runtime = runtime("codex");
    let server = ScriptedServer::start(move |call| match call.method.as_str() {
        "POST" => record(runtime, "pending"),
        _ => poll(call),
    });
    let server = server.await;
    let completed = doorbell_client::ask(&api(&server), runtime, |_| {}).await;
    (completed.map(|completed| completed.record.status), server)
}

#[tokio::test(start_paused = true)]
async fn repeats_failed_poll_once() {
    for fault in [Reply::Broken, Reply::error(500, "no"), Reply::html(502), Reply::error(503, "no")] {
        let (status, server) = ask(move |call| match call.nth {
            1 => fault.clone(),
            0 | 2 => record(runtime("codex"), "running"),
            _ => record(runtime("codex"), "completed"),
        })
        .await;
        assert_eq!(status.unwrap(), Status::Completed);
        let times: Vec<_> = server.calls().iter().map(|call| call.at).collect();
        assert_eq!(times.len(), 5);
        assert_eq!(times[3] - times[2], POLL_INTERVAL);
    }
}

#[tokio::test(start_paused = true)]
async fn poll_that_fails_twice_ends_ring() {
    let (failed, server) = ask(|_| Reply::error(500, "failed to load request")).await;
    assert_eq!(failed.unwrap_err().to_string(), "failed to load request");
    assert_eq!(server.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn rejected_poll_ends_ring() {
    for status in [400, 401, 404, 429] {
        let (failed, server) = ask(move |_| Reply::error(status, "request not found")).await;
        assert_eq!(failed.unwrap_err().to_string(), "request not found");
        assert_eq!(server.calls().len(), 2, "{status}");
    }
}

/// A second ring would be a second request.
#[tokio::test(start_paused = true)]
async fn failed_ring_is_not_repeated() {
    let server = ScriptedServer::replying(Reply::error(500, "failed to enqueue model list request")).await;
    assert!(doorbell_client::ask(&api(&server), runtime("codex"), |_| {}).await.is_err());
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(server.calls().len(), 1);
}
