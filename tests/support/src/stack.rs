//! A deployed stack, named by the environment:
//!
//! | variable | what |
//! |---|---|
//! | `DOORBELL_URL` | the API; required |
//! | `DOORBELL_USER_A`, `DOORBELL_DAEMON_A`, `DOORBELL_ADMIN_A`, `DOORBELL_WORKSPACE_A` | tokens of a user, a daemon and an administrator, and their workspace |
//! | `DOORBELL_USER_B`, `DOORBELL_DAEMON_B`, `DOORBELL_ADMIN_B`, `DOORBELL_WORKSPACE_B` | the same of another workspace |
//! | `DOORBELL_TABLE` | its table, reached by the AWS variables; required by the tests in `ttl`, `rate_limit`, `command` and `push::unreachable` |
//! | `DOORBELL_DEPLOYMENT` | the UUID in the stack's id; required by the tests in `push::unreachable` |
//!
//! Tokens and workspaces default to those of `doorbell dev`. Without the required variables a test fails, so that a skipped
//! test does not look like a passed one.

use doorbell_shared::store::dynamodb::DynamoDbStore;

use crate::client::{Client, Workspace};

/// A client of the stack.
pub fn client() -> Client {
    let [a, b] = Workspace::of_dev();
    let url = required("DOORBELL_URL");
    Client::new(url.trim_end_matches('/'), [named("A", a), named("B", b)])
}

/// The name of the stack's table.
pub fn table() -> String {
    required("DOORBELL_TABLE")
}

/// The deployment in the client ids of the stack's daemons.
pub fn deployment() -> String {
    required("DOORBELL_DEPLOYMENT")
}

/// The stack's table.
pub async fn store() -> DynamoDbStore {
    let table = table();
    DynamoDbStore::new(doorbell_shared::aws::dynamodb().await, table)
}

fn named(letter: &str, default: Workspace) -> Workspace {
    let or = |what, default| variable(&format!("DOORBELL_{what}_{letter}")).unwrap_or(default);
    Workspace {
        id: or("WORKSPACE", default.id),
        user: or("USER", default.user),
        daemon: or("DAEMON", default.daemon),
        admin: or("ADMIN", default.admin),
    }
}

fn required(name: &str) -> String {
    variable(name).unwrap_or_else(|| panic!("{name} is not set: see tests/support/src/stack.rs"))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
