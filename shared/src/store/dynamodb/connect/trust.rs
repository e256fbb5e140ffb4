//! Whose certificates a function believes.
//!
//! DynamoDB's are signed by Amazon Trust Services. Its five roots are all that it recommends for a trust store of one's own
//! (amazontrust.com/repository); they are compiled in, and valid until 2037 at least. The machine's are some 140, and reading
//! them was most of what a function did before its first event and an empty one does not. They are read where somebody else
//! may have signed: at an endpoint that is not AWS's own, and in the partitions that keep apart: China, the European sovereign
//! cloud, and those cut off from the internet.

use std::{fs, io};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};

/// The roots of Amazon Trust Services, as PEM.
pub const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// Who is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Amazon Trust Services.
    Amazon,
    /// Whoever the machine believes.
    Machine,
    /// Who is in this file.
    Bundle(String),
}

/// Why nobody is.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The bundle's file cannot be read.
    #[error("the file of certificates that AWS_CA_BUNDLE names cannot be read")]
    Bundle(#[source] io::Error),
    /// The TLS library takes no certificates.
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Trust {
    /// By a function in `region` that calls `endpoint`, or where the SDK finds DynamoDB.
    pub(super) fn of(bundle: Option<String>, region: &str, endpoint: Option<&str>) -> Self {
        match (bundle, endpoint) {
            (Some(file), _) => Self::Bundle(file),
            (None, None) if signed_by_amazon(region) => Self::Amazon,
            (None, _) => Self::Machine,
        }
    }

    pub(super) fn context(self) -> Result<TlsContext, TrustError> {
        let store = match self {
            Self::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
            Self::Machine => TrustStore::default(),
            Self::Bundle(file) => {
                TrustStore::empty().with_pem_certificate(fs::read(file).map_err(TrustError::Bundle)?)
            }
        };
        TlsContext::builder().with_trust_store(store).build().map_err(|error| TrustError::Tls(error.into()))
    }
}

fn signed_by_amazon(region: &str) -> bool {
    !region.starts_with("cn-") && !region.starts_with("eusc-") && !region.contains("-iso")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazon_is_believed_at_its_own_endpoints() {
        for region in ["eu-west-1", "us-gov-west-1", "ap-southeast-7"] {
            assert_eq!(Trust::of(None, region, None), Trust::Amazon, "{region}");
        }
    }

    #[test]
    fn the_machine_says_who_is_believed_where_somebody_else_may_have_signed() {
        for region in ["cn-north-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1"] {
            assert_eq!(Trust::of(None, region, None), Trust::Machine, "{region}");
        }
        assert_eq!(Trust::of(None, "eu-west-1", Some("https://localhost:4566")), Trust::Machine);
    }

    #[test]
    fn a_bundle_comes_before_both() {
        let bundle = Some("roots.pem".to_owned());
        let trust = Trust::Bundle("roots.pem".to_owned());
        assert_eq!(Trust::of(bundle.clone(), "eu-west-1", None), trust);
        assert_eq!(Trust::of(bundle, "cn-north-1", Some("https://localhost:4566")), trust);
    }

    #[test]
    fn all_five_roots_are_compiled_in() {
        let roots = std::str::from_utf8(AMAZON_ROOTS).unwrap();
        assert_eq!(roots.matches("-----BEGIN CERTIFICATE-----").count(), 5);
    }
}
