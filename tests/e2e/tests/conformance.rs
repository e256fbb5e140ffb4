//! The conformance suite, on every store there is.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use doorbell_shared::conformance_suite;
use doorbell_shared::store::conformance::Replicas;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::dynamodb::{DynamoDbStore, connect, table};
use doorbell_shared::store::memory::MemoryStore;

async fn memory_replicas() -> Replicas<MemoryStore> {
    let here = MemoryStore::default();
    Replicas { there: here.clone(), here }
}

async fn embedded_replicas() -> Replicas<DynamoDbStore> {
    let engine = EmbeddedDynamoDb::start().await.expect("the engine starts");
    Replicas { here: engine.store(), there: engine.store() }
}

/// Two clients of the endpoint that `DOORBELL_TEST_ENDPOINT` names, with the credentials and region of the environment.
async fn endpoint_replicas() -> Replicas<DynamoDbStore> {
    let endpoint = std::env::var("DOORBELL_TEST_ENDPOINT").expect("DOORBELL_TEST_ENDPOINT names an endpoint");
    let client = async || {
        let config = connect::from_environment().await.config().to_builder().endpoint_url(&endpoint);
        aws_sdk_dynamodb::Client::from_conf(config.build())
    };
    let (here, there) = (client().await, client().await);
    table::ensure(&here, TABLE).await.expect("the endpoint has the table, or makes it");
    Replicas { here: DynamoDbStore::new(here, TABLE), there: DynamoDbStore::new(there, TABLE) }
}

const TABLE: &str = "doorbell-conformance";

mod memory {
    super::conformance_suite!([] crate::memory_replicas);
}

mod embedded {
    super::conformance_suite!([] crate::embedded_replicas);
}

mod endpoint {
    super::conformance_suite!([#[ignore = "needs DOORBELL_TEST_ENDPOINT"]] crate::endpoint_replicas);
}
