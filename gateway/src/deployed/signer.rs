//! Signature Version 4, which Lambda requires.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningError, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use doorbell_shared::clock::{Clock as _, SystemClock};
use tokio::sync::Mutex;

const SERVICE: &str = "lambda";

/// Credentials are renewed this long before they expire.
const RENEWAL: Duration = Duration::from_secs(60);

/// Signs calls of Lambda in one region.
pub struct Signer {
    provider: SharedCredentialsProvider,
    region: String,
    /// A provider may call a server each time.
    credentials: Mutex<Option<Credentials>>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("region", &self.region).finish_non_exhaustive()
    }
}

/// A call cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// No source has credentials, or one failed.
    #[error("no AWS credentials: {0}")]
    Credentials(#[from] CredentialsError),
    /// The request or the credentials have values that cannot be sent.
    #[error("no signature can be made")]
    Signature(#[from] SigningError),
    /// The signature has a header that cannot be sent.
    #[error("no signature can be sent")]
    Header,
}

impl Signer {
    /// Signs with the credentials of `provider`.
    pub fn new(provider: SharedCredentialsProvider, region: impl Into<String>) -> Self {
        Self { provider, region: region.into(), credentials: Mutex::default() }
    }

    /// Finds credentials, so that missing ones are an error at start and not one of each call.
    ///
    /// # Errors
    /// Without credentials.
    pub async fn check(&self) -> Result<(), SignerError> {
        self.credentials(now()).await?;
        Ok(())
    }

    /// The headers that sign a `POST` of `body` to `url`.
    pub(super) async fn sign(&self, url: &str, body: &[u8]) -> Result<HeaderMap, SignerError> {
        self.sign_at(url, body, now()).await
    }

    async fn sign_at(&self, url: &str, body: &[u8], now: SystemTime) -> Result<HeaderMap, SignerError> {
        let identity = self.credentials(now).await?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            // Every parameter is set.
            .map_err(|_| SignerError::Header)?
            .into();
        let content_type = std::iter::once((header::CONTENT_TYPE.as_str(), "application/json"));
        let request = SignableRequest::new("POST", url, content_type, SignableBody::Bytes(body))?;
        let (instructions, _) = sign(request, &params)?.into_parts();
        let mut headers = HeaderMap::new();
        for (name, value) in instructions.headers() {
            let name = HeaderName::try_from(name).map_err(|_| SignerError::Header)?;
            let mut value = HeaderValue::try_from(value).map_err(|_| SignerError::Header)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }

    async fn credentials(&self, now: SystemTime) -> Result<Credentials, SignerError> {
        let mut kept = self.credentials.lock().await;
        if let Some(credentials) = kept.as_ref().filter(|kept| is_valid(kept, now)) {
            return Ok(credentials.clone());
        }
        let credentials = self.provider.provide_credentials().await?;
        *kept = Some(credentials.clone());
        Ok(credentials)
    }
}

fn now() -> SystemTime {
    let millis = u64::try_from(SystemClock.now().millis()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

fn is_valid(credentials: &Credentials, now: SystemTime) -> bool {
    credentials.expiry().is_none_or(|expiry| now + RENEWAL < expiry)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use aws_credential_types::provider::{ProvideCredentials, future};

    use super::*;

    const URL: &str = "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/doorbell-poll/invocations";

    /// Each of its credentials has the next number, and expires after an hour.
    #[derive(Clone, Debug, Default)]
    struct Numbered(Arc<AtomicU64>);

    impl ProvideCredentials for Numbered {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            let expiry = SystemTime::UNIX_EPOCH + Duration::from_secs(3600 * (number + 1));
            let key = format!("example{number}");
            future::ProvideCredentials::ready(Ok(Credentials::new(
                key,
                "example",
                Some("session".to_owned()),
                Some(expiry),
                "test",
            )))
        }
    }

    async fn authorization(signer: &Signer, seconds: u64) -> String {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let headers = signer.sign_at(URL, b"{}", now).await.unwrap();
        headers["authorization"].to_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn signs_for_lambda_in_the_region() {
        let signer = Signer::new(SharedCredentialsProvider::new(Numbered::default()), "eu-west-1");
        let headers = signer.sign_at(URL, b"{}", SystemTime::UNIX_EPOCH).await.unwrap();
        let authorization = headers["authorization"].to_str().unwrap();
        let scope = "AWS4-HMAC-SHA256 Credential=example0/19700101/eu-west-1/lambda/aws4_request, ";
        assert!(authorization.starts_with(scope), "{authorization}");
        for signed in ["content-type", "host", "x-amz-date", "x-amz-security-token"] {
            assert!(authorization.contains(signed), "{authorization}");
        }
        assert_eq!(headers["x-amz-security-token"], "session");
    }

    #[tokio::test]
    async fn renews_credentials_before_they_expire() {
        let signer = Signer::new(SharedCredentialsProvider::new(Numbered::default()), "eu-west-1");
        for (seconds, key) in [(0, "example0"), (3539, "example0"), (3540, "example1"), (3600, "example1")] {
            let authorization = authorization(&signer, seconds).await;
            assert!(authorization.contains(key), "{seconds} {authorization}");
        }
    }

    #[tokio::test]
    async fn debug_output_hides_credentials() {
        let signer = Signer::new(SharedCredentialsProvider::new(Numbered::default()), "eu-west-1");
        signer.check().await.unwrap();
        assert_eq!(format!("{signer:?}"), r#"Signer { region: "eu-west-1", .. }"#);
    }
}
