//! The page's answers without HTTP, with an issuer that answers what a test puts in.

use std::sync::Mutex;
use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_shared::http::{HttpRequest, Response, event};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use reqwest::Url;
use serde_json::{Value, json};

use super::{SignIn, SignInConfig, handle};
use crate::auth::oidc::{ConfigError, FetchJson, OidcFault};

const ISSUER: &str = "https://issuer.example/realm";
const DISCOVERY: &str = "https://issuer.example/realm/.well-known/openid-configuration";
const FILES: [&str; 3] = ["/", "/page.js", "/page.css"];
const HOUR: u64 = 3600;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// An issuer with this discovery document. `None`: it cannot be reached.
#[derive(Default)]
struct Issuer {
    document: Mutex<Option<Value>>,
    fetched: Mutex<Vec<String>>,
}

impl FetchJson for &Issuer {
    async fn fetch(&self, url: &Url) -> Result<Vec<u8>, OidcFault> {
        self.fetched.lock().unwrap().push(url.to_string());
        let document = self.document.lock().unwrap().clone();
        let unreachable = || OidcFault::Unreachable { url: url.clone(), reason: "no connection" };
        document.map(|document| document.to_string().into_bytes()).ok_or_else(unreachable)
    }
}

impl Issuer {
    fn with(document: Value) -> Self {
        let issuer = Self::default();
        issuer.put(Some(document));
        issuer
    }

    fn put(&self, document: Option<Value>) {
        *self.document.lock().unwrap() = document;
    }

    fn fetches(&self) -> usize {
        self.fetched.lock().unwrap().len()
    }

    fn sign_in(&self) -> SignIn<&Self> {
        let variables = [("ISSUER", ISSUER), ("CLIENT_ID", "page"), ("SCOPE", "openid email")];
        SignIn::new(config(&variables).unwrap().unwrap(), self)
    }
}

fn document() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://login.example/authorize",
        "token_endpoint": "https://login.example:8443/oauth2/token",
        "jwks_uri": "https://issuer.example/jwks",
    })
}

/// The configuration with these variables, `DOORBELL_OIDC_` left out.
fn config(variables: &[(&str, &str)]) -> Result<Option<SignInConfig>, ConfigError> {
    let find = |name: &str| variables.iter().find(|(known, _)| name == format!("DOORBELL_OIDC_{known}"));
    SignInConfig::from_lookup(|name| find(name).map(|(_, value)| (*value).to_owned()))
}

fn request(path: Option<&str>) -> HttpRequest {
    let mut request = ApiGatewayV2httpRequest::default();
    request.request_context.http.path = path.map(str::to_owned);
    event::request(request)
}

/// That many seconds after the start of a test.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_795_318_867_123).unwrap() + Duration::from_secs(seconds)
}

async fn get(sign_in: Option<&SignIn<&Issuer>>, path: &str, seconds: u64) -> Response {
    handle(sign_in, &request(Some(path)), at(seconds)).await
}

async fn without_oidc(path: &str) -> Response {
    get(None, path, 0).await
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers()[name].to_str().unwrap()
}

async fn settings(sign_in: Option<&SignIn<&Issuer>>, seconds: u64) -> Value {
    let response = get(sign_in, "/page.json", seconds).await;
    serde_json::from_slice(response.body()).unwrap()
}

fn text(response: &Response) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

#[tokio::test]
async fn files_have_their_content_types() {
    let types = ["text/html", "text/javascript", "text/css"].map(|name| format!("{name}; charset=utf-8"));
    for (path, expected) in FILES.into_iter().zip(types) {
        let response = without_oidc(path).await;
        assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, expected.as_str()));
    }
}

/// API Gateway passes the path with the stage, and with the base path of a domain.
#[tokio::test]
async fn stage_may_come_first() {
    for file in ["", "page.js", "page.css", "page.json"] {
        let expected = without_oidc(&format!("/{file}")).await;
        let response = without_oidc(&format!("/prod/a/{file}")).await;
        assert_eq!((response.status().as_u16(), text(&response)), (200, text(&expected)), "{file}");
    }
}

