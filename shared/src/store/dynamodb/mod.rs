//! The promises on one DynamoDB table, through the AWS SDK.
//!
//! Every transition is one conditional write: where a read comes first, the write has the state that was read for its
//! condition. `keys` has the layout, `items`, `stored_result` and `tokens` the stored shapes, and each operation a file of its
//! own with its conditions spelled out.
//!
//! **Ambiguous writes.** The SDK retries: a first try may have been applied and its answer lost, and the retry then
//! fails its own condition. So every conditional write leaves something of its own in the item (the request's id, the
//! claim's id, the outcome itself), a refused write asks for the item as it stands, and finding our own mark there is
//! success.

pub mod table;

#[cfg(any(feature = "connect", feature = "lambda"))]
pub mod connect;
#[cfg(feature = "embedded")]
pub mod embedded;

mod claim;
mod deregister;
mod error;
mod expressions;
mod heartbeat;
mod initiate;
mod items;
mod keys;
mod listings;
mod look;
mod poll;
mod register;
mod report;
mod runtimes;
mod stored_result;
mod tokens;

use aws_sdk_dynamodb::Client;

/// A table, and the client that reaches it. A clone is another handle on the same one.
#[derive(Clone, Debug)]
pub struct DynamoDbStore {
    client: Client,
    table: String,
}

impl DynamoDbStore {
    /// The store on an existing `table`. Makes no call.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }
}

/// The SDK's defaults as of this date, rather than whatever the newest crate brings.
pub(crate) fn behavior() -> aws_sdk_dynamodb::config::BehaviorVersion {
    aws_sdk_dynamodb::config::BehaviorVersion::v2026_01_12()
}
