//! The SDK client of a deployed function, from the variables that Lambda sets (AWS, "Using Lambda environment variables").

use std::{fs, io};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Config, Credentials, Region};
use aws_smithy_http_client::tls::{TlsContext, TrustStore};

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

/// The roots of Amazon Trust Services, as PEM.
pub const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// The TLS roots that a function trusts.
///
/// DynamoDB's certificates are signed by Amazon Trust Services, which recommends its five roots for trust stores
/// (amazontrust.com/repository). They are compiled in and valid until 2037 at least. Reading the
/// system's 140 roots took most of a function's own start-up time. They are read only if another authority may have signed:
/// for other endpoints, and in separate partitions (China, the European sovereign cloud, and those without internet).
#[derive(Clone, Debug, PartialEq, Eq)]
enum Roots {
    Amazon,
    System,
    /// The PEM file at this path.
    Bundle(String),
}

/// The roots cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    #[error("the file of certificates that AWS_CA_BUNDLE names cannot be read")]
    Bundle(#[source] io::Error),
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Roots {
    /// For a function in `region` with a custom `endpoint`, or the SDK's.
    fn select(bundle: Option<String>, region: &str, endpoint: Option<&str>) -> Self {
        match (bundle, endpoint) {
            (Some(file), _) => Self::Bundle(file),
            (None, None) if is_signed_by_amazon(region) => Self::Amazon,
            (None, _) => Self::System,
        }
    }

    fn tls_context(self) -> Result<TlsContext, RootsError> {
        let store = match self {
            Self::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
            Self::System => TrustStore::default(),
            Self::Bundle(file) => {
                TrustStore::empty().with_pem_certificate(fs::read(file).map_err(RootsError::Bundle)?)
            }
        };
        TlsContext::builder().with_trust_store(store).build().map_err(|error| RootsError::Tls(error.into()))
    }
}

fn is_signed_by_amazon(region: &str) -> bool {
    !region.starts_with("cn-") && !region.starts_with("eusc-") && !region.contains("-iso")
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

    #[test]
    fn amazon_roots_for_aws_endpoints() {
        for region in ["eu-west-1", "us-gov-west-1", "ap-southeast-7"] {
            assert_eq!(Roots::select(None, region, None), Roots::Amazon, "{region}");
        }
    }

    #[test]
    fn system_roots_for_other_endpoints_and_partitions() {
        for region in ["cn-north-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1"] {
            assert_eq!(Roots::select(None, region, None), Roots::System, "{region}");
        }
        assert_eq!(Roots::select(None, "eu-west-1", Some("https://localhost:4566")), Roots::System);
    }

    #[test]
    fn bundle_overrides_both() {
        let bundle = Some("roots.pem".to_owned());
        let expected = Roots::Bundle("roots.pem".to_owned());
        assert_eq!(Roots::select(bundle.clone(), "eu-west-1", None), expected);
        assert_eq!(Roots::select(bundle, "cn-north-1", Some("https://localhost:4566")), expected);
    }

    #[test]
    fn five_amazon_roots_are_compiled_in() {
        let roots = std::str::from_utf8(AMAZON_ROOTS).unwrap();
        assert_eq!(roots.matches("-----BEGIN CERTIFICATE-----").count(), 5);
    }
}
