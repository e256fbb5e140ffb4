//! What can be done about an error, for the person who reads it. The error itself says what is wrong, in the API's words.

use doorbell_client::ApiError;

use super::CommandError;
use doorbell_client::AskError;

impl CommandError {
    /// What to do about it, where that can be told.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Api(error) | Self::Ask(AskError::Api(error)) => of_api(error).map(str::to_owned),
            Self::Listen { .. } => Some("choose another address with --addr".to_owned()),
            Self::Table(_) => {
                Some("check AWS_REGION, the AWS credentials and AWS_ENDPOINT_URL; -v says more".to_owned())
            }
            Self::UnsendableToken => Some(TOKEN.to_owned()),
            Self::NoSuchName { similar: Some(similar), .. } => Some(format!("did you mean {similar:?}?")),
            Self::NoSuchName { similar: None, .. } => Some(RUNTIMES.to_owned()),
            Self::NoData => Some("name it with --data, as in `doorbell dev --data doorbell.db`".to_owned()),
            Self::NoSuchToken => Some("`doorbell token list` shows those of a workspace".to_owned()),
            Self::AmbiguousToken => Some("give more of it".to_owned()),
            Self::AmbiguousName { candidates, .. } => {
                Some(format!("give the id of one of them\n  {}", candidates.join("\n  ")))
            }
            _ => None,
        }
    }
}

const TOKEN: &str = "check --token or DOORBELL_TOKEN";
const RUNTIMES: &str = "`doorbell runtimes` lists what can be rung";

fn of_api(error: &ApiError) -> Option<&'static str> {
    let ApiError::Refused { status, error } = error else {
        return Some("`doorbell dev` serves it on this machine; --url or DOORBELL_URL name another place");
    };
    match (*status, error.as_str()) {
        (401, _) => Some(TOKEN),
        (403, _) => {
            Some("`doorbell daemon` takes a token with the scope daemon, other commands one with user")
        }
        (404, "workspace not found") => {
            Some("check --workspace or DOORBELL_WORKSPACE, and whose the token is")
        }
        (404, "runtime not found") => Some(RUNTIMES),
        (503, "runtime is offline") => Some("start `doorbell daemon` on its machine"),
        (503, "server is busy") => Some("try again in a few seconds"),
        (429, _) => Some("wait a few seconds before ringing it again"),
        _ => None,
    }
}
