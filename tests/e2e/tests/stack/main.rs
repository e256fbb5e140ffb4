//! A deployed stack from outside: API Gateway, authorizer, functions and table. The environment names it
//! (`doorbell_test_support::stack`).
//!
//! Every test makes its own runtimes, so all run at once and on a stack in use. Time is real; most tests wait, so run more
//! threads than there are cores.
//!
//! | part | `--skip` it where |
//! |---|---|
//! | `load::` | a call takes longer than a second |
//! | `origins::` | the stack allows neither `https://app.example` nor any origin |
//! | `push::off::` | the stack has a push channel |
//! | `push::unreachable::` | it has none, or one that can be reached |
//! | `command::` | the command or the table cannot be used |
//! | `rate_limit::` | the table cannot be reached |
//! | `ttl::` | the table cannot be reached, or TTL takes longer than 90 s (DynamoDB deletes within days) |
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod command;
mod enrolment;
mod load;
mod origins;
mod push;
mod rate_limit;
mod smoke;
#[path = "../support/mod.rs"]
mod support;
mod ttl;

mod contract {
    doorbell_test_support::contract_suite!(
        [#[ignore = "needs a deployed stack: localstack/test.sh"]] doorbell_test_support::contract::Target::deployed
    );
}
