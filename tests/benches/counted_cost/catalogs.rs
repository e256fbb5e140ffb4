//! What depends on how many models are reported, and what it was when results were stored as text.

use doorbell_shared::request::Outcome;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_tests::catalog::catalog_report;
use doorbell_tests::metered::{Metered, Step};
use doorbell_tests::old_shape::store_as_text;
use serde_json::json;

use crate::measure::lifecycle;

/// The sizes that tables show.
pub(crate) const SHOWN: [u16; 3] = [1, 20, 200];

/// All sizes, for the plot.
const MODELS: [u16; 8] = [1, 2, 5, 10, 20, 50, 100, 200];

/// A catalog of so many models.
pub(crate) struct Catalog {
    pub(crate) models: u16,
    /// How long the result is.
    pub(crate) text_bytes: usize,
    /// What everything costs with it.
    pub(crate) steps: Vec<Step>,
    /// What its report cost as text, in write units.
    pub(crate) report_as_text: f64,
    /// What a poll of it costs where it was stored as text, in read units.
    pub(crate) poll_as_text: f64,
}

impl Catalog {
    pub(crate) fn is_shown(&self) -> bool {
        SHOWN.contains(&self.models)
    }
}

/// Every size there is.
pub(crate) async fn catalogs() -> Vec<Catalog> {
    let mut catalogs = Vec::new();
    for models in MODELS {
        catalogs.push(catalog(models).await);
    }
    catalogs
}

async fn catalog(models: u16) -> Catalog {
    let engine = EmbeddedDynamoDb::start().await.expect("the engine starts");
    let (api, report) = (Metered::on(&engine), catalog_report(models));
    let steps = lifecycle(&api, &report).await;
    let Ok(Outcome::Completed(result)) = report.clone().outcome() else { panic!("a catalog is a result") };

    let (runtime, _) = api.register("text").await;
    let (request, _) = api.ring(&runtime).await;
    api.report(&runtime, &request, &report).await;
    let written = store_as_text(&engine, &runtime, &request, &result).await;
    let (shown, read) = api.poll(&runtime, &request).await;
    assert_eq!(shown["models"], json!(report)["models"], "what is stored as text is read");
    Catalog {
        models,
        text_bytes: result.as_str().len(),
        steps,
        report_as_text: written.write_units(),
        poll_as_text: read.read_units(),
    }
}
