//! The SDK client of a deployed function, from the variables that Lambda sets (AWS, "Using Lambda environment variables").

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Config, Credentials, Region};

use super::roots::{Roots, RootsError};
use super::{ENDPOINT_VARIABLE, https, timeouts};

const REGION: &str = "AWS_REGION";
const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// Variables with DynamoDB's endpoint, in order of precedence. LocalStack sets the last one for its functions.
const ENDPOINTS: [&str; 3] = [ENDPOINT_VARIABLE, "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"];

/// The SDK's variables for the kind of endpoint.
const FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
const DUAL_STACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";

/// A PEM file of roots that replaces all others (AWS, "AWS SDKs and Tools Reference Guide", `ca_bundle`).
pub const BUNDLE_VARIABLE: &str = "AWS_CA_BUNDLE";

/// The function's client cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum FunctionClientError {
    #[error("{0} is not set")]
    NotSet(&'static str),
    #[error(transparent)]
    Roots(#[from] RootsError),
}

/// Creates the client from the function's variables, without a call.
///
/// # Errors
/// If the region or a key is not set, or the file that [`BUNDLE_VARIABLE`] names cannot be read.
///
/// # Panics
/// If the bundle contains anything but certificates: the SDK panics.
pub fn client(variable: impl Fn(&'static str) -> Option<String>) -> Result<Client, FunctionClientError> {
    // The template sets unused variables to an empty value.
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let switched_on = |name| set(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let required = |name| set(name).ok_or(FunctionClientError::NotSet(name));
    let region = required(REGION)?;
    let endpoint = ENDPOINTS.into_iter().find_map(set);
    let roots = Roots::select(set(BUNDLE_VARIABLE), &region, endpoint.as_deref());
    let credentials =
        Credentials::new(required(ACCESS_KEY)?, required(SECRET_KEY)?, set(SESSION_TOKEN), None, "Lambda");
    let mut config = Config::builder()
        .behavior_version(crate::store::dynamodb::behavior_version())
        .region(Region::new(region))
        .use_fips(switched_on(FIPS))
        .use_dual_stack(switched_on(DUAL_STACK))
        .credentials_provider(credentials)
        .http_client(https(roots.tls_context()?))
        .timeout_config(timeouts());
    config.set_endpoint_url(endpoint);
    Ok(Client::from_conf(config.build()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAMBDA_VARIABLES: [(&str, &str); 4] =
        [(REGION, "eu-west-1"), (ACCESS_KEY, "key"), (SECRET_KEY, "secret"), (SESSION_TOKEN, "session")];

    fn with(more: &[(&str, &str)]) -> Result<Client, FunctionClientError> {
        let all = [more, &LAMBDA_VARIABLES].concat();
        client(|name| all.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()))
    }

    /// This also parses the compiled-in roots.
    #[test]
    fn variables_of_lambda_are_enough() {
        let client = with(&[]).unwrap();
        assert_eq!(client.config().region().map(AsRef::as_ref), Some("eu-west-1"));
    }

    #[test]
    fn missing_variable_is_named() {
        for name in [REGION, ACCESS_KEY, SECRET_KEY] {
            let error = with(&[(name, "")]).unwrap_err();
            assert_eq!(error.to_string(), format!("{name} is not set"));
        }
    }

    /// The SDK exposes its settings only through `Debug`.
    fn settings(more: &[(&str, &str)]) -> String {
        format!("{:?}", with(more).unwrap().config())
    }

    #[test]
    fn own_endpoint_precedes_sdk_variables() {
        let all =
            [(ENDPOINTS[0], "http://ours"), (ENDPOINTS[1], "http://table"), (ENDPOINTS[2], "http://all")];
        for (at, (_, first)) in all.iter().enumerate() {
            let settings = settings(&all[at..]);
            assert!(settings.contains(&format!("EndpointUrl({first:?})")), "{first}: {settings}");
        }
    }

    #[test]
    fn sdk_switches_select_endpoint_kind() {
        for (name, setting) in [(FIPS, "UseFips"), (DUAL_STACK, "UseDualStack")] {
            assert!(settings(&[(name, "true")]).contains(&format!("{setting}(true)")), "{name}");
            assert!(!settings(&[(name, "false")]).contains(&format!("{setting}(true)")), "{name}");
        }
    }

    #[test]
    fn missing_bundle_is_an_error() {
        let error = with(&[(BUNDLE_VARIABLE, "/does/not/exist.pem")]).unwrap_err();
        assert!(matches!(error, FunctionClientError::Roots(RootsError::Bundle(_))), "{error:?}");
    }
}
