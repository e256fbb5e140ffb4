//! DynamoDB inside the process: the real SDK with its retries and our real expressions, on an engine behind the SDK's HTTP
//! connector. No socket, no credentials.
//!
//! The engine deletes expired items only in [`EmbeddedDynamoDb::sweep_ttl`]. An [`Interceptor`] on the connector can record,
//! delay, change, reject or lose every call.

mod data_file;
mod engine;

use std::path::Path;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Config, Region};
use dynoxide::Database;

use data_file::{DataFile, Missing};
pub use data_file::{DataFileError, DataFileProblem};
pub use engine::{
    CONTENT_TYPE, CallRecorder, EngineResponse, Fault, Interceptor, RecordedCall, ServiceError, TARGET_HEADER,
};
use engine::{Connector, dispatch, operation};

use super::{DynamoDbStore, behavior_version, table};
use crate::store::outcome::{Result, StoreError, StoreErrorKind};

/// The table of [`EmbeddedDynamoDb::store`].
pub const TABLE: &str = "doorbell";

/// An engine in memory or on a file. Clones share it.
#[derive(Clone)]
pub struct EmbeddedDynamoDb {
    database: Database,
    file: Option<Arc<DataFile>>,
}

/// The engine does not start on a file.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    File(#[from] DataFileError),
    /// The table cannot be created. The engine's log line has the reason.
    #[error(transparent)]
    Table(#[from] StoreError),
}

impl EmbeddedDynamoDb {
    /// A new engine in memory, with an empty [`TABLE`].
    pub async fn start() -> Result<Self> {
        let database = Database::memory().map_err(|error| engine_error("start", error))?;
        Self { database, file: None }.with_table().await
    }

    /// The engine on the file at `path`. A missing file is created for access by its owner only. Several processes may share
    /// a file. Blocks while another process holds its lock, for 5 s at most.
    ///
    /// # Errors
    /// [`DataFileError`] with the reason if the file cannot be used. Nothing is written to a file of another program.
    pub async fn open(path: &Path) -> std::result::Result<Self, OpenError> {
        Self::on_file(path, Missing::Created).await
    }

    /// The same on a file that holds data: a missing or an empty one is an error, and stays as it is. The engine cannot open a file
    /// for reading only, so it must be writable.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_existing(path: &Path) -> std::result::Result<Self, OpenError> {
        Self::on_file(path, Missing::Refused).await
    }

    async fn on_file(path: &Path, missing: Missing) -> std::result::Result<Self, OpenError> {
        let (file, database) = DataFile::open(path, missing, Database::new)?;
        Ok(Self { database, file: Some(Arc::new(file)) }.with_table().await?)
    }

    async fn with_table(self) -> Result<Self> {
        table::ensure(&self.client(None), TABLE).await?;
        Ok(self)
    }

    /// Whether the file is still at its path. An engine whose file was deleted continues, and its data is lost when it ends.
    ///
    /// # Errors
    /// [`DataFileError`] if the file was deleted, moved or replaced.
    pub fn check_file(&self) -> std::result::Result<(), DataFileError> {
        self.file.as_ref().map_or(Ok(()), |file| file.check())
    }

    /// A store on the engine's table. Two stores are two replicas: they share only the table.
    pub fn store(&self) -> DynamoDbStore {
        DynamoDbStore::new(self.client(None), TABLE)
    }

    /// A store with all calls intercepted.
    pub fn store_with_interceptor(&self, interceptor: Arc<dyn Interceptor>) -> DynamoDbStore {
        DynamoDbStore::new(self.client(Some(interceptor)), TABLE)
    }

    /// An SDK client of the engine, for calls that the store does not offer.
    pub fn client(&self, interceptor: Option<Arc<dyn Interceptor>>) -> Client {
        let config = Config::builder()
            .behavior_version(behavior_version())
            .region(Region::from_static("embedded"))
            .endpoint_url("http://embedded.invalid")
            .allow_no_auth()
            .http_client(Connector::new(self.database.clone(), interceptor));
        Client::from_conf(config.build())
    }

    /// The response to a call with this [`TARGET_HEADER`] and `body`, for a server in front of the engine. Signatures are not
    /// checked.
    pub fn respond(&self, target: &str, body: &[u8]) -> EngineResponse {
        dispatch(&self.database, operation(target), body, false)
    }

    /// Deletes the items that have expired by the system clock and returns their number. Blocks.
    pub fn sweep_ttl(&self) -> Result<usize> {
        self.database.sweep_ttl().map_err(|error| engine_error("sweep TTL", error))
    }
}

