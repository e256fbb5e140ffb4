//! Fault injection: each operation, each of its calls, each fault, once and lasting.
//!
//! An operation that returns an outcome returns the one without faults, and leaves the same items. After an error, a retry
//! does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Fault, ServiceError, TABLE};

use crate::store_faults::injector::{FaultInjector, HideStoredItem, PlannedFault, Rewrite, Unchanged};
use crate::store_faults::operations::{Operation, operations};
use crate::store_faults::stage::Stage;

/// The timeout of the functions.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const SLOW: Duration = Duration::from_secs(3);

const FAULTS: [(&str, Fault); 8] = [
    ("connection closed before", Fault::Unreachable),
    ("throttled", Fault::Rejected(ServiceError::Throttled)),
    ("500 before", Fault::Rejected(ServiceError::Internal)),
    ("too slow before", Fault::Delayed(SLOW)),
    ("response lost", Fault::ResponseLost),
    ("response cut", Fault::ResponseCut),
    ("500 after", Fault::ResponseReplaced(ServiceError::Internal)),
    ("too slow after", Fault::ResponseDelayed(SLOW)),
];

/// The fault after which a retried write finds its own first try.
const RESPONSE_LOST: [(&str, Fault); 1] = [("response lost", Fault::ResponseLost)];

/// A store behind `injector`, with the timeouts of the functions.
fn store_with_interceptor(engine: &EmbeddedDynamoDb, injector: &Arc<FaultInjector>) -> DynamoDbStore {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    let injector = Arc::<FaultInjector>::clone(injector);
    let config = engine.client(Some(injector)).config().to_builder().timeout_config(timeouts);
    DynamoDbStore::new(Client::from_conf(config.build()), TABLE)
}

/// The result of an operation and the state it leaves.
#[derive(Debug, PartialEq)]
struct Observation {
    outcome: String,
    state: Vec<String>,
}

/// Runs the operation, and after an error once more without fault.
async fn observe(
    engine: &EmbeddedDynamoDb,
    operation: Operation,
    injector: &Arc<FaultInjector>,
    rewrite: &Arc<dyn Rewrite>,
) -> Observation {
    let stage = Arc::new(Stage::new(engine, operation.before).await);
    let run = |store| (operation.run)(Arc::clone(&stage), store, operation.second);
    let outcome = match run(store_with_interceptor(engine, injector)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let healthy = Arc::new(FaultInjector::new(None, Arc::clone(rewrite)));
            run(store_with_interceptor(engine, &healthy)).await.unwrap_or_else(|error| error.to_string())
        }
    };
    Observation { outcome, state: stage.observe(stage.context.at(operation.second)).await }
}

/// The faults of one operation and the wrong observations.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    calls: usize,
    pub(crate) tried: usize,
    /// Retries whose condition failed because of their own first try.
    pub(crate) retries_rejected: usize,
    pub(crate) wrong: Vec<String>,
}

/// Injects each of `faults` into each call of `operation`.
pub(crate) async fn findings(
    engine: &EmbeddedDynamoDb,
    operation: Operation,
    faults: &[(&str, Fault)],
    rewrite: &Arc<dyn Rewrite>,
) -> Findings {
    let counter = Arc::new(FaultInjector::new(None, Arc::new(Unchanged)));
    let expected = observe(engine, operation, &counter, rewrite).await;
    let mut findings = Findings { calls: counter.calls(), ..Findings::default() };
    for nth in 0..findings.calls {
        for (name, fault) in faults {
            for lasting in [false, true] {
                let planned = PlannedFault { nth, fault: *fault, lasting };
                let injector = Arc::new(FaultInjector::new(Some(planned), Arc::clone(rewrite)));
                let found = observe(engine, operation, &injector, rewrite).await;
                findings.tried += 1;
                findings.retries_rejected += injector.retries_rejected();
                if found != expected {
                    findings
                        .wrong
                        .push(format!("call {nth}, {name}, lasting {lasting}: {found:?}, not {expected:?}"));
                }
            }
        }
    }
    findings
}

#[tokio::test(start_paused = true)]
async fn outcome_is_right_after_any_fault() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    println!("{:<28} {:>5} {:>6} {:>18}", "operation", "calls", "faults", "met its own write");
    let mut total = 0;
    for operation in operations() {
        let rewrite: Arc<dyn Rewrite> = Arc::new(Unchanged);
        let findings = findings(&engine, operation, &FAULTS, &rewrite).await;
        let Findings { calls, tried, retries_rejected, wrong } = findings;
        println!("{:<28} {calls:>5} {tried:>6} {retries_rejected:>18}", operation.name);
        assert_eq!(wrong, [] as [String; 0], "{}", operation.name);
        total += tried;
    }
    println!("{total} faults, no wrong outcome");
}

/// Proves that the test above detects a missing idempotency token.
#[tokio::test(start_paused = true)]
async fn retry_without_idempotency_token_is_wrong() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let mut detected = BTreeMap::new();
    for operation in operations() {
        let visible: Arc<dyn Rewrite> = Arc::new(Unchanged);
        let hidden: Arc<dyn Rewrite> = Arc::new(HideStoredItem);
        let with = findings(&engine, operation, &RESPONSE_LOST, &visible).await;
        let without = findings(&engine, operation, &RESPONSE_LOST, &hidden).await;
        if with.retries_rejected > 0 {
            println!(
                "{:<28} {:>3} wrong outcomes without idempotency token",
                operation.name,
                without.wrong.len()
            );
            detected.insert(operation.name, !without.wrong.is_empty());
        }
    }
    assert_eq!(detected.len(), 30, "{detected:?}");
    assert!(detected.values().all(|detected| *detected), "{detected:?}");
}
