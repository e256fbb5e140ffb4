//! The base URL of the API.

use reqwest::Url;

/// The base URL without secrets, so it may appear in errors and logs.
#[derive(Clone)]
pub(crate) struct BaseUrl {
    pub(crate) text: String,
    pub(crate) is_http: bool,
}

impl BaseUrl {
    /// A user or password would add a second `Authorization` header, and a query would swallow the path of each call.
    pub(crate) fn new(mut url: Url) -> Self {
        let is_http = matches!(url.scheme(), "http" | "https");
        // These fail only for a URL without a host, which is handled below.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        let text = url.as_str().trim_end_matches('/');
        // `user:password@host:3000` parses as a scheme and a path.
        let text = if url.has_host() { text } else { text.rsplit('@').next().unwrap_or_default() };
        Self { text: text.to_owned(), is_http }
    }
}
