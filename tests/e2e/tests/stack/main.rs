//! A deployed stack from outside: API Gateway, authorizer, functions and table as one, wherever they run. Which stack is
//! the environment's to say (`doorbell_test_support::stack`); what needs the real command is in the command's own tests, under the
//! same name.
//!
//! Every test has runtimes of its own, so all of them run at once and on a stack that others use. Time is real here. Most
//! tests that wait do nothing else, so give them more threads than there are cores.
//!
//! | part | `--skip` it where |
//! |---|---|
//! | `crowd::`, `pace::` | a call takes longer than a second |
//! | `origins::` | the stack lets only named origins in |
//! | `table::` | the table cannot be reached |
//! | `table::expiry::` | TTL takes its time: DynamoDB itself deletes within days |
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod crowd;
mod deadlines;
mod origins;
mod pace;
mod smoke;
mod table;

use doorbell_test_support::{Client, stack};

/// A client of the stack.
async fn deployed() -> Client {
    stack::client()
}

mod contract {
    doorbell_test_support::contract_suite!([#[ignore = "needs a deployed stack: localstack/test.sh"]] crate::deployed);
}
