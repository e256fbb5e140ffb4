//! Catalogs of any length, as varied as those of agent programs: unique ids and labels, some with thinking levels and service
//! tiers, and descriptions that differ by provider.

use doorbell_protocol::{Model, ModelListReport, ModelListResult, ServiceTier, Thinking, ThinkingLevel};
use serde_json::json;

const PROVIDERS: &[&str] = &["northwind", "halcyon", "quarry", "tern", "lumen", "ostrich", "pallas", "vireo"];
const FAMILIES: &[&str] =
    &["Aster", "Basalt", "Cobalt", "Drift", "Ember", "Fjord", "Gannet", "Heron", "Isthmus", "Juniper"];
const SIZES: &[&str] = &["Nano", "Mini", "Small", "Large", "Pro", "Max", "Coder", "Vision", "Instruct"];
const LEVELS: &[(&str, &str)] =
    &[("low", "Low"), ("medium", "Medium"), ("high", "High"), ("xhigh", "Extra high")];
const MANNERS: &[&str] = &[
    "Answers at once",
    "Thinks for a moment",
    "Weighs a few ways",
    "Takes the time it needs",
    "Checks each step",
    "Reasons at length",
    "Keeps it short",
];
const TASKS: &[&str] = &[
    "everyday edits",
    "questions about a file",
    "refactoring across modules",
    "long proofs",
    "flaky tests",
    "reading logs",
    "schema migrations",
    "first drafts",
    "security reviews",
    "work that runs for hours",
    "small fixes",
];
const CIRCUMSTANCES: &[&str] = &[
    "when speed matters most",
    "in large repositories",
    "on a tight budget",
    "with many tools at hand",
    "where mistakes are dear",
    "at busy times",
    "without supervision",
    "in unfamiliar languages",
    "with images among the input",
];
const TIERS: &[(&str, &str)] = &[("priority", "Fast"), ("flex", "Flexible"), ("batch", "Overnight")];

/// The number of wordings of one provider.
const WORDINGS: usize = 3;

/// The first `models` models; the first is the default.
pub fn catalog(models: u16) -> Vec<Model> {
    (0..models).map(model).collect()
}

/// A daemon's report of [`catalog`].
pub fn catalog_report(models: u16) -> ModelListReport {
    let models = serde_json::from_value(json!(catalog(models))).expect("models are valid");
    ModelListReport::completed(ModelListResult { models, supported: true, fallback: false })
}

fn model(number: u16) -> Model {
    let mut draw = Draw(number.into());
    let provider = *draw.of(PROVIDERS);
    let family = *draw.of(FAMILIES);
    let size = *draw.of(SIZES);
    let version = format!("{}.{}", draw.below(6) + 1, draw.below(10));
    // An odd factor, so that products modulo 2^16 are unique.
    let build = number.wrapping_mul(40_503);
    Model {
        id: format!("{provider}/{family}-{version}-{size}-{build:04x}").to_lowercase(),
        label: format!("{family} {version} {size} ({build:04x})"),
        provider: Some(provider.to_owned()),
        default: number == 0,
        thinking: (draw.below(3) > 0).then(|| thinking(provider, &mut draw)),
        service_tiers: service_tiers(provider, &mut draw),
    }
}

fn thinking(provider: &str, draw: &mut Draw) -> Thinking {
    let levels = &LEVELS[..draw.below(LEVELS.len()) + 1];
    let default_level = Some(draw.of(levels).0.to_owned());
    let supported_levels = levels.iter().map(|(value, label)| ThinkingLevel {
        value: (*value).to_owned(),
        label: (*label).to_owned(),
        description: Some(description(provider, value, draw)),
    });
    Thinking { supported_levels: supported_levels.collect(), default_level }
}

fn service_tiers(provider: &str, draw: &mut Draw) -> Vec<ServiceTier> {
    let sold = &TIERS[draw.below(TIERS.len() + 1)..];
    let tiers = sold.iter().map(|(id, name)| ServiceTier {
        id: (*id).to_owned(),
        name: (*name).to_owned(),
        description: Some(description(provider, id, draw)),
    });
    tiers.collect()
}

/// One of the provider's wordings for `subject`.
fn description(provider: &str, subject: &str, draw: &mut Draw) -> String {
    let written: u64 = provider.bytes().chain(subject.bytes()).map(u64::from).sum();
    let mut words = Draw(written * WORDINGS as u64 + draw.below(WORDINGS) as u64);
    format!("{}, for {} {}", words.of(MANNERS), words.of(TASKS), words.of(CIRCUMSTANCES))
}

/// Reproducible pseudo-random numbers: a linear congruential generator with Knuth's constants.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn of<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        &things[self.below(things.len())]
    }
}
