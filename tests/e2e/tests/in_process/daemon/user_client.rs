//! The calls of a user's client: pages of the list of runtimes, the removal of one, rings, and polls that fail.

use doorbell_client::{AskError, ClientError, CompletedRequest, POLL_INTERVAL};
use doorbell_protocol::{RuntimeId, Status};
use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer};
use serde_json::{Value, json};

use crate::daemon::fixtures::{REQUEST, TOKEN, WORKSPACE, api, api_at, runtime};

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
    let completed = doorbell_client::ask(&api(&server), runtime, false, |_| {}).await;
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

/// The times and paths of the rings that reached `server`.
fn rings(server: &ScriptedServer) -> Vec<(f64, String)> {
    let calls = server.calls().into_iter().filter(|call| call.method == "POST");
    calls.map(|call| (call.at.as_secs_f64(), call.path)).collect()
}

/// `ring` makes the responses to rings, which are numbered from 0. Polls are answered with a result.
async fn rung(
    refresh: bool,
    ring: impl Fn(&ScriptedCall) -> Reply + Send + Sync + 'static,
) -> (Result<CompletedRequest, AskError>, ScriptedServer) {
    let runtime = runtime("codex");
    let server = ScriptedServer::start(move |call| match call.method.as_str() {
        "POST" => ring(call),
        _ => record(runtime, "completed"),
    });
    let server = server.await;
    (doorbell_client::ask(&api(&server), runtime, refresh, |_| {}).await, server)
}

/// It joins the pending request of the first one.
#[tokio::test(start_paused = true)]
async fn repeats_failed_ring_once() {
    for fault in [Reply::Broken, Reply::error(500, "no"), Reply::html(502), Reply::error(503, "no")] {
        let (completed, server) = rung(false, move |call| match call.nth {
            0 => fault.clone(),
            _ => record(runtime("codex"), "pending"),
        })
        .await;
        assert_eq!(completed.unwrap().record.status, Status::Completed);
        assert_eq!(rings(&server).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0.0, 0.5]);
    }
}

#[tokio::test(start_paused = true)]
async fn ring_that_fails_twice_is_an_error() {
    let text = "failed to enqueue model list request";
    let (failed, server) = rung(false, move |_| Reply::error(500, text)).await;
    assert_eq!((failed.unwrap_err().to_string().as_str(), server.calls().len()), (text, 2));
}

#[tokio::test(start_paused = true)]
async fn rejected_ring_is_an_error_at_once() {
    for (status, text) in
        [(404, "runtime not found"), (429, "too many requests for this runtime"), (503, "runtime is offline")]
    {
        let (failed, server) = rung(false, move |_| Reply::error(status, text)).await;
        assert_eq!((failed.unwrap_err().to_string().as_str(), server.calls().len()), (text, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn every_ring_that_refreshes_says_so() {
    let path = format!("/api/runtimes/{}/models", runtime("codex"));
    for (refresh, expected) in [(false, path.clone()), (true, format!("{path}?refresh=true"))] {
        let (_, server) = rung(refresh, |_| Reply::Broken).await;
        let paths: Vec<_> = rings(&server).into_iter().map(|(_, path)| path).collect();
        assert_eq!(paths, [expected.as_str(), &expected]);
    }
}

/// Its id is unknown to polls.
#[tokio::test(start_paused = true)]
async fn answer_of_catalog_is_not_polled() {
    let cached = json!({
        "id": REQUEST, "runtime_id": runtime("codex"), "status": "completed", "supported": true, "cached": true,
        "cached_at": TIME, "created_at": TIME, "updated_at": TIME, "models": [{"id": "a", "label": "A"}],
    });
    let (completed, server) = rung(false, move |_| Reply::Json(200, cached.clone())).await;
    let CompletedRequest { record, timing } = completed.unwrap();
    assert_eq!((record.cached, record.cached_at), (true, Some(record.created_at)));
    assert_eq!((timing.steps().len(), server.calls().len()), (1, 1));
}
