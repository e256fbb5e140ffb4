//! `doorbell token` directly in the table.
//!
//! A created and a revoked token are logged at INFO, which this command shows by default: nothing else records these events.

use std::collections::BTreeSet;

use doorbell_gateway::WORKSPACE_A;
use doorbell_protocol::{IssuedToken, TokenInfo, WorkspaceId};
use doorbell_shared::access::{Workspaces, loggable};
use doorbell_shared::aws;
use doorbell_shared::clock::{Clock, SystemClock};
use doorbell_shared::id_gen;
use doorbell_shared::push::{Closed, close_connections};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::{FindTokenOutcome, RevokeOutcome, TokenStore};
use doorbell_shared::token::{Token, TokenHash, TokenRecord};
use reqwest::Url;

use super::print_revoked;
use crate::arguments::{TableArgs, TokenCreate, TokenRevoke};
use crate::commands::{CommandError, table};
use crate::output;

pub(super) async fn create(table: &TableArgs, arguments: TokenCreate) -> Result<IssuedToken, CommandError> {
    let store = table::open(table).await?;
    let now = SystemClock.now();
    let given = arguments.workspaces;
    let workspaces = Workspaces::new(if given.is_empty() { vec![or_dev(None)?] } else { given })?;
    let token = id_gen::token(arguments.scope).map_err(std::io::Error::from)?;
    let record = TokenRecord {
        hash: token.hash(),
        subject: arguments.subject,
        scopes: BTreeSet::from([arguments.scope]),
        workspaces,
        created_at: now,
        expires_at: arguments.expires.map(|lifetime| now + lifetime),
        last_four: token.last_four(),
        daemon_id: arguments.daemon_id,
        last_used_at: None,
    };
    store.issue_token(&record).await.map_err(CommandError::Table)?;
    log_event("token created", &record);
    Ok(IssuedToken { info: info(&record), token: token.reveal().to_owned() })
}

/// The given workspace, or that of `doorbell dev`.
fn or_dev(workspace: Option<WorkspaceId>) -> Result<WorkspaceId, CommandError> {
    workspace.map_or_else(|| Ok(WORKSPACE_A.parse()?), Ok)
}

/// The tokens of a workspace, oldest first.
pub(super) async fn list(
    table: &TableArgs,
    workspace: Option<WorkspaceId>,
) -> Result<Vec<TokenInfo>, CommandError> {
    let store = table::open_existing(table).await?;
    let mut records = tokens(&store, or_dev(workspace)?).await?;
    records.sort_by_key(|record| (record.created_at, record.hash));
    Ok(records.iter().map(info).collect())
}

pub(super) async fn revoke(table: &TableArgs, arguments: TokenRevoke) -> Result<(), CommandError> {
    let store = &table::open_existing(table).await?;
    let workspace = or_dev(arguments.workspace)?;
    let hash = resolve(store, workspace, &arguments.revoked).await?;
    // For the log only, so a failure does not prevent the revocation.
    let found = store.find_token(hash, SystemClock.now()).await;
    match store.revoke_token(workspace, hash).await.map_err(CommandError::Table)? {
        RevokeOutcome::Revoked => {
            let id = hash.id();
            match found {
                Ok(FindTokenOutcome::Found(record)) => log_event("token revoked", &record),
                // The token has expired, has too many workspaces, or could not be read.
                _ => tracing::info!(token_id = %id, "token revoked"),
            }
            print_revoked(id);
            disconnect(store, hash, arguments.push_endpoint).await
        }
        RevokeOutcome::NotFound => Err(CommandError::NoSuchToken),
    }
}

/// Closes the connections of a revoked token to the push channel.
async fn disconnect(
    store: &DynamoDbStore,
    hash: TokenHash,
    push_endpoint: Option<Url>,
) -> Result<(), CommandError> {
    let connections = store.find_token_connections(hash).await.map_err(CommandError::Table)?;
    if connections.is_empty() {
        return Ok(());
    }
    let Some(endpoint) = push_endpoint else {
        output::note(
            "Its daemons may stay connected to the push channel for up to 24 hours, without access to the API. Revoke with \
             --push-endpoint to close the connections.",
        );
        return Ok(());
    };
    let push = aws::push(endpoint.as_str().trim_end_matches('/')).await;
    let Closed { closed, failures } = close_connections(&push, connections).await;
    output::note(format!("Closed connections: {closed}."));
    failures.into_iter().next().map_or(Ok(()), |error| Err(CommandError::Disconnect(error)))
}

/// The event of a token, without the token.
fn log_event(event: &'static str, record: &TokenRecord) {
    let list = |items: Vec<String>| items.join(" ");
    tracing::info!(
        token_id = %record.hash.id(),
        subject = loggable(record.subject.as_str()),
        scopes = list(record.scopes.iter().map(ToString::to_string).collect()),
        workspaces = list(record.workspaces.iter().map(|workspace| workspace.to_string()).collect()),
        "{event}"
    );
}

/// The token itself, its full id, or the beginning of its id, which must be unique in the workspace.
async fn resolve(
    store: &DynamoDbStore,
    workspace: WorkspaceId,
    name: &str,
) -> Result<TokenHash, CommandError> {
    if let Some(token) = Token::parse(name) {
        return Ok(token.hash());
    }
    // A token with too many workspaces is not listed.
    if let Ok(hash) = name.parse() {
        return Ok(hash);
    }
    let records = tokens(store, workspace).await?;
    let mut matches =
        records.iter().map(|record| record.hash).filter(|hash| hash.to_string().starts_with(name));
    match (matches.next(), matches.next()) {
        (Some(hash), None) if !name.is_empty() => Ok(hash),
        (Some(_), Some(_)) => Err(CommandError::AmbiguousToken),
        _ => Err(CommandError::NoSuchToken),
    }
}

async fn tokens(store: &DynamoDbStore, workspace: WorkspaceId) -> Result<Vec<TokenRecord>, CommandError> {
    store.list_tokens(workspace, SystemClock.now()).await.map_err(CommandError::Table)
}

/// The record as the API shows it.
fn info(record: &TokenRecord) -> TokenInfo {
    TokenInfo {
        id: record.hash.id().to_string(),
        subject: record.subject.as_str().to_owned(),
        scopes: record.scopes.iter().copied().collect(),
        workspaces: record.workspaces.iter().collect(),
        daemon_id: record.daemon_id.as_ref().map(|id| id.as_str().to_owned()),
        created_at: record.created_at,
        expires_at: record.expires_at,
        last_four: record.last_four.clone(),
        last_used_at: record.last_used_at,
    }
}
