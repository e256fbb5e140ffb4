//! The MQTT client id of a daemon: `<deployment>.<workspace>.<hash of the daemon id>`.
//!
//! IoT Core has one set of client ids for each account and region, so the deployment is a part of it. The workspace is a part
//! so that the authorizer can decide by the id alone whether a token may use it.

use std::fmt;
use std::str::FromStr;

use doorbell_protocol::WorkspaceId;
use sha2::{Digest as _, Sha256};

use crate::runtime::ShortText;

/// The longest deployment: with it a client id has 106 of the 128 characters that IoT Core allows (AWS, "AWS IoT Core message
/// broker and protocol limits and quotas").
const DEPLOYMENT_CHARS: usize = 36;

/// Half of SHA-256: daemon ids of one workspace do not collide.
const HASH_BYTES: usize = 16;

/// The deployment that a client id belongs to: the UUID in the id of its CloudFormation stack, or `local`. Letters, digits and
/// hyphens only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment(String);

/// A client id of a daemon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId {
    text: String,
    workspace: WorkspaceId,
}

/// The text is no deployment or no client id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a client id of Doorbell")]
pub struct InvalidClientId;

impl FromStr for Deployment {
    type Err = InvalidClientId;
    fn from_str(text: &str) -> Result<Self, InvalidClientId> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_valid = is_plain && (1..=DEPLOYMENT_CHARS).contains(&text.len());
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidClientId) }
    }
}

impl ClientId {
    /// The client id of the daemon `daemon_id` in `workspace`.
    pub fn new(deployment: &Deployment, workspace: WorkspaceId, daemon_id: &ShortText) -> Self {
        let hash = Sha256::digest(daemon_id.as_str());
        let hash = hex::encode(hash.get(..HASH_BYTES).unwrap_or_default());
        Self { text: format!("{}.{workspace}.{hash}", deployment.0), workspace }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The daemon's workspace.
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// Whether it belongs to `deployment`.
    pub fn is_of(&self, deployment: &Deployment) -> bool {
        self.text.split('.').next() == Some(&deployment.0)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ClientId {
    type Err = InvalidClientId;
    fn from_str(text: &str) -> Result<Self, InvalidClientId> {
        let [deployment, workspace, hash] = text.split('.').collect::<Vec<_>>()[..] else {
            return Err(InvalidClientId);
        };
        deployment.parse::<Deployment>()?;
        let workspace: WorkspaceId = workspace.parse().map_err(|_| InvalidClientId)?;
        let is_hash = hash.len() == 2 * HASH_BYTES && hex::decode(hash).is_ok();
        let id = Self { text: format!("{deployment}.{workspace}.{hash}"), workspace };
        // One spelling only: ids are compared as texts.
        if is_hash && id.text == text && !hash.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Ok(id)
        } else {
            Err(InvalidClientId)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "00000000-0000-4000-8000-00000000000a";

    fn id(deployment: &str, daemon: &str) -> ClientId {
        let daemon = ShortText::try_from(daemon.to_owned()).unwrap();
        ClientId::new(&deployment.parse().unwrap(), WORKSPACE.parse().unwrap(), &daemon)
    }

    #[test]
    fn client_id_round_trips_through_text() {
        let id = id("local", "laptop / ü");
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert_eq!(id.workspace().to_string(), WORKSPACE);
    }

    #[test]
    fn client_id_depends_on_daemon_and_deployment() {
        assert_ne!(id("local", "a"), id("local", "b"));
        assert_ne!(id("local", "a"), id("other", "a"));
        assert!(id("local", "a").is_of(&"local".parse().unwrap()));
        assert!(!id("locals", "a").is_of(&"local".parse().unwrap()));
    }

    #[test]
    fn longest_client_id_fits_iot_core() {
        assert_eq!(id("00000000-0000-4000-8000-000000000001", "a").as_str().len(), 106);
    }

    #[test]
    fn other_texts_are_no_client_ids() {
        let valid = id("local", "a").to_string();
        for text in [
            "",
            "a",
            "local",
            &valid[1..].replace("ocal.", "."),
            &valid.to_uppercase(),
            &format!("{valid}0"),
            &format!("{valid}.x"),
        ] {
            assert_eq!(text.parse::<ClientId>(), Err(InvalidClientId), "{text}");
        }
        for deployment in ["", "a.b", "a/b", &"a".repeat(37)] {
            assert!(deployment.parse::<Deployment>().is_err(), "{deployment}");
        }
    }
}
