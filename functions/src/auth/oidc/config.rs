//! The trusted issuer, from the environment.

use std::net::IpAddr;

use reqwest::Url;

/// The issuer. The page reads it too.
pub(crate) const ISSUER: &str = "DOORBELL_OIDC_ISSUER";
const AUDIENCE: &str = "DOORBELL_OIDC_AUDIENCE";
const JWKS_URL: &str = "DOORBELL_OIDC_JWKS_URL";
const WORKSPACES_CLAIM: &str = "DOORBELL_OIDC_WORKSPACES_CLAIM";

const DEFAULT_WORKSPACES_CLAIM: &str = "doorbell_workspaces";

/// The issuer whose tokens are accepted. Its URLs are safe to fetch keys from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcConfig {
    /// The exact value of `iss`.
    pub(super) issuer: String,
    /// The required value of `aud`.
    pub(super) audience: String,
    pub(super) keys: KeysAt,
    /// The claim that lists the user's workspaces.
    pub(super) workspaces_claim: String,
}

/// The location of the issuer's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeysAt {
    Jwks(Url),
    /// In the discovery document at this URL.
    Discovery(Url),
}

/// Why the variables do not describe an issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A variable has no meaning without an issuer.
    #[error("{0} is set without {ISSUER}: set {ISSUER} to the issuer's URL, or unset {0} to turn OIDC off")]
    NoIssuer(&'static str),
    /// Without an audience, the issuer's tokens for other services would be accepted.
    #[error(
        "{ISSUER} is set without {AUDIENCE}: set {AUDIENCE} to what the issuer puts into `aud` for Doorbell"
    )]
    NoAudience,
    /// Keys must be fetched over a connection that cannot be tampered with.
    #[error("{0} must be an https URL without user and password (http only for a loopback host)")]
    UnsafeUrl(&'static str),
    /// OpenID Connect Discovery 1.0, section 2.
    #[error("{ISSUER} must be a URL without query and fragment")]
    IssuerWithQuery,
}

impl OidcConfig {
    /// Reads the variables `DOORBELL_OIDC_*`; `None` when OIDC is off. An empty variable counts as unset, because a
    /// deployment template cannot omit one.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let set = |name| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let Some(issuer) = set(ISSUER) else {
            let stray = [AUDIENCE, JWKS_URL].into_iter().find(|name| set(name).is_some());
            return stray.map_or(Ok(None), |name| Err(ConfigError::NoIssuer(name)));
        };
        let discovery = discovery_url(&issuer)?;
        let config = Self {
            issuer,
            audience: set(AUDIENCE).ok_or(ConfigError::NoAudience)?,
            keys: set(JWKS_URL).map_or(Ok(KeysAt::Discovery(discovery)), |url| jwks(&url))?,
            workspaces_claim: set(WORKSPACES_CLAIM).unwrap_or_else(|| DEFAULT_WORKSPACES_CLAIM.to_owned()),
        };
        Ok(Some(config))
    }
}

fn jwks(url: &str) -> Result<KeysAt, ConfigError> {
    safe_url(url).map(KeysAt::Jwks).ok_or(ConfigError::UnsafeUrl(JWKS_URL))
}

/// The URL of the discovery document (OpenID Connect Discovery 1.0, section 4).
pub(crate) fn discovery_url(issuer: &str) -> Result<Url, ConfigError> {
    let url = safe_url(issuer).ok_or(ConfigError::UnsafeUrl(ISSUER))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ConfigError::IssuerWithQuery);
    }
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    safe_url(&format!("{issuer}/.well-known/openid-configuration")).ok_or(ConfigError::UnsafeUrl(ISSUER))
}

