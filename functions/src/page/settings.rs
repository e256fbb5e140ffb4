//! `page.json`: the settings of the deployment that the page uses.

use serde::Serialize;

use super::sign_in::{Client, SignInEndpoints};

#[derive(Debug, Serialize)]
pub(super) struct Settings {
    version: &'static str,
    /// Absent if users sign in with a token only, and while the issuer cannot be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc: Option<OidcSettings>,
}

/// For the authorization code flow with PKCE (RFC 7636). Nothing in it is secret.
#[derive(Debug, Serialize)]
struct OidcSettings {
    #[serde(flatten)]
    client: Client,
    #[serde(flatten)]
    endpoints: SignInEndpoints,
}

impl Settings {
    pub(super) fn new(client: Option<&Client>, endpoints: Option<SignInEndpoints>) -> Self {
        let oidc = client.cloned().zip(endpoints);
        let oidc = oidc.map(|(client, endpoints)| OidcSettings { client, endpoints });
        Self { version: env!("CARGO_PKG_VERSION"), oidc }
    }
}
