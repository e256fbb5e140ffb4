//! Page: the page for browsers, and its settings. `GET /`, `/page.js`, `/page.css` and `/page.json`.
//!
//! Anyone may load it: it has no data, and calls the API with the token of its user. The files are part of the binary, so that the page and
//! the API have one origin and one version. All of them link each other relatively, because a stage or a base path may come first.

mod files;
mod settings;
mod sign_in;
#[cfg(test)]
mod tests;

use doorbell_protocol::Timestamp;
use doorbell_shared::http::response::{Operation, json};
use doorbell_shared::http::{ApiError, HttpRequest, Response, input, respond_with};
use lambda_http::Body;
use lambda_http::http::{HeaderName, HeaderValue, header};

use crate::auth::oidc::FetchJson;
use files::File;
use settings::Settings;
use sign_in::SignInEndpoints;
pub use sign_in::{SignIn, SignInConfig};

/// Isolates the page from windows that it opens or that have opened it (HTML, "Cross-origin opener policies").
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// A file or the settings, and what scripts may connect to.
struct PageFile {
    content: Content,
    policy: HeaderValue,
}

enum Content {
    File(File),
    Settings(Settings),
}

/// Without `sign_in`, users sign in with a token only.
pub async fn handle<F: FetchJson>(
    sign_in: Option<&SignIn<F>>,
    request: &HttpRequest,
    now: Timestamp,
) -> Response {
    respond_with("page", |_| Operation::Page, request, answer(sign_in, request, now), response).await
}

async fn answer<F: FetchJson>(
    sign_in: Option<&SignIn<F>>,
    request: &HttpRequest,
    now: Timestamp,
) -> Result<PageFile, ApiError> {
    let name = input::path(request).and_then(|path| path.rsplit('/').next());
    let file = match name.ok_or(ApiError::RouteNotFound)? {
        "page.json" => None,
        name => Some(File::named(name).ok_or(ApiError::RouteNotFound)?),
    };
    // Browsers apply the policy of the document only, so the others need no discovery for it.
    let endpoints = match (sign_in, file) {
        (Some(sign_in), None | Some(File::Document)) => sign_in.endpoints(now).await,
        _ => None,
    };
    let policy = policy(endpoints.as_ref());
    let content = file.map_or_else(
        || Content::Settings(Settings::new(sign_in.map(SignIn::client), endpoints)),
        Content::File,
    );
    Ok(PageFile { content, policy })
}

fn response(PageFile { content, policy }: &PageFile) -> Response {
    let mut response = match content {
        Content::Settings(settings) => json(200, settings),
        Content::File(file) => {
            let mut response = Response::new(Body::Text(file.text().to_owned()));
            let content_type = HeaderValue::from_static(file.content_type());
            response.headers_mut().insert(header::CONTENT_TYPE, content_type);
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // After a deployment, files of two versions must not meet.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// The page runs its own script, calls its own API and, with OIDC, the issuer's token endpoint. Forms are handled by the script.
fn policy(endpoints: Option<&SignInEndpoints>) -> HeaderValue {
    let issuer = endpoints.map(|endpoints| format!(" {}", endpoints.token_origin())).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'{issuer}; \
         form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    );
    // An origin is ASCII without spaces and control characters, so the default is never used.
    HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}
