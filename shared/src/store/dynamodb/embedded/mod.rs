//! DynamoDB inside the process: the real SDK, with its retries and our real expressions, on an engine behind its HTTP
//! connector. No socket and no credentials.
//!
//! The engine deletes what TTL names only when [`EmbeddedDynamoDb::sweep_ttl`] is called, as DynamoDB itself deletes
//! when it gets round to it. A [`Tap`] on the connector sees every call, counts it, delays it, changes it, refuses it or loses
//! its answer.

mod connector;
mod dispatch;
mod tap;

use std::path::Path;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Config, Region};
use dynoxide::Database;

pub use dispatch::Answer;
pub use tap::{Call, Failure, Meter, Passage, Tap};

use super::{DynamoDbStore, behavior, table};
use crate::store::{Result, StoreError};
use connector::Connector;
use dispatch::{dispatch, operation};

/// The table that [`EmbeddedDynamoDb::store`] is on.
pub const TABLE: &str = "doorbell";

/// The header of a call that names its operation.
pub const TARGET_HEADER: &str = "x-amz-target";

/// What DynamoDB says of its answers' bodies.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// An engine, in memory or on a file. A clone is the same engine.
#[derive(Clone)]
pub struct EmbeddedDynamoDb(Database);

impl EmbeddedDynamoDb {
    /// A new engine in memory with an empty [`TABLE`].
    pub async fn start() -> Result<Self> {
        let engine = Self(Database::memory().map_err(|_| unavailable("start"))?);
        table::ensure(&engine.client(None), TABLE).await?;
        Ok(engine)
    }

    /// The engine that keeps its table in the file at `path`, made where it does not exist. Several processes may use one
    /// file at once.
    pub async fn open(path: &Path) -> Result<Self> {
        let path = path.to_str().ok_or_else(|| unavailable("open a file whose name is not UTF-8"))?;
        let engine = Self(Database::new(path).map_err(|_| unavailable("open the file"))?);
        table::ensure(&engine.client(None), TABLE).await?;
        Ok(engine)
    }

    /// A store on the engine's table. Two of them are two replicas: they share nothing but the table.
    pub fn store(&self) -> DynamoDbStore {
        DynamoDbStore::new(self.client(None), TABLE)
    }

    /// A store whose every call passes through `tap`.
    pub fn store_through(&self, tap: Arc<dyn Tap>) -> DynamoDbStore {
        DynamoDbStore::new(self.client(Some(tap)), TABLE)
    }

    /// An SDK client of the engine, for what a store does not offer.
    pub fn client(&self, tap: Option<Arc<dyn Tap>>) -> Client {
        let config = Config::builder()
            .behavior_version(behavior())
            .region(Region::from_static("embedded"))
            .endpoint_url("http://embedded.invalid")
            .allow_no_auth()
            .http_client(Connector::new(self.0.clone(), tap));
        Client::from_conf(config.build())
    }

    /// What DynamoDB answers a call with this [`TARGET_HEADER`] and `body`: for a server in front of the engine, where a
    /// function runs in a process of its own. Nobody's signature is checked.
    pub fn answer(&self, target: &str, body: &[u8]) -> Answer {
        dispatch(&self.0, operation(target), body, false)
    }

    /// Deletes what TTL names by the machine's clock, and says how many items that were. Blocks meanwhile.
    pub fn sweep_ttl(&self) -> Result<usize> {
        self.0.sweep_ttl().map_err(|_| unavailable("sweep"))
    }
}

fn unavailable(operation: &'static str) -> StoreError {
    StoreError { operation, detail: "the embedded engine failed".to_owned() }
}
