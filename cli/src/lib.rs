//! The command `doorbell`, as a library so that tests can serve the API in their own process.
//!
//! | module | does |
//! |---|---|
//! | [`arguments`] | what can be typed |
//! | [`commands`] | what it does |
//! | [`client`] | rings, polls and lists, as a person's client does |
//! | [`gateway`] | the functions behind a local API Gateway |
//! | [`output`] | tables, spinners, errors |

pub mod arguments;
pub mod client;
pub mod commands;
pub mod gateway;
pub mod output;
