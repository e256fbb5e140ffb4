//! The old contract, recorded and replayed: calls of clients and daemons from before requests of any kind get the same bytes as
//! they got then, on both stores.
//!
//! The files in `recorded/` were recorded on the last version before requests of any kind. Do not record them again unless the old
//! contract itself changes: a difference that this suite finds is a client or a daemon that breaks. Only then:
//! `DOORBELL_RECORD=1 cargo test --test in_process replay::`, which replaces the responses in the files and keeps what was sent.
//!
//! The contract has changed since: a record has `fallback`, a ring joins a pending request, and `/` is the page.
//!
//! Ids and times differ between two runs. [`Placeholders`] replaces them, and nothing else. After a completed report no file rings
//! its runtime again, because a catalog cache may answer such a ring.
mod placeholders;
mod transcript;

use std::collections::BTreeSet;
use std::path::PathBuf;

use doorbell_shared::clock::Clock as _;
use doorbell_shared::store::memory::MemoryStore;
use doorbell_test_support::api::{WORKSPACE_A, WORKSPACE_B};
use doorbell_test_support::{Caller, TestApi};
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, RequestBuilder};

use crate::replay::placeholders::Placeholders;
use crate::replay::transcript::{Call, Step, steps};

/// The headers that the contract defines.
const HEADERS: [&str; 4] = ["content-type", "link", "retry-after", "allow"];

/// One test for each file of `recorded/`, named after it.
macro_rules! replays {
    ($($name:ident)*) => {
        const FILES: &[&str] = &[$(stringify!($name)),*];

        mod calls_get_recorded_bytes {
            $(#[tokio::test]
            async fn $name() {
                crate::replay::replay(stringify!($name)).await;
            })*
        }
    };
}

replays! {
    register
    register_limit
    list
    page
    initiate
    poll
    poll_models
    heartbeat
    redelivery
    report
    deregister
    forget
    access
    fallback
}

#[test]
fn every_file_is_replayed() {
    let files = std::fs::read_dir(directory()).unwrap();
    let found: BTreeSet<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, FILES.iter().map(|name| format!("{name}.txt")).collect());
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/in_process/replay/recorded")
}

/// Replays a file on both stores, after recording it on the first if the environment says so.
async fn replay(name: &str) {
    let path = directory().join(format!("{name}.txt"));
    let mut recorded = std::fs::read_to_string(&path).unwrap();
    if std::env::var_os("DOORBELL_RECORD").is_some() {
        recorded = run(&recorded, &TestApi::start().await, |_| {}).await;
        std::fs::write(&path, &recorded).unwrap();
    }
    let on_dynamodb = TestApi::start().await;
    let in_memory = TestApi::with_store(MemoryStore::default()).await;
    for (store, api) in [("DynamoDB", on_dynamodb), ("memory", in_memory)] {
        let place = format!("recorded/{name}.txt on {store}");
        let replayed = run(&recorded, &api, |so_far| assert_begins(&place, &recorded, so_far)).await;
        assert_eq!(replayed.len(), recorded.len(), "{place} goes on");
    }
}

/// Sends the calls of a file; returns the file with the responses that they get. Calls `check` with each beginning of it: at the
/// first difference, ids that later calls need may be missing.
async fn run(file: &str, api: &TestApi, check: impl Fn(&str)) -> String {
    let mut placeholders = Placeholders::new(api.clock.now(), [WORKSPACE_A, WORKSPACE_B]);
    let mut text = String::new();
    for step in steps(file) {
        text.push_str(&step.to_string());
        match step {
            Step::Comment(_) => {}
            Step::Advance(duration) => api.clock.advance(duration),
            Step::Call(call) => {
                for line in response(api, &call, &mut placeholders).await {
                    text.push_str(&format!("< {line}\n"));
                }
            }
        }
        check(&text);
    }
    text
}

/// Names the first line that differs.
fn assert_begins(place: &str, recorded: &str, replayed: &str) {
    if recorded.starts_with(replayed) {
        return;
    }
    let pairs = replayed.split('\n').zip(recorded.split('\n')).zip(1..);
    for ((replayed, recorded), line) in pairs {
        assert!(replayed == recorded, "{place}, line {line}\nrecorded: {recorded}\nreplayed: {replayed}");
    }
    panic!("{place} has ended");
}

/// The lines of the response: status, headers, body.
async fn response(api: &TestApi, call: &Call<'_>, placeholders: &mut Placeholders) -> Vec<String> {
    let response = request(api, call, placeholders).send().await.unwrap();
    let status = response.status();
    for _ in 1..call.count {
        let other = request(api, call, placeholders).send().await.unwrap();
        assert_eq!(other.status(), status, "{} {}", call.method, call.path);
    }
    let mut lines = vec![status.as_u16().to_string()];
    if !call.is_recorded {
        return lines;
    }
    lines.extend(headers(response.headers()).map(|header| placeholders.normalize(&header)));
    let body = String::from_utf8(response.bytes().await.unwrap().into()).unwrap();
    assert!(!body.contains('\n'), "a file has one line for a body");
    lines.push(placeholders.normalize(&body));
    lines
}

fn headers(all: &HeaderMap) -> impl Iterator<Item = String> {
    HEADERS.into_iter().flat_map(|name| {
        let values = all.get_all(HeaderName::from_static(name)).iter();
        values.map(move |value| format!("{name}: {}", value.to_str().unwrap()))
    })
}

fn request(api: &TestApi, call: &Call<'_>, placeholders: &Placeholders) -> RequestBuilder {
    let method: Method = call.method.parse().unwrap();
    let path = String::from_utf8(placeholders.expand(call.path)).unwrap();
    let mut request = api.request(method, &path);
    if let Some(authorization) = authorization(api, call.caller) {
        request = request.header("authorization", authorization);
    }
    if let Some(body) = call.body {
        request = request.header("content-type", "application/json").body(placeholders.expand(body));
    }
    request
}

fn authorization(api: &TestApi, caller: &str) -> Option<String> {
    let token = match caller {
        "user-a" => api.token(Caller::UserA),
        "daemon-a" => api.token(Caller::DaemonA),
        "user-b" => api.token(Caller::UserB),
        "daemon-b" => api.token(Caller::DaemonB),
        "unknown" => "dbu_unknown",
        "basic" => return Some(format!("Basic {}", api.token(Caller::UserA))),
        "anonymous" => return None,
        _ => panic!("an unknown caller: {caller}"),
    };
    Some(format!("Bearer {token}"))
}