fn engine_error(
    operation: &'static str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::new(operation, StoreErrorKind::Internal).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use aws_sdk_dynamodb::types::TimeToLiveStatus;

    use super::*;
    use crate::aws::timeouts;

    /// Longer than an attempt of the store may take.
    const SLOW: Duration = Duration::from_secs(3);

    #[tokio::test]
    async fn responds_as_over_http() {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let body = format!(r#"{{"TableName": "{TABLE}"}}"#);
        let response = engine.respond("DynamoDB_20120810.DescribeTable", body.as_bytes());
        assert_eq!(response.status, 200);
        assert!(response.body.contains(TABLE), "{}", response.body);
    }

    /// Applies `fault` to the first call of `operation`.
    #[derive(Debug)]
    struct FirstCall(&'static str, Fault, AtomicBool);

    impl FirstCall {
        fn of(operation: &'static str, fault: Fault) -> Arc<Self> {
            Arc::new(Self(operation, fault, AtomicBool::new(true)))
        }
    }

    impl Interceptor for FirstCall {
        fn fault(&self, operation: &str) -> Fault {
            let is_first = operation == self.0 && self.2.swap(false, Ordering::Relaxed);
            if is_first { self.1 } else { Fault::None }
        }
    }

    /// `table::ensure` on an empty engine, with the timeouts of a client for real endpoints; returns the outcome and the status of
    /// TTL.
    async fn ensure(interceptor: Arc<dyn Interceptor>) -> (Result<table::Ensured>, Option<TimeToLiveStatus>) {
        let database = Database::memory().unwrap();
        let engine = EmbeddedDynamoDb { database, file: None };
        let config = engine.client(Some(interceptor)).config().to_builder().timeout_config(timeouts());
        let ensured = table::ensure(&Client::from_conf(config.build()), TABLE).await;
        let described = engine.client(None).describe_time_to_live().table_name(TABLE).send().await;
        let described = described.ok().and_then(|described| described.time_to_live_description);
        (ensured, described.and_then(|ttl| ttl.time_to_live_status))
    }

    #[tokio::test(start_paused = true)]
    async fn lost_response_to_create_table_keeps_ttl() {
        for fault in [Fault::ResponseLost, Fault::ResponseReplaced(ServiceError::Internal)] {
            let (ensured, ttl) = ensure(FirstCall::of("CreateTable", fault)).await;
            assert_eq!(ensured.unwrap(), table::Ensured::Existed, "{fault:?}");
            assert_eq!(ttl, Some(TimeToLiveStatus::Enabled), "{fault:?}");
        }
    }

    /// DynamoDB, unlike the engine, rejects the retry: TTL is enabled already.
    #[tokio::test(start_paused = true)]
    async fn rejected_enabling_of_enabled_ttl_is_success() {
        #[derive(Debug)]
        struct RejectsRetry(FirstCall);
        impl Interceptor for RejectsRetry {
            fn fault(&self, operation: &str) -> Fault {
                match self.0.fault(operation) {
                    Fault::None if operation == "UpdateTimeToLive" => {
                        Fault::Rejected(ServiceError::AccessDenied)
                    }
                    fault => fault,
                }
            }
        }
        let lost = FirstCall("UpdateTimeToLive", Fault::ResponseLost, AtomicBool::new(true));
        let (ensured, ttl) = ensure(Arc::new(RejectsRetry(lost))).await;
        assert_eq!(ensured.unwrap(), table::Ensured::Created);
        assert_eq!(ttl, Some(TimeToLiveStatus::Enabled));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_first_call_creates_table_with_ttl() {
        for fault in [Fault::Delayed(SLOW), Fault::ResponseDelayed(SLOW)] {
            let (ensured, ttl) = ensure(FirstCall::of("CreateTable", fault)).await;
            assert_eq!(ensured.unwrap(), table::Ensured::Created, "{fault:?}");
            assert_eq!(ttl, Some(TimeToLiveStatus::Enabled), "{fault:?}");
        }
    }

    #[tokio::test]
    async fn second_start_keeps_table() {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        assert_eq!(table::ensure(&engine.client(None), TABLE).await.unwrap(), table::Ensured::Existed);
    }

    #[tokio::test]
    async fn rejects_unsupported_operation_as_invalid() {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let response = engine.respond("DynamoDB_20120810.DeleteTable", b"{}");
        assert_eq!(response.status, 400);
        assert!(response.body.contains("ValidationException"), "{}", response.body);
    }
}
