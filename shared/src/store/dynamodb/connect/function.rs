//! The client of a deployed function, from what Lambda sets and nothing else (AWS, "Using Lambda environment variables").

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Config, Credentials, Region};

use super::trust::{Trust, TrustError};
use super::{ENDPOINT_VARIABLE, https, timeouts};

const REGION: &str = "AWS_REGION";
const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// Where DynamoDB is, if it is not where the SDK finds it: ours, then the SDKs' own names. LocalStack sets the last for the
/// functions that it runs.
const ENDPOINTS: [&str; 3] = [ENDPOINT_VARIABLE, "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"];

/// Which kind of endpoint the SDK finds, where the region has one; the SDKs' own names, and `true` for yes.
const FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
const DUAL_STACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";

/// Certificates to believe instead; the SDKs' own name (AWS, "AWS SDKs and Tools Reference Guide", `ca_bundle`).
pub const BUNDLE_VARIABLE: &str = "AWS_CA_BUNDLE";

/// Why a function has no client.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Lambda sets it, and so must whoever runs a function elsewhere.
    #[error("{0} is not set")]
    NotSet(&'static str),
    /// Nobody can be believed.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// The client of a function with those variables. Makes no call.
///
/// # Errors
/// When the region or a key is not set, or a bundle of certificates is named that cannot be read.
///
/// # Panics
/// When there is something else in that bundle than certificates: the SDK takes none that it cannot parse.
pub fn client(variable: impl Fn(&'static str) -> Option<String>) -> Result<Client, SetupError> {
    // The template can only set a variable to something or to nothing.
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let switched_on = |name| set(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let required = |name| set(name).ok_or(SetupError::NotSet(name));
    let region = required(REGION)?;
    let endpoint = ENDPOINTS.into_iter().find_map(set);
    let trust = Trust::of(set(BUNDLE_VARIABLE), &region, endpoint.as_deref());
    let keys =
        Credentials::new(required(ACCESS_KEY)?, required(SECRET_KEY)?, set(SESSION_TOKEN), None, "Lambda");
    let mut config = Config::builder()
        .behavior_version(crate::store::dynamodb::behavior())
        .region(Region::new(region))
        .use_fips(switched_on(FIPS))
        .use_dual_stack(switched_on(DUAL_STACK))
        .credentials_provider(keys)
        .http_client(https(trust.context()?))
        .timeout_config(timeouts());
    config.set_endpoint_url(endpoint);
    Ok(Client::from_conf(config.build()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY_LAMBDA: [(&str, &str); 4] =
        [(REGION, "eu-west-1"), (ACCESS_KEY, "key"), (SECRET_KEY, "secret"), (SESSION_TOKEN, "session")];

    fn with(more: &[(&str, &str)]) -> Result<Client, SetupError> {
        let all = [more, &BY_LAMBDA].concat();
        client(|name| all.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()))
    }

    /// Making one reads the roots that are compiled in.
    #[test]
    fn what_lambda_sets_is_enough() {
        let client = with(&[]).unwrap();
        assert_eq!(client.config().region().map(AsRef::as_ref), Some("eu-west-1"));
    }

    #[test]
    fn what_is_missing_is_named() {
        for name in [REGION, ACCESS_KEY, SECRET_KEY] {
            let error = with(&[(name, "")]).unwrap_err();
            assert_eq!(error.to_string(), format!("{name} is not set"));
        }
    }

    /// The SDK tells its settings in no other way.
    fn settings(more: &[(&str, &str)]) -> String {
        format!("{:?}", with(more).unwrap().config())
    }

    #[test]
    fn our_endpoint_comes_before_the_sdks_own() {
        let all =
            [(ENDPOINTS[0], "http://ours"), (ENDPOINTS[1], "http://table"), (ENDPOINTS[2], "http://all")];
        for (at, (_, first)) in all.iter().enumerate() {
            let settings = settings(&all[at..]);
            assert!(settings.contains(&format!("EndpointUrl({first:?})")), "{first}: {settings}");
        }
    }

    #[test]
    fn the_sdks_own_switches_choose_the_kind_of_endpoint() {
        for (name, setting) in [(FIPS, "UseFips"), (DUAL_STACK, "UseDualStack")] {
            assert!(settings(&[(name, "true")]).contains(&format!("{setting}(true)")), "{name}");
            assert!(!settings(&[(name, "false")]).contains(&format!("{setting}(true)")), "{name}");
        }
    }

    #[test]
    fn a_bundle_that_is_not_there_is_an_error() {
        let error = with(&[(BUNDLE_VARIABLE, "/does/not/exist.pem")]).unwrap_err();
        assert!(matches!(error, SetupError::Trust(TrustError::Bundle(_))), "{error:?}");
    }
}
