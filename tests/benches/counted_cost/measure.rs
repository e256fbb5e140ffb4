//! Lifecycles, call by call, with one thing varied at a time: everything through the real functions and the real SDK.

use doorbell_bench::Effort;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::wire::ModelListReport;
use doorbell_tests::catalog::catalog_report;
use doorbell_tests::filling::Filling;
use doorbell_tests::metered::{Cost, Metered, Step};
use serde_json::json;

/// How many models are reported where something else is varied.
pub(crate) const USUAL_MODELS: u16 = 20;

/// What everything costs for each value of one thing.
pub(crate) struct Varied {
    /// What is varied.
    pub(crate) what: &'static str,
    /// A lifecycle for each value.
    pub(crate) lifecycles: Vec<(u64, Vec<Step>)>,
}

/// What `operation` cost in a lifecycle.
///
/// # Panics
/// When there is no such operation.
pub(crate) fn cost_of<'s>(steps: &'s [Step], operation: &str) -> &'s Cost {
    let step = steps.iter().find(|step| step.operation == operation);
    &step.unwrap_or_else(|| panic!("{operation} is in every lifecycle")).cost
}

/// A lifecycle of a daemon that says what is in flight, as ours does.
pub(crate) async fn lifecycle(api: &Metered, report: &ModelListReport) -> Vec<Step> {
    api.lifecycle(report, Some(&json!([]))).await
}

/// Answered requests in the runtime's partition that wait for TTL.
pub(crate) async fn dead_requests(effort: Effort) -> Varied {
    let (engine, report) = (engine().await, catalog_report(USUAL_MODELS));
    let (api, filling) = (Metered::on(&engine), Filling::of(&engine).await);
    let (runtime, _) = api.register("d").await;
    let (mut lifecycles, mut dead) = (Vec::new(), 0);
    for more in effort.pick(&[0, 10, 1_000, 100_000][..], &[0, 10]) {
        filling.dead_requests(&runtime, dead..*more, &report).await;
        dead = *more;
        lifecycles.push((dead, lifecycle(&api, &report).await));
    }
    Varied { what: "dead requests of the runtime", lifecycles }
}

/// Runtimes in the workspace.
pub(crate) async fn runtimes(effort: Effort) -> Varied {
    let (engine, report) = (engine().await, catalog_report(USUAL_MODELS));
    let (api, filling) = (Metered::on(&engine), Filling::of(&engine).await);
    let (mut lifecycles, mut others) = (Vec::new(), 0);
    for runtimes in effort.pick(&[1, 100, 10_000][..], &[1, 10]) {
        filling.runtimes(others..runtimes - 1).await;
        others = runtimes - 1;
        lifecycles.push((*runtimes, lifecycle(&api, &report).await));
    }
    Varied { what: "runtimes of the workspace", lifecycles }
}

/// Requests of the runtime that wait, the one that is collected among them.
pub(crate) async fn open_requests(effort: Effort) -> Varied {
    let (report, mut lifecycles) = (catalog_report(USUAL_MODELS), Vec::new());
    for open in effort.pick(&[1, 10, 100][..], &[1, 10]) {
        let engine = engine().await;
        let api = Metered::on(&engine);
        let (runtime, _) = api.register("d").await;
        Filling::of(&engine).await.open_requests(&runtime, 1..*open, api.next_lifecycle()).await;
        lifecycles.push((*open, lifecycle(&api, &report).await));
    }
    Varied { what: "open requests of the runtime", lifecycles }
}

async fn engine() -> EmbeddedDynamoDb {
    EmbeddedDynamoDb::start().await.expect("the engine starts")
}
