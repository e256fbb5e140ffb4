//! What the SDK takes: on the embedded engine, beside a call of the SDK with nothing of ours around it.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use doorbell_bench::{Effort, Spread};
use doorbell_cli::gateway::WORKSPACE_A;
use doorbell_shared::lambda::Recorder;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, TABLE};

use crate::case::{CARRYING, Case};
use crate::clocked::{in_store, spent};
use crate::own::micros;
use crate::store::EngineTime;
use crate::world::World;

/// Calls that carry a large catalog are made in every so many rounds: they take as long as all others together.
const SELDOM: u32 = 10;

/// Microseconds of a call without the engine's.
pub(crate) struct WithSdk {
    pub(crate) case: Case,
    pub(crate) own: Spread,
    pub(crate) store: Spread,
    pub(crate) both: Spread,
}

/// Every case, and the bare call that was measured in turn with them.
pub(crate) struct Measured {
    pub(crate) cases: Vec<WithSdk>,
    pub(crate) bare: Spread,
}

#[derive(Default)]
struct Samples {
    own: Vec<f64>,
    store: Vec<f64>,
    both: Vec<f64>,
}

/// One call of each case and a bare one, again and again.
pub(crate) async fn measure(effort: Effort, recorder: Recorder) -> Measured {
    let mut worlds = Vec::new();
    for case in Case::all() {
        worlds.push((World::new(case, store().await, recorder).await, Samples::default()));
    }
    let (bare, mut bare_samples) = (Bare::new().await, Vec::new());
    for round in 0..effort.pick(300, 1) {
        for (case, (world, samples)) in Case::all().zip(&mut worlds) {
            if !CARRYING.contains(&case) || round % SELDOM == 0 {
                samples.add(world).await;
            }
        }
        bare_samples.push(bare.call().await);
    }
    let cases = Case::all().zip(worlds).map(|(case, (_, samples))| samples.of(case)).collect();
    Measured { cases, bare: Spread::of(bare_samples) }
}

impl Samples {
    async fn add(&mut self, world: &mut World<DynamoDbStore>) {
        let event = world.event().await;
        let (_, spent) = spent(world.call(&event)).await;
        self.own.push(micros(spent.own()));
        self.store.push(micros(spent.store_alone()));
        self.both.push(micros(spent.own() + spent.store_alone()));
    }

    fn of(self, case: Case) -> WithSdk {
        let Self { own, store, both } = self;
        WithSdk { case, own: Spread::of(own), store: Spread::of(store), both: Spread::of(both) }
    }
}

async fn store() -> DynamoDbStore {
    EmbeddedDynamoDb::start().await.unwrap().store_through(Arc::new(EngineTime::default()))
}

/// An `UpdateItem` like that of an idle heartbeat: of an item of the same size, with the same expressions.
struct Bare(Client);

const ITEM: [(&str, &str); 8] = [
    ("pk", "runtime#c9a824cd-19ec-5e1f-97f5-c3dca03c00d9"),
    ("sk", "runtime"),
    ("workspace_id", WORKSPACE_A),
    ("daemon_id", "IdleHeartbeat-0"),
    ("provider", "codex"),
    ("name", "Codex"),
    ("registered_at", "2026-11-22"),
    ("listed_until", "2026-11-29"),
];

impl Bare {
    async fn new() -> Self {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let client = engine.client(Some(Arc::new(EngineTime::default())));
        let mut item: HashMap<_, _> = ITEM.map(|(name, value)| (name.to_owned(), text(value))).into();
        item.insert("last_seen_at".to_owned(), number());
        item.insert("expires_at".to_owned(), number());
        client.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
        Self(client)
    }

    /// Microseconds without the engine's.
    async fn call(&self) -> f64 {
        let update = self
            .0
            .update_item()
            .table_name(TABLE)
            .key("pk", text(ITEM[0].1))
            .key("sk", text(ITEM[1].1))
            .update_expression("SET last_seen_at = :now, expires_at = :expires_at REMOVE deregistered_at")
            .condition_expression("workspace_id IN (:workspace_0) AND last_seen_at >= :known_since")
            .expression_attribute_values(":workspace_0", text(WORKSPACE_A))
            .expression_attribute_values(":now", number())
            .expression_attribute_values(":expires_at", number())
            .expression_attribute_values(":known_since", number())
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let (output, spent) = spent(in_store(update.send())).await;
        assert!(output.is_ok(), "{output:?}");
        micros(spent.store_alone())
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number() -> AttributeValue {
    AttributeValue::N("1795318867123".to_owned())
}
