//! `doorbell token`: creates, lists and revokes opaque tokens, directly in the table.
//!
//! A created and a revoked token are logged at INFO, which this command shows by default: nothing else records these events.

use std::collections::BTreeSet;

use doorbell_protocol::WorkspaceId;
use doorbell_shared::access::{Workspaces, loggable};
use doorbell_shared::aws;
use doorbell_shared::clock::{Clock, SystemClock};
use doorbell_shared::id_gen;
use doorbell_shared::push::Push as _;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::{FindTokenOutcome, RevokeOutcome, TokenStore};
use doorbell_shared::token::{Token, TokenHash, TokenRecord};
use futures_util::{StreamExt as _, stream};
use reqwest::Url;
use serde_json::{Value, json};

use super::{CommandError, table};
use crate::arguments::{self, TokenAction};
use crate::output;

/// A token may serve hundreds of daemons, and a call takes a round trip.
const PARALLEL_DISCONNECTS: usize = 10;

pub(super) async fn run(arguments: arguments::Token) -> Result<(), CommandError> {
    let table = arguments.table;
    match arguments.action {
        TokenAction::Create(arguments) => create(&table::open(&table).await?, arguments).await,
        TokenAction::List(arguments) => list(&table::open_existing(&table).await?, arguments).await,
        TokenAction::Revoke(arguments) => revoke(&table::open_existing(&table).await?, arguments).await,
    }
}

/// Prints the token alone on standard output, for scripts.
async fn create(store: &DynamoDbStore, arguments: arguments::TokenCreate) -> Result<(), CommandError> {
    let now = SystemClock.now();
    let workspaces = Workspaces::new(arguments.workspaces)?;
    let token = id_gen::token(arguments.scope).map_err(std::io::Error::from)?;
    let record = TokenRecord {
        hash: token.hash(),
        subject: arguments.subject,
        scopes: BTreeSet::from([arguments.scope]),
        workspaces,
        created_at: now,
        expires_at: arguments.expires.map(|lifetime| now + lifetime),
        last_four: token.last_four(),
        daemon_id: None,
        last_used_at: None,
    };
    store.issue_token(&record).await.map_err(CommandError::Table)?;
    log_event("token created", &record);
    if arguments.json {
        let mut json = to_json(&record);
        json["token"] = token.reveal().into();
        output::json(&json);
    } else {
        output::line(token.reveal());
        output::note(format!("This is token {}. It is not shown again.", record.hash.id()));
    }
    Ok(())
}

async fn list(store: &DynamoDbStore, arguments: arguments::TokenList) -> Result<(), CommandError> {
    let mut records = tokens(store, arguments.workspace).await?;
    records.sort_by_key(|record| (record.created_at, record.hash));
    if arguments.json {
        output::json(&records.iter().map(to_json).collect::<Vec<_>>());
    } else if records.is_empty() {
        output::note("no tokens; create one with `doorbell token create`");
    } else {
        output::line(output::tokens(&records));
    }
    Ok(())
}

async fn revoke(store: &DynamoDbStore, arguments: arguments::TokenRevoke) -> Result<(), CommandError> {
    let hash = resolve(store, arguments.workspace, &arguments.token).await?;
    // For the log only, so a failure does not prevent the revocation.
    let found = store.find_token(hash, SystemClock.now()).await;
    match store.revoke_token(arguments.workspace, hash).await.map_err(CommandError::Table)? {
        RevokeOutcome::Revoked => {
            let id = hash.id();
            match found {
                Ok(FindTokenOutcome::Found(record)) => log_event("token revoked", &record),
                // The token has expired, has too many workspaces, or could not be read.
                _ => tracing::info!(token_id = %id, "token revoked"),
            }
            output::note(format!(
                "Token {id} is revoked. API Gateway may accept it for AuthorizerCacheSeconds."
            ));
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
    let closed: Vec<_> = stream::iter(connections)
        .map(|client| {
            let push = &push;
            async move { push.disconnect(&client).await }
        })
        .buffer_unordered(PARALLEL_DISCONNECTS)
        .collect()
        .await;
    let (closed, failed): (Vec<_>, Vec<_>) = closed.into_iter().partition(Result::is_ok);
    output::note(format!("Closed connections: {}.", closed.len()));
    failed.into_iter().find_map(Result::err).map_or(Ok(()), |error| Err(CommandError::Disconnect(error)))
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

fn to_json(record: &TokenRecord) -> Value {
    let mut json = json!({
        "id": record.hash.to_string(),
        "last_four": record.last_four,
        "subject": record.subject.as_str(),
        "scopes": record.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "workspaces": record.workspaces.iter().collect::<Vec<_>>(),
        "created_at": record.created_at,
    });
    if let Some(expires_at) = record.expires_at {
        json["expires_at"] = json!(expires_at);
    }
    if let Some(last_used_at) = record.last_used_at {
        json["last_used_at"] = json!(last_used_at);
    }
    json
}
