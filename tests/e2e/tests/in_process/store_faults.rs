//! The DynamoDB store under faults, and with wrong conditions.
//!
//! | module | tests |
//! |---|---|
//! | `faults` | every operation, with every fault of every call, has the right outcome or an error, and a retry is safe |
//! | `races` | writes between two calls of one operation are not overwritten |
//! | `conditions` | without any clause of any condition, a suite fails |
//!
//! All work on the real traffic between SDK and table, so they include new calls and conditions. Time is virtual, so the SDK's
//! back-off and timeouts take none.
mod conditions;
mod expression;
mod faults;
mod injector;
mod operations;
mod races;
mod stage;
