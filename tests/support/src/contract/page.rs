//! The page for browsers: its files, and what they allow.

use reqwest::{Method, Response};

use super::Target;

async fn get(api: &Target, path: &str) -> Response {
    api.request(Method::GET, path).send().await.unwrap()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers()[name].to_str().unwrap()
}

pub async fn serves_every_file_without_a_token(api: &Target) {
    for (path, media_type, beginning) in [
        ("/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/page.js", "text/javascript; charset=utf-8", ""),
        ("/page.css", "text/css; charset=utf-8", ""),
        ("/page.json", "application/json", r#"{"version":""#),
    ] {
        let response = get(api, path).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "content-type")),
            (200, media_type),
            "{path}"
        );
        let text = response.text().await.unwrap();
        assert!(!text.is_empty() && text.to_lowercase().starts_with(beginning), "{path}: {text}");
    }
}

pub async fn every_file_restricts_the_browser(api: &Target) {
    for path in ["/", "/page.js", "/page.css", "/page.json"] {
        let response = get(api, path).await;
        let policy = header(&response, "content-security-policy");
        let (connections, others): (Vec<_>, Vec<_>) =
            policy.split("; ").partition(|directive| directive.starts_with("connect-src "));
        // A deployment with an issuer adds its origin.
        assert!(
            connections.len() == 1 && connections[0].starts_with("connect-src 'self'"),
            "{path}: {policy}"
        );
        assert_eq!(
            others,
            [
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "img-src 'self' data:",
                "form-action 'none'",
                "base-uri 'none'",
                "frame-ancestors 'none'"
            ],
            "{path}"
        );
        assert_eq!(header(&response, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&response, "referrer-policy"), "no-referrer", "{path}");
    }
}
