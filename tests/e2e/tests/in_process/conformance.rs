//! The conformance suite on every store.

use doorbell_shared::conformance_suite;
use doorbell_shared::store::conformance::Replicas;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::dynamodb::{DynamoDbStore, table};
use doorbell_shared::store::memory::MemoryStore;

async fn memory_replicas() -> Replicas<MemoryStore> {
    let replica_a = MemoryStore::default();
    Replicas { replica_b: replica_a.clone(), replica_a }
}

async fn embedded_replicas() -> Replicas<DynamoDbStore> {
    let engine = EmbeddedDynamoDb::start().await.expect("the engine starts");
    Replicas { replica_a: engine.store(), replica_b: engine.store() }
}

/// Two clients of the endpoint that `DOORBELL_TEST_ENDPOINT` names, with credentials and region from the environment.
async fn endpoint_replicas() -> Replicas<DynamoDbStore> {
    let endpoint = std::env::var("DOORBELL_TEST_ENDPOINT").expect("DOORBELL_TEST_ENDPOINT names an endpoint");
    let client = async || {
        let config = doorbell_shared::aws::dynamodb().await.config().to_builder().endpoint_url(&endpoint);
        aws_sdk_dynamodb::Client::from_conf(config.build())
    };
    let client_a = client().await;
    let client_b = client().await;
    table::ensure(&client_a, TABLE).await.expect("the table exists or can be created");
    Replicas {
        replica_a: DynamoDbStore::new(client_a, TABLE),
        replica_b: DynamoDbStore::new(client_b, TABLE),
    }
}

const TABLE: &str = "doorbell-conformance";

mod memory {
    super::conformance_suite!([] crate::conformance::memory_replicas);
}

mod embedded {
    super::conformance_suite!([] crate::conformance::embedded_replicas);
}

mod endpoint {
    super::conformance_suite!([#[ignore = "needs DOORBELL_TEST_ENDPOINT"]] crate::conformance::endpoint_replicas);
}
