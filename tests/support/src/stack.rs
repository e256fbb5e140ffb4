//! A deployed stack, named by the environment:
//!
//! | variable | what |
//! |---|---|
//! | `DOORBELL_URL` | the API; needed |
//! | `DOORBELL_USER_A`, `DOORBELL_DAEMON_A`, `DOORBELL_WORKSPACE_A` | a person's and a daemon's token, and their workspace |
//! | `DOORBELL_USER_B`, `DOORBELL_DAEMON_B`, `DOORBELL_WORKSPACE_B` | the same in another workspace |
//! | `DOORBELL_TABLE` | the table behind it, reached as the AWS variables say; needed by the tests in `table` |
//!
//! TokenStore and workspaces default to those of `doorbell dev`. A test whose stack or table is not named fails: what did not
//! run must not look as if it had passed.

use doorbell_shared::store::dynamodb::{DynamoDbStore, connect};

use crate::client::{Client, Workspace};

/// A client of the stack.
pub fn client() -> Client {
    let [a, b] = Workspace::of_dev();
    let url = needed("DOORBELL_URL");
    Client::new(url.trim_end_matches('/'), [named("A", a), named("B", b)])
}

/// The name of the stack's table.
pub fn table() -> String {
    needed("DOORBELL_TABLE")
}

/// The stack's table.
pub async fn store() -> DynamoDbStore {
    let table = table();
    DynamoDbStore::new(connect::from_environment().await, table)
}

fn named(letter: &str, default: Workspace) -> Workspace {
    let or = |what, default| variable(&format!("DOORBELL_{what}_{letter}")).unwrap_or(default);
    Workspace {
        id: or("WORKSPACE", default.id),
        user: or("USER", default.user),
        daemon: or("DAEMON", default.daemon),
    }
}

fn needed(name: &str) -> String {
    variable(name)
        .unwrap_or_else(|| panic!("{name} is not set: see tests/src/stack.rs for what names a stack"))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
