//! TLS roots for deployed functions.
//!
//! DynamoDB's certificates are signed by Amazon Trust Services, which recommends its five roots for trust stores
//! (amazontrust.com/repository). They are compiled in and valid until 2037 at least. Reading the
//! system's 140 roots took most of a function's own start-up time. They are read only if another authority may have signed:
//! for other endpoints, and in separate partitions (China, the European sovereign cloud, and those without internet).

use std::{fs, io};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};

/// The roots of Amazon Trust Services, as PEM.
pub const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// The roots that a client trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
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
    pub(super) fn select(bundle: Option<String>, region: &str, endpoint: Option<&str>) -> Self {
        match (bundle, endpoint) {
            (Some(file), _) => Self::Bundle(file),
            (None, None) if is_signed_by_amazon(region) => Self::Amazon,
            (None, _) => Self::System,
        }
    }

    pub(super) fn tls_context(self) -> Result<TlsContext, RootsError> {
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
