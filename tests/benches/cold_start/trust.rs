//! What makes the functions trust a DynamoDB on loopback: a certificate authority of this run, beside Amazon's.
//!
//! A function reads as many roots as it does in the cloud, one more, and one file. Functions from before Amazon's roots were
//! compiled in read the machine's, so they have a bundle of those.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorbell_shared::store::dynamodb::connect::trust::AMAZON_ROOTS;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::Result;

/// The name that the certificate is for.
pub(crate) const HOST: &str = "localhost";

/// Where systems keep the roots that they trust.
const BUNDLES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// Both ends of the trust.
pub(crate) struct Trust {
    /// Amazon's roots and this run's, for a function.
    pub(crate) amazon: PathBuf,
    /// The machine's and this run's.
    pub(crate) machine: PathBuf,
    /// The certificate, for the server.
    pub(crate) server: Arc<ServerConfig>,
}

impl Trust {
    /// A new authority, which has signed one certificate; the bundles go into `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        // For every rustls in this process. It is there already only if that is this one.
        let _ = ring::default_provider().install_default();
        let authority = CertifiedIssuer::self_signed(authority()?, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec![HOST.to_owned()])?.signed_by(&key, &authority)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())?;

        let bundle = |name: &str, roots: &[u8]| {
            let file = folder.join(name);
            fs::write(&file, [roots, b"\n", authority.pem().as_bytes()].concat()).map(|()| file)
        };
        Ok(Self {
            amazon: bundle("amazon.pem", AMAZON_ROOTS)?,
            machine: bundle("machine.pem", &machine_roots()?)?,
            server: Arc::new(server),
        })
    }
}

fn authority() -> Result<CertificateParams> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(authority)
}

fn machine_roots() -> Result<Vec<u8>> {
    let found = BUNDLES.iter().find_map(|bundle| fs::read(bundle).ok());
    Ok(found.ok_or_else(|| format!("there is none of {}: install ca-certificates", BUNDLES.join(", ")))?)
}
