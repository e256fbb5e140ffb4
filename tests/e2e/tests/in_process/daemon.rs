//! The daemon and the API client against a scripted server, in virtual time.

mod changing_agents;
mod client;
mod failures;
mod fixtures;
mod fleet;
mod fleet_outage;
mod heartbeats;
mod kinds;
mod outages;
mod progress;
mod push;
mod questions;
mod registration;
mod reports;
mod requests;
mod resumes;
mod shutdown;
mod user_client;
mod work;
