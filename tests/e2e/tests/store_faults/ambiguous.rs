//! Every operation, every call that it makes, everything that can become of that call: once, and from then on.
//!
//! An operation that answers must answer as if nothing had gone wrong, and leave behind what it leaves behind then. One that
//! says that it cannot say may be asked again, and then the same holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Failure, Fault, TABLE};

use crate::operations::{Operation, operations};
use crate::stage::Stage;
use crate::taps::{Alter, AsItIs, Fault, Faulty, HiddenMarks};

/// As the functions have it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const SLOW: Duration = Duration::from_secs(3);

const FAULTS: [(&str, Fault); 8] = [
    ("connection closed before", Fault::Unreachable),
    ("throttled", Fault::Rejected(ServiceError::Throttled)),
    ("500 before", Fault::Rejected(ServiceError::Internal)),
    ("too slow before", Fault::Delayed(SLOW)),
    ("answer lost", Fault::ResponseLost),
    ("answer cut short", Fault::ResponseCut),
    ("500 after", Fault::ResponseReplaced(ServiceError::Internal)),
    ("too slow after", Fault::ResponseDelayed(SLOW)),
];

/// What may make a write meet itself.
const AFTER: [(&str, Fault); 1] = [("answer lost", Fault::ResponseLost)];

/// A store whose calls go through `tap`, with the time-outs of the functions.
fn store_with_interceptor(engine: &EmbeddedDynamoDb, tap: &Arc<Faulty>) -> DynamoDbStore {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    let tap = Arc::<Faulty>::clone(tap);
    let config = engine.client(Some(tap)).config().to_builder().timeout_config(timeouts);
    DynamoDbStore::new(Client::from_conf(config.build()), TABLE)
}

/// What an operation answered and left behind.
#[derive(Debug, PartialEq)]
struct Story {
    answer: String,
    seen: Vec<String>,
}

/// Asks once; and where the store could not say, once more without fault.
async fn story(
    engine: &EmbeddedDynamoDb,
    operation: Operation,
    tap: &Arc<Faulty>,
    alter: &Arc<dyn Alter>,
) -> Story {
    let stage = Arc::new(Stage::new(engine, operation.before).await);
    let ask = |store| (operation.ask)(Arc::clone(&stage), store, operation.second);
    let answer = match ask(store_with_interceptor(engine, tap)).await {
        Ok(answer) => answer,
        Err(_) => {
            let healthy = Arc::new(Faulty::new(None, Arc::clone(alter)));
            ask(store_with_interceptor(engine, &healthy)).await.unwrap_or_else(|error| error.to_string())
        }
    };
    Story { answer, seen: stage.seen(stage.scene.at(operation.second)).await }
}

/// What was tried of one operation, and what went wrong.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    calls: usize,
    pub(crate) tried: usize,
    /// Retries that their own first try had made fail.
    pub(crate) refused_by_itself: usize,
    pub(crate) wrong: Vec<String>,
}

/// Tries each of `faults` on each call of `operation`.
pub(crate) async fn findings(
    engine: &EmbeddedDynamoDb,
    operation: Operation,
    faults: &[(&str, Fault)],
    alter: &Arc<dyn Alter>,
) -> Findings {
    let untouched = Arc::new(Faulty::new(None, Arc::new(AsItIs)));
    let expected = story(engine, operation, &untouched, alter).await;
    let mut findings = Findings { calls: untouched.calls(), ..Findings::default() };
    for nth in 0..findings.calls {
        for (name, passage) in faults {
            for lasting in [false, true] {
                let fault = Fault { nth, passage: *passage, lasting };
                let tap = Arc::new(Faulty::new(Some(fault), Arc::clone(alter)));
                let found = story(engine, operation, &tap, alter).await;
                findings.tried += 1;
                findings.refused_by_itself += tap.refused_by_itself();
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
async fn whatever_becomes_of_a_call_the_outcome_is_right() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    println!("{:<28} {:>5} {:>6} {:>18}", "operation", "calls", "faults", "met its own write");
    let mut total = 0;
    for operation in operations() {
        let alter: Arc<dyn Alter> = Arc::new(AsItIs);
        let findings = findings(&engine, operation, &FAULTS, &alter).await;
        let Findings { calls, tried, refused_by_itself, wrong } = findings;
        println!("{:<28} {calls:>5} {tried:>6} {refused_by_itself:>18}", operation.name);
        assert_eq!(wrong, [] as [String; 0], "{}", operation.name);
        total += tried;
    }
    println!("{total} faults, no wrong outcome");
}

/// Without the marks, each operation that may meet its own write tells a wrong story; so the suite above would notice.
#[tokio::test(start_paused = true)]
async fn without_its_mark_a_write_that_was_applied_is_not_recognised() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let mut noticed = BTreeMap::new();
    for operation in operations() {
        let (marks, hidden): (Arc<dyn Alter>, Arc<dyn Alter>) = (Arc::new(AsItIs), Arc::new(HiddenMarks));
        let with = findings(&engine, operation, &AFTER, &marks).await;
        let without = findings(&engine, operation, &AFTER, &hidden).await;
        if with.refused_by_itself > 0 {
            println!("{:<28} {:>3} wrong outcomes without its mark", operation.name, without.wrong.len());
            noticed.insert(operation.name, !without.wrong.is_empty());
        }
    }
    assert_eq!(noticed.len(), 9, "{noticed:?}");
    assert!(noticed.values().all(|noticed| *noticed), "{noticed:?}");
}
