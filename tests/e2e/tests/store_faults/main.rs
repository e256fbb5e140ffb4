//! The store on DynamoDB when calls go wrong, and when its conditions are wrong.
//!
//! | module | shows |
//! |---|---|
//! | `ambiguous` | whatever becomes of any call, an operation says the truth or that it cannot say; and asking again mends it |
//! | `races` | what comes between two calls of one operation is not overwritten |
//! | `conditions` | each clause of each condition is needed: without it, one of the suites fails |
//!
//! Both go by the real traffic between the SDK and the table, so a new call or a new condition is among them by itself.
//! Time is virtual, so the SDK's back-off and time-outs take none.
#![cfg(test)]

mod ambiguous;
mod conditions;
mod expression;
mod operations;
mod races;
mod stage;
mod taps;
