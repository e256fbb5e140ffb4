//! The errors of the commands, and hints for the user.

use std::net::SocketAddr;
use std::path::PathBuf;

use doorbell_client::{AskError, ClientError};
use doorbell_daemon::Stopped;
use doorbell_daemon::agents::AgentsError;
use doorbell_functions::auth::oidc::OidcSetupError;
use doorbell_gateway::SignerError;
use doorbell_protocol::{InvalidId, InvalidIdempotencyKey, Kind, RequestId, RuntimeId, Scope, WorkspaceId};
use doorbell_shared::access::TooManyWorkspaces;
use doorbell_shared::push::PushError;
use doorbell_shared::store::StoreError;
use doorbell_shared::store::dynamodb::embedded::{DataFileError, DataFileProblem, OpenError};

use super::service::ServiceError;
use crate::state::StateError;

/// Why a command failed. Exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Api(#[from] ClientError),
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error(transparent)]
    Agents(#[from] AgentsError),
    /// The daemon has ended by itself.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Ctrl-C while agents are asked.
    #[error("stopped; the agents that had not answered are no longer asked")]
    StoppedAsking,
    /// Standard output was not written.
    #[error("the output could not be written: is the disk full?")]
    OutputNotWritten,
    /// The embedded engine does not start.
    #[error("the store cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The file of the embedded engine cannot be used, or was deleted.
    #[error(transparent)]
    DataFile(#[from] DataFileError),
    /// DynamoDB is unreachable or denies access.
    #[error("the table cannot be used: {0}")]
    Table(#[source] StoreError),
    /// Calls of deployed functions on AWS are signed for a region.
    #[error("no AWS region is set")]
    NoRegion,
    /// Calls of deployed functions cannot be signed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    #[error("cannot listen on {addr}: {source}")]
    Listen { addr: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("no HTTP client can be made: {0}")]
    Http(#[from] reqwest::Error),
    #[error("no URL can be made of {0}")]
    Address(SocketAddr),
    #[error("no workspace: {0}")]
    Workspace(#[from] InvalidId),
    /// A file of the state directory.
    #[error(transparent)]
    State(#[from] StateError),
    #[error("this user has no home directory, and so no directory for the state of Doorbell")]
    NoStateDirectory,
    #[error("the token file {} {problem}", path.display())]
    TokenFile { path: PathBuf, problem: TokenFileProblem },
    #[error("no token was typed")]
    NothingTyped,
    #[error("there is no token for {origin}")]
    NoToken { origin: String, remedy: &'static str },
    #[error("no workspace is given")]
    NoWorkspace,
    #[error("no server is given")]
    NoServer,
    /// Without the code, which may be one with a typing error.
    #[error("this is not an enrolment code such as K7QX-4M2N-9TBC-HW5R")]
    InvalidCode,
    #[error("the server answered without a token")]
    NoTokenInResponse,
    #[error("this machine is enrolled at {url}")]
    OtherServer { url: String },
    #[error("this machine is enrolled in another workspace than that of the code, {workspace}")]
    OtherWorkspace { workspace: WorkspaceId },
    /// The stored token works for one daemon of one workspace.
    #[error("the token that `doorbell join` stored is bound to the {what} {bound}")]
    Bound { what: &'static str, option: &'static str, bound: String },
    #[error("the token holds characters that cannot be sent")]
    UnsendableToken,
    /// The token would be sent over `http://` to another machine.
    #[error("the token would cross the network unencrypted on its way to {origin}")]
    Unencrypted { origin: String },
    #[error("no runtime has the {what} {name:?}")]
    NoSuchName {
        /// `name` or `name or type`.
        what: &'static str,
        name: String,
    },
    #[error("{count} runtimes have the {what} {name:?}")]
    AmbiguousName {
        count: usize,
        /// `name` or `type`.
        what: &'static str,
        name: String,
        /// One line per runtime.
        candidates: String,
    },
    #[error("--cors-origin \"*\" cannot be combined with other origins")]
    AnyAndNamedOrigins,
    #[error("the workspace {workspace} has no request {request}")]
    NoSuchRequest { workspace: WorkspaceId, request: RequestId },
    #[error(transparent)]
    Oidc(#[from] OidcSetupError),
    /// The embedded store of another process is in that process's memory.
    #[error("the embedded store of `doorbell dev` can be reached only through its file")]
    NoData,
    #[error("no token of the workspace has that id")]
    NoSuchToken,
    #[error("the API creates tokens of one workspace")]
    SeveralWorkspaces,
    #[error("a token of the scope {scope} cannot be bound to a daemon")]
    UnboundScope { scope: Scope },
    #[error("several tokens have an id with this beginning")]
    AmbiguousToken,
    #[error("a connection of the revoked token could not be closed: {0}")]
    Disconnect(#[source] PushError),
    #[error("a token cannot have {0}")]
    TooManyWorkspaces(#[from] TooManyWorkspaces),
    /// Ctrl-C while waiting. The request is not cancelled: other clients may wait for it, too.
    #[error("stopped waiting; request {request} stays open")]
    StoppedWaiting { request: RequestId, runtime: RuntimeId },
    #[error("no runtime{} answers {kind}", of_type(provider.as_deref()))]
    NoRuntimeAnswers { provider: Option<String>, kind: Kind },
    /// Of `doorbell ask --all`; a table has the reasons.
    #[error("{answered} of {asked} runtimes {}{}", if *waits { "answered" } else { "were asked" },
            if *stopped { "; requests to the others stay open" } else { "" })]
    NotAllAnswered { answered: usize, asked: usize, waits: bool, stopped: bool },
    #[error("no idempotency key: {0}")]
    IdempotencyKey(#[from] InvalidIdempotencyKey),
    #[error("no runtime that is listed has the request {0}")]
    UnknownRequest(RequestId),
    /// A second Ctrl-C.
    #[error("interrupted before this machine had signed off; it is shown as online for a while")]
    Interrupted,
}

/// What is wrong with a file with a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileProblem {
    #[error("cannot be read: {0}")]
    NotRead(std::io::Error),
    #[error("is empty")]
    Empty,
    #[error("is longer than any token")]
    TooLong,
}

impl From<OpenError> for CommandError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::File(error) => Self::DataFile(error),
            OpenError::Table(error) => Self::Store(error),
        }
    }
}

const TOKEN: &str =
    "check --token, --token-file or DOORBELL_TOKEN; `doorbell login` and `doorbell join` store another one";
const CODE: &str = "ask for another code: `doorbell enrol`; each works once, on one machine, for 10 minutes if no other time was chosen";
const UNENCRYPTED: &str =
    "use an https:// URL, or --allow-http (DOORBELL_ALLOW_HTTP) on a network that you trust";
const RETAINED: &str = "a request is kept after its last change for 2 minutes (model_list), 5 minutes (local_skills) or an hour (questions); give --runtime if its runtime was forgotten; check the id and --workspace";
const KINDS: &str = "`doorbell questions` lists the kinds that a runtime answers";
const RUNTIMES: &str = "`doorbell runtimes` lists the runtimes";

fn of_type(provider: Option<&str>) -> String {
    provider.map(|provider| format!(" of the type {provider:?}")).unwrap_or_default()
}

impl CommandError {
    /// What the user can do about it. The error itself has the API's text.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Api(error) | Self::Ask(AskError::Client(error)) => api_hint(error).map(str::to_owned),
            Self::State(error) => Some(error.hint()),
            Self::Service(error) => error.hint().map(str::to_owned),
            Self::DataFile(error) => Some(data_file_hint(&error.problem).to_owned()),
            Self::AnyAndNamedOrigins => {
                Some("name the origins alone: only they may send credentials".to_owned())
            }
            Self::Listen { .. } => Some("choose another address with --addr".to_owned()),
            Self::Table(_) => {
                Some("check AWS_REGION, the AWS credentials and AWS_ENDPOINT_URL; -v logs more".to_owned())
            }
            Self::NoRegion => Some("set AWS_REGION to the region of the functions".to_owned()),
            Self::Signer(_) => Some("check the AWS credentials, such as AWS_PROFILE; -v logs more".to_owned()),
            Self::Disconnect(_) => Some(
                "check --push-endpoint and the permission iot:DeleteConnection; the connection ends within 24 hours".to_owned(),
            ),
            Self::NoStateDirectory => Some("name one with DOORBELL_STATE_DIR".to_owned()),
            Self::NoToken { remedy, .. } => Some((*remedy).to_owned()),
            Self::NoWorkspace => Some("give --workspace or DOORBELL_WORKSPACE".to_owned()),
            Self::NoServer => Some("give --url or DOORBELL_URL".to_owned()),
            Self::InvalidCode | Self::NoTokenInResponse => Some(CODE.to_owned()),
            Self::OtherServer { .. } => Some("--force replaces that enrolment".to_owned()),
            Self::OtherWorkspace { .. } => Some(
                "the same command with --force replaces that enrolment; the code works for another minute".to_owned(),
            ),
            Self::Bound { option, .. } => Some(format!(
                "drop {option}, or enrol this machine with another code: `doorbell join`"
            )),
            Self::UnsendableToken | Self::Stopped(_) => Some(TOKEN.to_owned()),
            Self::Unencrypted { .. } => Some(UNENCRYPTED.to_owned()),
            Self::NoSuchName { .. } => Some(RUNTIMES.to_owned()),
            Self::NoSuchRequest { .. } => Some(RETAINED.to_owned()),
            Self::StoppedWaiting { request, runtime } => {
                Some(format!("`doorbell cancel {request} --runtime {runtime}` cancels it"))
            }
            Self::NotAllAnswered { stopped: true, .. } => {
                Some("`doorbell cancel <REQUEST> --runtime <ID>` cancels one of them".to_owned())
            }
            Self::NoRuntimeAnswers { .. } => Some(KINDS.to_owned()),
            Self::UnknownRequest(_) => Some(
                "check the id and --workspace; --runtime finds requests of a forgotten runtime".to_owned(),
            ),
            Self::NoData => Some("name it with --data, as in `doorbell dev --data doorbell.db`".to_owned()),
            Self::NoSuchToken => Some("`doorbell token list` lists the tokens of a workspace".to_owned()),
            Self::SeveralWorkspaces => {
                Some("create a token for each, or use --store to create it in the table".to_owned())
            }
            Self::UnboundScope { .. } => Some("leave out --daemon-id, or give --scope daemon".to_owned()),
            Self::TooManyWorkspaces(_) => Some("create several tokens".to_owned()),
            Self::AmbiguousToken => Some("give more digits of the id".to_owned()),
            Self::AmbiguousName { candidates, .. } => {
                Some(format!("give the id of one of them\n{candidates}"))
            }
            _ => None,
        }
    }
}

fn data_file_hint(problem: &DataFileProblem) -> &'static str {
    match problem {
        DataFileProblem::Directory => "name a file in it with --data, such as doorbell.db",
        DataFileProblem::Missing | DataFileProblem::Empty => "name the file of a `doorbell dev --data`",
        DataFileProblem::DanglingLink => "remove the link, or name another file with --data",
        DataFileProblem::NotAFile | DataFileProblem::NotADatabase | DataFileProblem::Foreign => {
            "name another file with --data; it is created if it does not exist"
        }
        DataFileProblem::Corrupt(_) => {
            "restore it from a copy, or name another file with --data; runtimes register again, tokens are lost"
        }
        DataFileProblem::ReadOnly => "make it writable, or name another file with --data",
        DataFileProblem::InUse => "end the process that holds its lock, or name another file with --data",
        DataFileProblem::DiskFull => "free some space, or name a file on another disk with --data",
        DataFileProblem::Disk(_) => {
            "the disk may be full or damaged; name a file on another disk with --data"
        }
        DataFileProblem::Replaced => "start the server again; writes since then are lost",
        DataFileProblem::NotCreated(_) | DataFileProblem::NotOpened(_) => {
            "check that its directory exists and that you may write there"
        }
    }
}

fn api_hint(error: &ClientError) -> Option<&'static str> {
    let (status, error) = match error {
        ClientError::Api { status, error } => (status, error),
        ClientError::UnusableList { .. } => return Some("--workspace lists the runtimes of one workspace"),
        _ => {
            return Some(
                "`doorbell dev` serves it on this machine; --url or DOORBELL_URL name another server",
            );
        }
    };
    match (*status, error.as_str()) {
        (401, _) => Some(TOKEN),
        (403, _) => Some(
            "`doorbell daemon` takes a token with the scope daemon, `token` and `enrol` one with admin, other commands one with user",
        ),
        (404, "workspace not found") => {
            Some("check --workspace or DOORBELL_WORKSPACE, and whose the token is")
        }
        (404, "enrolment not found") => Some(CODE),
        (404, "runtime not found") => Some(RUNTIMES),
        (404, "token not found") => Some("`doorbell token list` lists the tokens of a workspace"),
        (404, "unknown kind") => Some(KINDS),
        (404, "not found") => Some("the server may be older than this command, without requests of any kind"),
        (409, "idempotency key was used for another request") => Some("give another --idempotency-key"),
        (409, "too many runtimes in this workspace") => Some("`doorbell forget` removes runtimes"),
        (503, "runtime is offline") => Some("start `doorbell daemon` on its machine"),
        (503, "server is busy" | "too many registrations for this token") => {
            Some("try again in a few seconds")
        }
        (429, _) => Some("wait a few seconds before ringing it again"),
        _ => None,
    }
}