/// The URL, if the connection authenticates the host: https, or http on loopback.
pub(crate) fn safe_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let has_no_credentials = url.username().is_empty() && url.password().is_none();
    let is_authentic = match url.scheme() {
        "https" => true,
        "http" => url.host_str().is_some_and(is_loopback),
        _ => false,
    };
    (has_no_credentials && is_authentic).then_some(url)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE_ISSUER: (&str, &str) = (ISSUER, "https://issuer.example");
    const EXAMPLE_AUDIENCE: (&str, &str) = (AUDIENCE, "doorbell");

    fn read(variables: &[(&str, &str)]) -> Result<Option<OidcConfig>, ConfigError> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        OidcConfig::from_lookup(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn oidc_is_off_without_variables() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[(ISSUER, ""), (AUDIENCE, " "), (JWKS_URL, "")]), Ok(None));
        assert_eq!(read(&[(WORKSPACES_CLAIM, "teams")]), Ok(None));
    }

    #[test]
    fn accepts_issuer_and_audience_only() {
        let config = read(&[EXAMPLE_ISSUER, EXAMPLE_AUDIENCE]).unwrap().unwrap();
        let expected = OidcConfig {
            issuer: "https://issuer.example".to_owned(),
            audience: "doorbell".to_owned(),
            keys: KeysAt::Discovery(url("https://issuer.example/.well-known/openid-configuration")),
            workspaces_claim: "doorbell_workspaces".to_owned(),
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn accepts_jwks_url_and_claim_name() {
        let keys = "https://keys.example/jwks?p=policy";
        let config = read(&[EXAMPLE_ISSUER, EXAMPLE_AUDIENCE, (JWKS_URL, keys), (WORKSPACES_CLAIM, "teams")])
            .unwrap()
            .unwrap();
        assert_eq!(config.keys, KeysAt::Jwks(url(keys)));
        assert_eq!(config.workspaces_claim, "teams");
    }

    #[test]
    fn incomplete_configuration_names_missing_variable() {
        let error = read(&[EXAMPLE_ISSUER]).unwrap_err();
        assert_eq!(error, ConfigError::NoAudience);
        assert!(error.to_string().contains("set DOORBELL_OIDC_AUDIENCE"), "{error}");
        for stray in [EXAMPLE_AUDIENCE, (JWKS_URL, "https://keys.example")] {
            let error = read(&[stray]).unwrap_err();
            assert_eq!(error, ConfigError::NoIssuer(stray.0));
            assert!(error.to_string().contains("set DOORBELL_OIDC_ISSUER"), "{error}");
        }
    }

    #[test]
    fn accepts_https_or_loopback_urls_only() {
        for safe in [
            "https://issuer.example/realm/",
            "http://localhost:8080",
            "http://127.0.0.1:1",
            "http://127.1.2.3",
            "http://[::1]:8080/realm",
        ] {
            let config = read(&[(ISSUER, safe), EXAMPLE_AUDIENCE]).unwrap().unwrap();
            assert_eq!(config.issuer, safe);
        }
        for unsafe_url in [
            "issuer.example",
            "http://issuer.example",
            "http://localhost.issuer.example",
            "http://127.0.0.1.issuer.example",
            "http://10.0.0.1",
            "https://user:password@issuer.example",
            "ftp://issuer.example",
            "file:///etc/keys",
        ] {
            let rejected = |name| Err(ConfigError::UnsafeUrl(name));
            assert_eq!(read(&[(ISSUER, unsafe_url), EXAMPLE_AUDIENCE]), rejected(ISSUER), "{unsafe_url}");
            let keys = (JWKS_URL, unsafe_url);
            assert_eq!(read(&[EXAMPLE_ISSUER, EXAMPLE_AUDIENCE, keys]), rejected(JWKS_URL), "{unsafe_url}");
        }
    }

    #[test]
    fn discovery_url_is_below_issuer_path() {
        for issuer in ["https://issuer.example/realm", "https://issuer.example/realm/"] {
            let config = read(&[(ISSUER, issuer), EXAMPLE_AUDIENCE]).unwrap().unwrap();
            let expected = url("https://issuer.example/realm/.well-known/openid-configuration");
            assert_eq!(config.keys, KeysAt::Discovery(expected));
            assert_eq!(config.issuer, issuer);
        }
    }

    #[test]
    fn rejects_issuer_with_query_or_fragment() {
        for issuer in ["https://issuer.example/?a=b", "https://issuer.example/#a"] {
            assert_eq!(read(&[(ISSUER, issuer), EXAMPLE_AUDIENCE]), Err(ConfigError::IssuerWithQuery));
        }
    }
}
