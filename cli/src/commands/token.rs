//! `doorbell token`: creates, lists and revokes opaque tokens, directly in the table.

use std::collections::BTreeSet;

use doorbell_protocol::WorkspaceId;
use doorbell_shared::clock::{Clock, SystemClock};
use doorbell_shared::id_gen;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::dynamodb::{DynamoDbStore, connect};
use doorbell_shared::store::{RevokeOutcome, TokenStore};
use doorbell_shared::token::{Token, TokenHash, TokenRecord};
use serde_json::{Value, json};

use super::CommandError;
use crate::arguments::{self, TokenAction, TokenStoreKind};
use crate::output;

/// The displayed digits of a token's id: 48 bits, enough to be unique in a workspace.
const ID_DIGITS: usize = 12;

pub(super) async fn run(arguments: arguments::Token) -> Result<(), CommandError> {
    let store = match (arguments.table.store, arguments.table.data) {
        (TokenStoreKind::Embedded, Some(data)) => EmbeddedDynamoDb::open(&data).await?.store(),
        (TokenStoreKind::Embedded, None) => return Err(CommandError::NoData),
        (TokenStoreKind::Dynamodb, _) => {
            DynamoDbStore::new(connect::from_environment().await, arguments.table.table)
        }
    };
    match arguments.action {
        TokenAction::Create(arguments) => create(&store, arguments).await,
        TokenAction::List(arguments) => list(&store, arguments).await,
        TokenAction::Revoke(arguments) => revoke(&store, arguments).await,
    }
}

/// Prints the token alone on standard output, for scripts.
async fn create(store: &DynamoDbStore, arguments: arguments::TokenCreate) -> Result<(), CommandError> {
    let now = SystemClock.now();
    let token = id_gen::token(arguments.scope).map_err(std::io::Error::from)?;
    let record = TokenRecord {
        hash: token.hash(),
        subject: arguments.subject,
        scopes: BTreeSet::from([arguments.scope]),
        workspaces: arguments.workspaces.into_iter().collect(),
        created_at: now,
        expires_at: arguments.expires.map(|lifetime| now + lifetime),
        last_four: token.last_four(),
    };
    store.issue_token(&record).await.map_err(CommandError::Table)?;
    if arguments.json {
        let mut json = to_json(&record);
        json["token"] = token.reveal().into();
        output::json(&json);
    } else {
        output::line(token.reveal());
        output::note(format!("This is token {}. It is not shown again.", id(record.hash)));
    }
    Ok(())
}

async fn list(store: &DynamoDbStore, arguments: arguments::TokenList) -> Result<(), CommandError> {
    let mut records = tokens(store, arguments.workspace).await?;
    records.sort_by_key(|record| (record.created_at, record.hash));
    if arguments.json {
        output::json(&records.iter().map(to_json).collect());
    } else if records.is_empty() {
        output::note("no tokens; create one with `doorbell token create`");
    } else {
        output::line(output::tokens(&records, ID_DIGITS));
    }
    Ok(())
}

async fn revoke(store: &DynamoDbStore, arguments: arguments::TokenRevoke) -> Result<(), CommandError> {
    let hash = resolve(store, arguments.workspace, &arguments.token).await?;
    match store.revoke_token(arguments.workspace, hash).await.map_err(CommandError::Table)? {
        RevokeOutcome::Revoked => {
            output::note(format!(
                "Token {} is revoked. API Gateway may accept it for AuthorizerCacheSeconds.",
                id(hash)
            ));
            Ok(())
        }
        RevokeOutcome::NotFound => Err(CommandError::NoSuchToken),
    }
}

/// The token itself, or the beginning of its id, which must be unique in the workspace.
async fn resolve(
    store: &DynamoDbStore,
    workspace: WorkspaceId,
    name: &str,
) -> Result<TokenHash, CommandError> {
    if let Some(token) = Token::parse(name) {
        return Ok(token.hash());
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

fn id(hash: TokenHash) -> String {
    hash.to_string().chars().take(ID_DIGITS).collect()
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
    json
}
