//! The SDK configuration of a deployed function, from the variables that Lambda sets (AWS, "Using Lambda environment variables").

use std::{fs, io};

use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use aws_types::SdkConfig;

use super::{ENDPOINT_VARIABLE, https, timeouts};
use crate::store::dynamodb::behavior_version;

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

/// The function's configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FunctionConfigError {
    #[error("{0} is not set")]
    NotSet(&'static str),
    #[error(transparent)]
    Roots(#[from] RootsError),
}

/// What the function's SDK clients have in common, and the endpoint of DynamoDB. `other_endpoint` is that of another service which
/// shares the connections' trust.
///
/// # Errors
/// If the region or a key is not set, or the file that [`BUNDLE_VARIABLE`] names cannot be read.
///
/// # Panics
/// If the bundle contains anything but certificates: the SDK panics.
pub fn config(
    variable: impl Fn(&'static str) -> Option<String>,
    other_endpoint: Option<&str>,
) -> Result<SdkConfig, FunctionConfigError> {
    // The template sets unused variables to an empty value.
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let switched_on = |name| set(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let required = |name| set(name).ok_or(FunctionConfigError::NotSet(name));
    let region = required(REGION)?;
    let endpoint = ENDPOINTS.into_iter().find_map(set);
    let endpoints = [endpoint.as_deref(), other_endpoint];
    let roots = Roots::select(set(BUNDLE_VARIABLE), &region, endpoints.into_iter().flatten());
    let credentials =
        Credentials::new(required(ACCESS_KEY)?, required(SECRET_KEY)?, set(SESSION_TOKEN), None, "Lambda");
    let mut config = SdkConfig::builder()
        .behavior_version(behavior_version())
        .region(Region::new(region))
        .use_fips(switched_on(FIPS))
        .use_dual_stack(switched_on(DUAL_STACK))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(https(roots.tls_context()?))
        .timeout_config(timeouts());
    config.set_endpoint_url(endpoint);
    Ok(config.build())
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
    /// For a function in `region` with these custom `endpoints` besides the SDK's.
    fn select<'a>(
        bundle: Option<String>,
        region: &str,
        mut endpoints: impl Iterator<Item = &'a str>,
    ) -> Self {
        match bundle {
            Some(file) => Self::Bundle(file),
            None if is_signed_by_amazon(region) && endpoints.all(is_amazons) => Self::Amazon,
            None => Self::System,
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

/// Whether the endpoint is one of AWS, such as that of an account's IoT Core.
fn is_amazons(endpoint: &str) -> bool {
    let host = endpoint.strip_prefix("https://").map(|rest| rest.trim_end_matches('/'));
    host.is_some_and(|host| host.ends_with(".amazonaws.com"))
}

fn is_signed_by_amazon(region: &str) -> bool {
    !region.starts_with("cn-") && !region.starts_with("eusc-") && !region.contains("-iso")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAMBDA_VARIABLES: [(&str, &str); 4] =
        [(REGION, "eu-west-1"), (ACCESS_KEY, "key"), (SECRET_KEY, "secret"), (SESSION_TOKEN, "session")];

    fn with(more: &[(&str, &str)]) -> Result<SdkConfig, FunctionConfigError> {
        let all = [more, &LAMBDA_VARIABLES].concat();
        let variable = |name| all.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        config(variable, None)
    }

    /// This also parses the compiled-in roots.
    #[test]
    fn variables_of_lambda_are_enough() {
        let config = with(&[]).unwrap();
        assert_eq!(config.region().map(AsRef::as_ref), Some("eu-west-1"));
    }

    #[test]
    fn missing_variable_is_named() {
        for name in [REGION, ACCESS_KEY, SECRET_KEY] {
            let error = with(&[(name, "")]).unwrap_err();
            assert_eq!(error.to_string(), format!("{name} is not set"));
        }
    }

    #[test]
    fn own_endpoint_precedes_sdk_variables() {
        let all =
            [(ENDPOINTS[0], "http://ours"), (ENDPOINTS[1], "http://table"), (ENDPOINTS[2], "http://all")];
        for (at, (_, first)) in all.iter().enumerate() {
            assert_eq!(with(&all[at..]).unwrap().endpoint_url(), Some(*first));
        }
    }

    #[test]
    fn sdk_switches_select_endpoint_kind() {
        let fips = |value| with(&[(FIPS, value)]).unwrap().use_fips();
        assert_eq!((fips("true"), fips("false")), (Some(true), Some(false)));
        let dual_stack = |value| with(&[(DUAL_STACK, value)]).unwrap().use_dual_stack();
        assert_eq!((dual_stack("true"), dual_stack("false")), (Some(true), Some(false)));
    }

    #[test]
    fn missing_bundle_is_an_error() {
        let error = with(&[(BUNDLE_VARIABLE, "/does/not/exist.pem")]).unwrap_err();
        assert!(matches!(error, FunctionConfigError::Roots(RootsError::Bundle(_))), "{error:?}");
    }

    fn select(bundle: Option<&str>, region: &str, endpoints: &[&str]) -> Roots {
        Roots::select(bundle.map(str::to_owned), region, endpoints.iter().copied())
    }

    #[test]
    fn amazon_roots_for_aws_endpoints() {
        for region in ["eu-west-1", "us-gov-west-1", "ap-southeast-7"] {
            assert_eq!(select(None, region, &[]), Roots::Amazon, "{region}");
        }
        let iot = "https://example-ats.iot.eu-west-1.amazonaws.com";
        assert_eq!(select(None, "eu-west-1", &[iot]), Roots::Amazon);
    }

    #[test]
    fn system_roots_for_other_endpoints_and_partitions() {
        for region in ["cn-north-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1"] {
            assert_eq!(select(None, region, &[]), Roots::System, "{region}");
        }
        for endpoint in ["https://localhost:4566", "https://amazonaws.com.example", "http://a.amazonaws.com"]
        {
            assert_eq!(select(None, "eu-west-1", &[endpoint]), Roots::System, "{endpoint}");
        }
    }

    #[test]
    fn bundle_overrides_both() {
        let expected = Roots::Bundle("roots.pem".to_owned());
        assert_eq!(select(Some("roots.pem"), "eu-west-1", &[]), expected);
        assert_eq!(select(Some("roots.pem"), "cn-north-1", &["https://localhost:4566"]), expected);
    }

    #[test]
    fn five_amazon_roots_are_compiled_in() {
        let roots = std::str::from_utf8(AMAZON_ROOTS).unwrap();
        assert_eq!(roots.matches("-----BEGIN CERTIFICATE-----").count(), 5);
    }
}