#[tokio::test]
async fn other_paths_are_not_found() {
    for path in [Some("/page"), Some("/index.html"), Some("/page.js/x"), Some("/../page/page.js.map"), None] {
        let response = handle(None::<&SignIn>, &request(path), at(0)).await;
        assert_eq!(
            (response.status().as_u16(), text(&response)),
            (404, r#"{"error":"not found"}"#),
            "{path:?}"
        );
    }
}

#[tokio::test]
async fn every_answer_restricts_the_browser() {
    for path in FILES.into_iter().chain(["/page.json"]) {
        let response = without_oidc(path).await;
        for (name, expected) in [
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-cache"),
        ] {
            assert_eq!(header(&response, name), expected, "{path} {name}");
        }
    }
}

/// What the policy does not allow would be missing from the page, and an absolute link would leave the stage.
#[tokio::test]
async fn document_has_only_relative_links_and_nothing_inline() {
    let response = without_oidc("/").await;
    let document = text(&response).to_lowercase();
    let links = document.split([' ', '\n', '>']).filter_map(|attribute| {
        let (name, value) = attribute.split_once('=')?;
        ["src", "href"].contains(&name).then_some(value.trim_matches(['"', '\'']))
    });
    let links: Vec<_> = links.collect();
    for file in ["page.css", "page.js"] {
        assert!(links.contains(&file), "{links:?}");
    }
    // An empty icon keeps browsers from asking for /favicon.ico.
    assert!(links.iter().all(|link| ["page.css", "page.js", "data:,"].contains(link)), "{links:?}");
    for inline in ["<style", " style=", " onclick=", " onload=", "javascript:", "<base"] {
        assert!(!document.contains(inline), "{inline}");
    }
    let scripts = document.matches("<script").count();
    assert_eq!(scripts, document.matches("<script ").count(), "an inline script");
}

/// It is loaded over mobile networks, and API Gateway does not compress it.
#[tokio::test]
async fn page_weighs_less_than_60_kb() {
    let mut bytes = 0;
    for path in FILES {
        bytes += text(&without_oidc(path).await).len();
    }
    assert!(bytes < 60_000, "{bytes}");
}

#[tokio::test]
async fn settings_without_oidc_are_the_version() {
    let response = without_oidc("/page.json").await;
    assert_eq!(header(&response, "content-type"), "application/json");
    assert_eq!(text(&response), json!({"version": env!("CARGO_PKG_VERSION")}).to_string());
}

#[tokio::test]
async fn settings_have_client_and_endpoints_of_issuer() {
    let issuer = Issuer::with(document());
    let settings = settings(Some(&issuer.sign_in()), 0).await;
    let expected = json!({
        "client_id": "page",
        "scope": "openid email",
        "authorization_endpoint": "https://login.example/authorize",
        "token_endpoint": "https://login.example:8443/oauth2/token",
    });
    assert_eq!(settings["oidc"], expected);
    assert_eq!(*issuer.fetched.lock().unwrap(), [DISCOVERY]);
}

#[tokio::test]
async fn document_may_connect_to_the_token_endpoint() {
    let issuer = Issuer::with(document());
    let response = get(Some(&issuer.sign_in()), "/", 0).await;
    let expected = POLICY.replace("connect-src 'self'", "connect-src 'self' https://login.example:8443");
    assert_eq!(header(&response, "content-security-policy"), expected);
}

#[tokio::test]
async fn script_and_style_wait_for_no_issuer() {
    let issuer = Issuer::with(document());
    let sign_in = issuer.sign_in();
    for path in ["/page.js", "/page.css"] {
        let response = get(Some(&sign_in), path, 0).await;
        assert_eq!(header(&response, "content-security-policy"), POLICY, "{path}");
    }
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test]
async fn endpoints_are_fetched_once_an_hour() {
    let issuer = Issuer::with(document());
    let sign_in = issuer.sign_in();
    for (seconds, expected) in [(0, 1), (1, 1), (HOUR - 1, 1), (HOUR, 2), (HOUR + 1, 2)] {
        get(Some(&sign_in), "/", seconds).await;
        assert_eq!(issuer.fetches(), expected, "{seconds}");
    }
}

#[tokio::test]
async fn unreachable_issuer_leaves_the_token_sign_in() {
    let issuer = Issuer::default();
    let sign_in = issuer.sign_in();
    assert_eq!(settings(Some(&sign_in), 0).await, json!({"version": env!("CARGO_PKG_VERSION")}));
    let response = get(Some(&sign_in), "/", 0).await;
    assert_eq!((response.status().as_u16(), header(&response, "content-security-policy")), (200, POLICY));
}

#[tokio::test]
async fn failed_fetch_is_repeated_after_a_minute() {
    let issuer = Issuer::default();
    let sign_in = issuer.sign_in();
    settings(Some(&sign_in), 0).await;
    issuer.put(Some(document()));
    assert_eq!(settings(Some(&sign_in), 59).await.get("oidc"), None);
    assert_eq!(settings(Some(&sign_in), 60).await["oidc"]["client_id"], "page");
}

#[tokio::test]
async fn endpoints_stay_in_use_while_the_issuer_fails() {
    let issuer = Issuer::with(document());
    let sign_in = issuer.sign_in();
    settings(Some(&sign_in), 0).await;
    issuer.put(None);
    assert_eq!(settings(Some(&sign_in), HOUR).await["oidc"]["client_id"], "page");
    settings(Some(&sign_in), HOUR + 59).await;
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn unusable_discovery_document_is_a_failure() {
    for (field, value) in [
        ("issuer", json!("https://other.example")),
        ("authorization_endpoint", json!("http://login.example/authorize")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("token_endpoint", json!("http://login.example/token")),
        ("token_endpoint", json!("https://user:password@login.example/token")),
        ("token_endpoint", json!(null)),
    ] {
        let mut document = document();
        document[field] = value;
        let issuer = Issuer::with(document.clone());
        assert_eq!(settings(Some(&issuer.sign_in()), 0).await.get("oidc"), None, "{document}");
    }
}

/// A name that needs encoding cannot add a directive.
#[tokio::test]
async fn token_origin_adds_no_directive() {
    let mut document = document();
    document["token_endpoint"] = json!("https://login.example/a; script-src *");
    let issuer = Issuer::with(document);
    let response = get(Some(&issuer.sign_in()), "/", 0).await;
    let expected = POLICY.replace("connect-src 'self'", "connect-src 'self' https://login.example");
    assert_eq!(header(&response, "content-security-policy"), expected);
}

#[test]
fn sign_in_needs_a_client() {
    assert_eq!(config(&[]), Ok(None));
    assert_eq!(config(&[("ISSUER", ISSUER), ("CLIENT_ID", " "), ("SCOPE", "openid")]), Ok(None));
}

#[test]
fn client_needs_a_safe_issuer() {
    let error = config(&[("CLIENT_ID", "page")]).unwrap_err();
    assert!(error.to_string().starts_with("DOORBELL_OIDC_CLIENT_ID is set without DOORBELL_OIDC_ISSUER"));
    for issuer in ["http://issuer.example", "https://issuer.example?a=b"] {
        assert!(config(&[("CLIENT_ID", "page"), ("ISSUER", issuer)]).is_err(), "{issuer}");
    }
}

#[test]
fn scope_is_openid_by_default() {
    let with = |scope| config(&[("CLIENT_ID", "page"), ("ISSUER", ISSUER), ("SCOPE", scope)]).unwrap();
    assert_eq!(with(""), with("openid"));
    assert_ne!(with(""), with("openid email"));
}
