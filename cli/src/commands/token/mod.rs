//! `doorbell token`: creates, lists and revokes opaque tokens, with the API or, with `--store`, directly in the table.

mod http;
mod table;

use doorbell_protocol::{IssuedToken, Scope};
use doorbell_shared::token_id::TokenId;

use super::CommandError;
use crate::arguments::{self, TokenAction};
use crate::output;

pub(super) async fn run(arguments: arguments::Token) -> Result<(), CommandError> {
    let table = arguments.table.used();
    match arguments.action {
        TokenAction::Create(arguments) => {
            let json = arguments.json;
            let scope = arguments.scope;
            let is_unbound = scope == Scope::Daemon && arguments.daemon_id.is_none();
            // As the API, which would call it an invalid daemon id.
            if scope != Scope::Daemon && arguments.daemon_id.is_some() {
                return Err(CommandError::UnboundScope { scope });
            }
            let issued = match &table {
                Some(table) => table::create(table, arguments).await?,
                None => http::create(arguments).await?,
            };
            print_issued(&issued, json);
            if is_unbound {
                output::note(
                    "Any machine can use it for any daemon of the workspace. `doorbell enrol` makes a code, which gives one \
                     machine a token of its own.",
                );
            }
            Ok(())
        }
        TokenAction::List(arguments) => {
            let tokens = match &table {
                Some(table) => table::list(table, arguments.workspace).await?,
                None => http::list(&arguments).await?,
            };
            if arguments.json {
                output::json(&tokens);
            } else if tokens.is_empty() {
                output::note("no tokens; create one with `doorbell token create`");
            } else {
                output::line(output::tokens(&tokens));
            }
            Ok(())
        }
        TokenAction::Revoke(arguments) => match &table {
            Some(table) => table::revoke(table, arguments).await,
            None => http::revoke(&arguments).await,
        },
    }
}

/// Prints the token alone on standard output, for scripts.
fn print_issued(issued: &IssuedToken, json: bool) {
    if json {
        output::json(issued);
    } else {
        output::line(&issued.token);
        output::note(format!("This is token {}. It is not shown again.", output::plain(&issued.info.id)));
    }
}

fn print_revoked(id: TokenId) {
    output::note(format!("Token {id} is revoked. API Gateway may accept it for AuthorizerCacheSeconds."));
}
