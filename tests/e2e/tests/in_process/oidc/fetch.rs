//! Discovery of the key set, and fetches over HTTP.

use std::sync::{Arc, OnceLock};

use doorbell_functions::auth::oidc::limits::{DOCUMENT_BYTES, FETCH_TIMEOUT, KEYS_FRESH};
use doorbell_functions::auth::oidc::{FetchJson as _, HttpFetch, Oidc, OidcFault, Verification, http_client};
use doorbell_shared::clock::Stopwatch;
use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::oidc::fixtures::{
    AUDIENCE, Documents, ISSUER, KEYS, Signer, after, claims, config, key_set, start, with,
};

const DISCOVERY: &str = "https://issuer.example/realm/.well-known/openid-configuration";

/// The result for a valid token with this discovery document.
async fn verify_with(document: &Value) -> Result<Verification, OidcFault> {
    let signer = Signer::es256("ec");
    let documents = Documents::default();
    documents.put(DISCOVERY, document);
    documents.put(KEYS, &key_set(&[&signer]));
    let oidc = Oidc::new(config(&[("ISSUER", ISSUER), ("AUDIENCE", AUDIENCE)]), documents);
    oidc.verify(&signer.token(&claims()), start()).await
}

fn wanted_by(fault: Result<Verification, OidcFault>) -> &'static str {
    match fault {
        Err(OidcFault::Unreadable { url, wanted }) if url.as_str() == DISCOVERY => wanted,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn uses_jwks_uri_of_discovery() {
    let result = verify_with(&json!({"issuer": ISSUER, "jwks_uri": KEYS, "userinfo_endpoint": "x"})).await;
    assert!(matches!(result, Ok(Verification::Valid(_))), "{result:?}");
}

#[tokio::test]
async fn each_refresh_repeats_discovery() {
    let signer = Signer::es256("ec");
    let documents = Documents::default();
    documents.put(DISCOVERY, &json!({"issuer": ISSUER, "jwks_uri": KEYS}));
    documents.put(KEYS, &key_set(&[&signer]));
    let oidc = Oidc::new(config(&[("ISSUER", ISSUER), ("AUDIENCE", AUDIENCE)]), documents.clone());
    oidc.verify(&signer.token(&claims()), start()).await.unwrap();

    let moved = "https://keys.example/moved";
    documents.put(DISCOVERY, &json!({"issuer": ISSUER, "jwks_uri": moved}));
    documents.put(moved, &key_set(&[&signer]));
    oidc.verify(&signer.token(&claims()), after(KEYS_FRESH.as_secs())).await.unwrap();
    assert_eq!(documents.fetched(), [DISCOVERY, KEYS, DISCOVERY, moved]);
}

#[tokio::test]
async fn document_of_other_issuer_is_a_fault() {
    let document = json!({"issuer": "https://other.example", "jwks_uri": KEYS});
    assert_eq!(wanted_by(verify_with(&document).await), "the discovery document of the configured issuer");
}

#[tokio::test]
async fn rejects_insecure_jwks_uri() {
    for unsafe_url in ["http://keys.example/jwks", "file:///etc/keys", "/jwks", ""] {
        let document = json!({"issuer": ISSUER, "jwks_uri": unsafe_url});
        assert_eq!(wanted_by(verify_with(&document).await), "a discovery document with a safe jwks_uri");
    }
}

#[tokio::test]
async fn malformed_document_is_a_fault() {
    for garbage in
        [json!({}), json!(null), json!({"issuer": ISSUER}), json!({"issuer": ISSUER, "jwks_uri": 1})]
    {
        assert_eq!(wanted_by(verify_with(&garbage).await), "a discovery document");
    }
}

/// Without the machine's proxy.
fn fetch() -> HttpFetch {
    http_client().unwrap();
    HttpFetch::new(Client::builder().no_proxy().build().unwrap())
}

/// The URL of a server with one reply.
async fn serve(reply: Reply) -> Url {
    ScriptedServer::replying(reply).await.url().parse().unwrap()
}

#[tokio::test]
async fn verifies_token_over_http() {
    let signer = Signer::es256("ec");
    let keys = key_set(&[&signer]);
    let address = Arc::new(OnceLock::<String>::new());
    let base = Arc::clone(&address);
    let server = ScriptedServer::start(move |call| match call.path.as_str() {
        "/realm/.well-known/openid-configuration" => {
            let base = base.get().unwrap();
            Reply::Json(200, json!({"issuer": format!("{base}/realm"), "jwks_uri": format!("{base}/keys")}))
        }
        _ => Reply::Json(200, keys.clone()),
    });
    let url = server.await.url();
    address.set(url.clone()).unwrap();
    let issuer = format!("{url}/realm");

    let oidc = Oidc::new(config(&[("ISSUER", &issuer), ("AUDIENCE", AUDIENCE)]), fetch());
    let token = signer.token(&with(claims(), json!({ "iss": issuer })));
    let result = oidc.verify(&token, start()).await;
    assert!(matches!(result, Ok(Verification::Valid(_))), "{result:?}");
}

#[tokio::test]
async fn other_statuses_are_faults() {
    for status in [204, 401, 404, 429, 500, 503] {
        let url = serve(Reply::Json(status, json!({"keys": []}))).await;
        assert_eq!(fetch().fetch(&url).await, Err(OidcFault::Refused { url, status }));
    }
}

#[tokio::test]
async fn unreachable_issuer_is_a_fault() {
    // Bound but not listening, so that no other process can listen there.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url: Url = format!("http://{}", socket.local_addr().unwrap()).parse().unwrap();
    let fault = OidcFault::Unreachable { url: url.clone(), reason: "no connection" };
    assert_eq!(fetch().fetch(&url).await, Err(fault));
}

#[tokio::test(start_paused = true)]
async fn hanging_issuer_times_out() {
    let url = serve(Reply::Hang).await;
    let stopwatch = Stopwatch::start();
    let fault = OidcFault::Unreachable { url: url.clone(), reason: "no answer in time" };
    assert_eq!(fetch().fetch(&url).await, Err(fault));
    assert!(stopwatch.elapsed() >= FETCH_TIMEOUT && stopwatch.elapsed() < 2 * FETCH_TIMEOUT);
}

#[tokio::test]
async fn limits_document_size() {
    let largest = serve(Reply::Bytes(200, vec![b' '; DOCUMENT_BYTES])).await;
    assert_eq!(fetch().fetch(&largest).await.unwrap().len(), DOCUMENT_BYTES);
    let larger = serve(Reply::Bytes(200, vec![b' '; DOCUMENT_BYTES + 1])).await;
    let fault = OidcFault::Unreadable { url: larger.clone(), wanted: "of a reasonable size" };
    assert_eq!(fetch().fetch(&larger).await, Err(fault));
}

#[tokio::test]
async fn follows_no_redirect() {
    let server = ScriptedServer::start(|call| match call.path.as_str() {
        "/here" => Reply::Redirect("/there".to_owned()),
        _ => Reply::Json(200, json!({"keys": []})),
    });
    let here: Url = format!("{}/here", server.await.url()).parse().unwrap();
    assert_eq!(
        HttpFetch::new(http_client().unwrap()).fetch(&here).await,
        Err(OidcFault::Refused { url: here.clone(), status: 307 })
    );
    let fault = OidcFault::Unreachable { url: here.clone(), reason: "it leads somewhere else" };
    assert_eq!(fetch().fetch(&here).await, Err(fault), "not even with a client that follows");
}
