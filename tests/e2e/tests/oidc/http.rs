//! An issuer on a real socket.

use axum::Router;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use doorbell_functions::auth::oidc::limits::{DOCUMENT_BYTES, FETCH_TIMEOUT};
use doorbell_functions::auth::oidc::{FetchJson as _, HttpFetch, Oidc, OidcFault, Verdict, http_client};
use doorbell_shared::clock::Stopwatch;
use reqwest::{Client, Url};
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{AUDIENCE, Signer, claims, config, key_set, start, with};

/// No proxy that the machine may want for the rest of the world.
fn fetch() -> HttpFetch {
    http_client().unwrap();
    HttpFetch::new(Client::builder().no_proxy().build().unwrap())
}

async fn bind() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    (listener, url)
}

/// Where `router` is served.
async fn serve(router: Router) -> Url {
    let (listener, url) = bind().await;
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn verifies_token_over_http() {
    let signer = Signer::es256("ec");
    let (listener, url) = bind().await;
    let issuer = url.join("realm").unwrap().to_string();
    let document = json!({"issuer": issuer, "jwks_uri": format!("{url}keys")}).to_string();
    let keys = key_set(&[&signer]).to_string();
    let router = Router::new()
        .route("/realm/.well-known/openid-configuration", get(|| async { document }))
        .route("/keys", get(|| async { keys }));
    tokio::spawn(async move { axum::serve(listener, router).await });

    let oidc = Oidc::new(config(&[("ISSUER", &issuer), ("AUDIENCE", AUDIENCE)]), fetch());
    let token = signer.token(&with(claims(), json!({ "iss": issuer })));
    let verdict = oidc.verify(&token, start()).await;
    assert!(matches!(verdict, Ok(Verdict::Valid(_))), "{verdict:?}");
}

#[tokio::test]
async fn other_statuses_are_faults() {
    for status in [204, 401, 404, 429, 500, 503] {
        let code = StatusCode::from_u16(status).unwrap();
        let url =
            serve(Router::new().route("/", get(move || async move { (code, r#"{"keys": []}"#) }))).await;
        assert_eq!(fetch().fetch(&url).await, Err(OidcFault::Refused { url, status }));
    }
}

#[tokio::test]
async fn unreachable_issuer_is_a_fault() {
    let (listener, url) = bind().await;
    drop(listener);
    let fault = OidcFault::Unreachable { url: url.clone(), reason: "no connection" };
    assert_eq!(fetch().fetch(&url).await, Err(fault));
}

#[tokio::test(start_paused = true)]
async fn hanging_issuer_times_out() {
    let (_listener, url) = bind().await;
    let stopwatch = Stopwatch::start();
    let fault = OidcFault::Unreachable { url: url.clone(), reason: "no answer in time" };
    assert_eq!(fetch().fetch(&url).await, Err(fault));
    assert!(stopwatch.elapsed() >= FETCH_TIMEOUT && stopwatch.elapsed() < 2 * FETCH_TIMEOUT);
}

#[tokio::test]
async fn limits_document_size() {
    let router = Router::new()
        .route("/largest", get(|| async { vec![b' '; DOCUMENT_BYTES] }))
        .route("/larger", get(|| async { vec![b' '; DOCUMENT_BYTES + 1] }));
    let url = serve(router).await;
    let largest = fetch().fetch(&url.join("largest").unwrap()).await.unwrap();
    assert_eq!(largest.len(), DOCUMENT_BYTES);
    let larger = url.join("larger").unwrap();
    let fault = OidcFault::Unreadable { url: larger.clone(), wanted: "of a reasonable size" };
    assert_eq!(fetch().fetch(&larger).await, Err(fault));
}

#[tokio::test]
async fn follows_no_redirect() {
    let router = Router::new()
        .route("/here", get(|| async { Redirect::temporary("/there") }))
        .route("/there", get(|| async { r#"{"keys": []}"# }));
    let here = serve(router).await.join("here").unwrap();
    assert_eq!(
        HttpFetch::new(http_client().unwrap()).fetch(&here).await,
        Err(OidcFault::Refused { url: here.clone(), status: 307 })
    );
    let fault = OidcFault::Unreachable { url: here.clone(), reason: "it leads somewhere else" };
    assert_eq!(fetch().fetch(&here).await, Err(fault), "not even with a client that follows");
}
