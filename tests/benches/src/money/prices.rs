//! `prices.toml`, typed: a price that is missing or misspelt is an error where it is read.

use serde::Deserialize;

use crate::report::ReportError;

const PUBLISHED: &str = include_str!("../../prices.toml");

/// Everything that is not measured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    /// What prices are in.
    pub currency: String,
    /// Where they hold.
    pub region: String,
    /// The day they were read.
    pub read: String,
    /// What things cost.
    pub prices: List,
    /// What the template says.
    pub template: Template,
    /// What is neither published nor measured.
    pub assumptions: Assumptions,
    /// What the alternative is made of.
    pub containers: Containers,
}

impl Prices {
    /// Those of the file.
    pub(crate) fn published() -> Result<Self, ReportError> {
        Ok(toml::from_str(PUBLISHED)?)
    }

    /// Seconds in a month.
    pub(crate) fn month_s(&self) -> f64 {
        self.assumptions.hours_a_month * 3600.0
    }
}

/// What things cost.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    pub http_api: Price,
    pub rest_api: Price,
    pub lambda_calls: Price,
    pub lambda_arm64: Price,
    pub lambda_x86_64: Price,
    pub write_units: Price,
    pub read_units: Price,
    pub provisioned_writes: Price,
    pub logs: Price,
    pub logs_kept: Price,
    pub traffic: Price,
    pub metrics: Price,
    pub alarm_metrics: Price,
    pub dashboards: Price,
    pub fargate_vcpu: Price,
    pub fargate_gb: Price,
    pub load_balancer: Price,
    pub load_balancer_units: Price,
    pub redis: Price,
}

/// The price of one thing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "where a price is from is for who reads the file, and no price may be without it"
)]
pub(crate) struct Price {
    of: String,
    per: f64,
    tiers: Vec<Tier>,
    source: String,
    confirmed: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tier {
    /// The last has none.
    up_to: Option<f64>,
    each: f64,
}

impl Price {
    /// What so many cost in a month: what goes beyond a tier, at the next one's price.
    pub(crate) fn of(&self, quantity: f64) -> f64 {
        let (mut cost, mut from) = (0.0, 0.0);
        for Tier { up_to, each } in &self.tiers {
            let up_to = up_to.unwrap_or(f64::INFINITY);
            cost += ((quantity / self.per).min(up_to) - from).max(0.0) * each;
            from = up_to;
        }
        cost
    }
}

/// What the template says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Template {
    pub memory_mb: f64,
    pub authorizer_cache_s: f64,
}

/// What is neither published nor measured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assumptions {
    pub hours_a_month: f64,
    pub questions_a_day: f64,
    pub network_ms: f64,
    pub access_log_bytes: f64,
    pub function_log_bytes: f64,
    pub platform_log_bytes: f64,
    pub log_compression: f64,
    pub answer_bytes: f64,
    pub alarm_metrics: f64,
    pub metrics: f64,
    pub dashboards: f64,
    pub provisioned_use: f64,
}

/// What the alternative is made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Containers {
    pub least: f64,
    pub vcpu: f64,
    pub memory_gb: f64,
    pub requests_a_second_per_vcpu: f64,
    pub redis_nodes_per_shard: f64,
    pub redis_commands_a_second_per_shard: f64,
    pub redis_commands_a_request: f64,
    pub idle_connection_s: f64,
    pub unit_connections: f64,
    pub unit_new_connections_a_second: f64,
    pub unit_gb_an_hour: f64,
    pub exchange_bytes: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("../../../../template.yaml");

    #[test]
    fn the_file_has_every_price_with_its_source() {
        Prices::published().unwrap();
    }

    #[test]
    fn what_goes_beyond_a_tier_costs_the_next_ones_price() {
        let tiers = vec![Tier { up_to: Some(10.0), each: 1.0 }, Tier { up_to: None, each: 0.5 }];
        let text = String::new;
        let price = Price { of: text(), per: 100.0, tiers, source: text(), confirmed: text() };
        let costs = [0.0, 500.0, 1_000.0, 3_000.0].map(|quantity| price.of(quantity));
        assert_eq!(costs, [0.0, 5.0, 10.0, 20.0]);
    }

    #[test]
    fn memory_and_the_authorizers_cache_are_the_templates() {
        let Template { memory_mb, authorizer_cache_s } = Prices::published().unwrap().template;
        let memory = format!("\n    MemorySize: {memory_mb}\n");
        assert_eq!(TEMPLATE.matches("MemorySize: ").count(), 1, "every function has the same");
        assert!(TEMPLATE.contains(&memory));
        let cache =
            format!("  AuthorizerCacheSeconds:\n    Type: Number\n    Default: {authorizer_cache_s}\n");
        assert!(TEMPLATE.contains(&cache));
    }

    #[test]
    fn alarms_look_at_as_many_metrics_as_the_templates() {
        let in_sums = TEMPLATE.matches("ReturnData: false").count();
        let alone = TEMPLATE.matches("\n      Namespace: Doorbell\n").count();
        let assumed = Prices::published().unwrap().assumptions.alarm_metrics;
        assert_eq!((in_sums + alone) as f64, assumed);
    }
}
