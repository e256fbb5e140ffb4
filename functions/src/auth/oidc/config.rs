//! Which issuer is trusted, from the environment.

use std::net::IpAddr;

use reqwest::Url;

const ISSUER: &str = "DOORBELL_OIDC_ISSUER";
const AUDIENCE: &str = "DOORBELL_OIDC_AUDIENCE";
const JWKS_URL: &str = "DOORBELL_OIDC_JWKS_URL";
const WORKSPACES_CLAIM: &str = "DOORBELL_OIDC_WORKSPACES_CLAIM";

const DEFAULT_WORKSPACES_CLAIM: &str = "doorbell_workspaces";

/// The issuer whose tokens are accepted. Exists only with URLs that are safe to fetch keys from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcConfig {
    /// As tokens say it in `iss`, to the letter.
    pub(super) issuer: String,
    /// What tokens for us have in `aud`.
    pub(super) audience: String,
    /// How the issuer's keys are found.
    pub(super) keys: KeysAt,
    /// The name of the claim that lists a person's workspaces.
    pub(super) workspaces_claim: String,
}

/// How an issuer's keys are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeysAt {
    /// They are there.
    Jwks(Url),
    /// The discovery document there says.
    Discovery(Url),
}

/// Why the environment does not describe an issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Something is set that means nothing without an issuer.
    #[error("{0} is set without {ISSUER}: set {ISSUER} to the issuer's URL, or unset {0} to turn OIDC off")]
    NoIssuer(&'static str),
    /// Without an audience, a token that the issuer made for any other service would do.
    #[error(
        "{ISSUER} is set without {AUDIENCE}: set {AUDIENCE} to what the issuer puts into `aud` for Doorbell"
    )]
    NoAudience,
    /// Keys must not come from where somebody on the way can change them.
    #[error("{0} must be an https URL without user and password (http only for a loopback host)")]
    UnsafeUrl(&'static str),
    /// OpenID Connect Discovery 1.0, section 2.
    #[error("{ISSUER} must be a URL without query and fragment")]
    IssuerWithQuery,
}

impl OidcConfig {
    /// The issuer that the variables `DOORBELL_OIDC_*` describe; `None` when they leave OIDC off. An empty variable
    /// counts as not set, because a deployment template can't leave one out.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let set = |name| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let Some(issuer) = set(ISSUER) else {
            let stray = [AUDIENCE, JWKS_URL].into_iter().find(|name| set(name).is_some());
            return stray.map_or(Ok(None), |name| Err(ConfigError::NoIssuer(name)));
        };
        let discovery = discovery(&issuer)?;
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

/// Where `issuer` describes itself (OpenID Connect Discovery 1.0, section 4).
fn discovery(issuer: &str) -> Result<Url, ConfigError> {
    let url = safe_url(issuer).ok_or(ConfigError::UnsafeUrl(ISSUER))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ConfigError::IssuerWithQuery);
    }
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    safe_url(&format!("{issuer}/.well-known/openid-configuration")).ok_or(ConfigError::UnsafeUrl(ISSUER))
}

/// The URL, if what comes from there comes from whom it names.
pub(super) fn safe_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let anonymous = url.username().is_empty() && url.password().is_none();
    let private = match url.scheme() {
        "https" => true,
        "http" => url.host_str().is_some_and(is_loopback),
        _ => false,
    };
    (anonymous && private).then_some(url)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AN_ISSUER: (&str, &str) = (ISSUER, "https://issuer.example");
    const AN_AUDIENCE: (&str, &str) = (AUDIENCE, "doorbell");

    fn read(variables: &[(&str, &str)]) -> Result<Option<OidcConfig>, ConfigError> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        OidcConfig::from_lookup(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_set_or_all_empty_leaves_oidc_off() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[(ISSUER, ""), (AUDIENCE, " "), (JWKS_URL, "")]), Ok(None));
        assert_eq!(read(&[(WORKSPACES_CLAIM, "teams")]), Ok(None));
    }

    #[test]
    fn issuer_and_audience_are_enough() {
        let config = read(&[AN_ISSUER, AN_AUDIENCE]).unwrap().unwrap();
        let expected = OidcConfig {
            issuer: "https://issuer.example".to_owned(),
            audience: "doorbell".to_owned(),
            keys: KeysAt::Discovery(url("https://issuer.example/.well-known/openid-configuration")),
            workspaces_claim: "doorbell_workspaces".to_owned(),
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn keys_and_claim_can_be_named() {
        let keys = "https://keys.example/jwks?p=policy";
        let config =
            read(&[AN_ISSUER, AN_AUDIENCE, (JWKS_URL, keys), (WORKSPACES_CLAIM, "teams")]).unwrap().unwrap();
        assert_eq!(config.keys, KeysAt::Jwks(url(keys)));
        assert_eq!(config.workspaces_claim, "teams");
    }

    #[test]
    fn half_a_configuration_says_what_to_set() {
        let error = read(&[AN_ISSUER]).unwrap_err();
        assert_eq!(error, ConfigError::NoAudience);
        assert!(error.to_string().contains("set DOORBELL_OIDC_AUDIENCE"), "{error}");
        for stray in [AN_AUDIENCE, (JWKS_URL, "https://keys.example")] {
            let error = read(&[stray]).unwrap_err();
            assert_eq!(error, ConfigError::NoIssuer(stray.0));
            assert!(error.to_string().contains("set DOORBELL_OIDC_ISSUER"), "{error}");
        }
    }

    #[test]
    fn keys_come_over_https_or_from_this_machine() {
        for safe in [
            "https://issuer.example/realm/",
            "http://localhost:8080",
            "http://127.0.0.1:1",
            "http://127.1.2.3",
            "http://[::1]:8080/realm",
        ] {
            let config = read(&[(ISSUER, safe), AN_AUDIENCE]).unwrap().unwrap();
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
            let unsafe_at = |name| Err(ConfigError::UnsafeUrl(name));
            assert_eq!(read(&[(ISSUER, unsafe_url), AN_AUDIENCE]), unsafe_at(ISSUER), "{unsafe_url}");
            let keys = (JWKS_URL, unsafe_url);
            assert_eq!(read(&[AN_ISSUER, AN_AUDIENCE, keys]), unsafe_at(JWKS_URL), "{unsafe_url}");
        }
    }

    #[test]
    fn an_issuer_with_a_path_describes_itself_below_it() {
        for issuer in ["https://issuer.example/realm", "https://issuer.example/realm/"] {
            let config = read(&[(ISSUER, issuer), AN_AUDIENCE]).unwrap().unwrap();
            let expected = url("https://issuer.example/realm/.well-known/openid-configuration");
            assert_eq!(config.keys, KeysAt::Discovery(expected));
            assert_eq!(config.issuer, issuer);
        }
    }

    #[test]
    fn an_issuer_is_a_bare_url() {
        for issuer in ["https://issuer.example/?a=b", "https://issuer.example/#a"] {
            assert_eq!(read(&[(ISSUER, issuer), AN_AUDIENCE]), Err(ConfigError::IssuerWithQuery));
        }
    }
}
