//! What makes the functions trust a DynamoDB on loopback: a certificate authority of this run, beside those of the system.
//!
//! The functions load their roots as they do in the cloud, a whole bundle, and so they pay for it as they do there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// The roots, for a function.
    pub(crate) bundle: PathBuf,
    /// The certificate, for the server.
    pub(crate) server: Arc<ServerConfig>,
}

impl Trust {
    /// A new authority, which has signed one certificate; the bundle goes into `folder`.
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

        let bundle = folder.join("roots.pem");
        fs::write(&bundle, system_roots()? + "\n" + &authority.pem())?;
        Ok(Self { bundle, server: Arc::new(server) })
    }
}

fn authority() -> Result<CertificateParams> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(authority)
}

fn system_roots() -> Result<String> {
    let found = BUNDLES.iter().find_map(|bundle| fs::read_to_string(bundle).ok());
    Ok(found.ok_or_else(|| format!("there is none of {}: install ca-certificates", BUNDLES.join(", ")))?)
}
