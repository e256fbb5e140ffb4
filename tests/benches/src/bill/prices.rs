//! `prices.toml`, typed: a missing or misspelt price is an error when the file is read.

use serde::Deserialize;

use crate::Error;
use crate::doorbell::Usage;
use crate::push::Push;
use crate::sockets::Sockets;

const PUBLISHED: &str = include_str!("../../prices.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    pub(crate) currency: String,
    pub(crate) region: String,
    /// The day on which the prices were read.
    pub(crate) read: String,
    pub(crate) prices: PriceList,
    pub(crate) template: Template,
    pub(crate) assumptions: Assumptions,
    pub(crate) containers: Containers,
    pub(crate) sockets: Sockets,
    pub(crate) push: Push,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceList {
    http_api: Price,
    lambda_calls: Price,
    lambda_arm64: Price,
    write_units: Price,
    read_units: Price,
    table_storage: Price,
    table_recovery: Price,
    logs: Price,
    logs_kept: Price,
    pub(crate) traffic: Price,
    metrics: Price,
    alarm_metrics: Price,
    dashboards: Price,
    pub(crate) fargate_vcpu: Price,
    pub(crate) fargate_gb: Price,
    pub(crate) load_balancer: Price,
    pub(crate) load_balancer_units: Price,
    pub(crate) network_load_balancer: Price,
    pub(crate) network_load_balancer_units: Price,
    pub(crate) redis: Price,
    iot_connections: Price,
    iot_messages: Price,
    iot_rules: Price,
    iot_actions: Price,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "for readers of the file; every price must have a source")]
pub(crate) struct Price {
    of: String,
    per: f64,
    tiers: Vec<Tier>,
    source: String,
    confirmed: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tier {
    /// The last tier has none.
    up_to: Option<f64>,
    each: f64,
}

/// Copied from `template.yaml`; a test compares them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Template {
    pub(crate) memory_mb: f64,
    /// Of initiate and poll.
    pub(crate) held_memory_mb: f64,
    pub(crate) authorizer_cache_s: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assumptions {
    pub(crate) hours_a_month: f64,
    pub(crate) questions_a_day: f64,
    pub(crate) network_ms: f64,
    pub(crate) access_log_bytes: f64,
    pub(crate) function_log_bytes: f64,
    pub(crate) idle_heartbeat_log_lines: f64,
    log_compression: f64,
    pub(crate) response_bytes: f64,
    pub(crate) ttl_days: f64,
    alarm_metrics: f64,
    metrics: f64,
    dashboards: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Containers {
    pub(crate) least: f64,
    pub(crate) vcpu: f64,
    pub(crate) memory_gb: f64,
    pub(crate) requests_a_second_per_vcpu: f64,
    pub(crate) redis_nodes_per_shard: f64,
    pub(crate) redis_commands_a_second_per_shard: f64,
    pub(crate) redis_commands_a_request: f64,
    pub(crate) idle_connection_s: f64,
    pub(crate) unit_connections: f64,
    pub(crate) unit_new_connections_a_second: f64,
    pub(crate) unit_gb_an_hour: f64,
    pub(crate) exchange_bytes: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "for readers of the file; every assumption must say whether it has a source")]
pub(crate) struct Assumption {
    pub(crate) of: String,
    pub(crate) value: f64,
    source: String,
    pub(crate) confirmed: String,
}

/// Dollars by line.
pub(crate) struct Bill([(&'static str, f64); 9]);

impl Bill {
    pub(crate) fn total(&self) -> f64 {
        self.lines().map(|(_, dollars)| dollars).sum()
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.0.into_iter()
    }
}

impl Prices {
    pub(crate) fn published() -> Result<Self, Error> {
        Ok(toml::from_str(PUBLISHED)?)
    }

    pub(crate) fn month_s(&self) -> f64 {
        self.assumptions.hours_a_month * 3600.0
    }

    pub(crate) fn bill(&self, usage: &Usage) -> Bill {
        let list = &self.prices;
        let kept = usage.log_bytes * self.assumptions.log_compression;
        Bill([
            ("API Gateway, requests", list.http_api.of(usage.requests)),
            (
                "IoT Core",
                list.iot_connections.of(usage.connected_minutes)
                    + list.iot_messages.of(usage.messages)
                    + list.iot_rules.of(usage.rules)
                    + list.iot_actions.of(usage.actions),
            ),
            ("Lambda, requests", list.lambda_calls.of(usage.lambda_calls)),
            ("Lambda, time", list.lambda_arm64.of(usage.gb_seconds)),
            ("DynamoDB, writes", list.write_units.of(usage.write_units)),
            ("DynamoDB, reads", list.read_units.of(usage.read_units)),
            (
                "DynamoDB, storage and backups",
                list.table_storage.of(usage.stored_bytes) + list.table_recovery.of(usage.stored_bytes),
            ),
            ("CloudWatch, logs", list.logs.of(usage.log_bytes) + list.logs_kept.of(kept)),
            ("traffic out", list.traffic.of(usage.sent_bytes)),
        ])
    }

    /// The monthly cost of alarms, metrics and dashboard, once per deployment.
    pub(crate) fn monitoring(&self) -> f64 {
        let Assumptions { alarm_metrics, metrics, dashboards, .. } = self.assumptions;
        let list = &self.prices;
        list.alarm_metrics.of(alarm_metrics) + list.metrics.of(metrics) + list.dashboards.of(dashboards)
    }
}

impl Price {
    /// Quantities beyond a tier cost the next tier's price.
    pub(crate) fn of(&self, quantity: f64) -> f64 {
        let mut cost = 0.0;
        let mut from = 0.0;
        for Tier { up_to, each } in &self.tiers {
            let up_to = up_to.unwrap_or(f64::INFINITY);
            cost += ((quantity / self.per).min(up_to) - from).max(0.0) * each;
            from = up_to;
        }
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("../../../../template.yaml");

    #[test]
    fn quantity_beyond_a_tier_costs_the_next_price() {
        let tiers = vec![Tier { up_to: Some(10.0), each: 1.0 }, Tier { up_to: None, each: 0.5 }];
        let text = String::new;
        let price = Price { of: text(), per: 100.0, tiers, source: text(), confirmed: text() };
        assert_eq!([0.0, 500.0, 1_000.0, 3_000.0].map(|quantity| price.of(quantity)), [0.0, 5.0, 10.0, 20.0]);
    }

    #[test]
    fn memory_and_authorizer_cache_match_the_template() {
        let Template { memory_mb, held_memory_mb, authorizer_cache_s } =
            Prices::published().unwrap().template;
        assert_eq!(
            TEMPLATE.matches("MemorySize: ").count(),
            4,
            "all functions, the two that may be held, and `presence`"
        );
        assert!(TEMPLATE.contains(&format!("\n    MemorySize: {memory_mb}\n")));
        assert_eq!(TEMPLATE.matches(&format!("\n      MemorySize: {held_memory_mb}\n")).count(), 3);
        let cache =
            format!("  AuthorizerCacheSeconds:\n    Type: Number\n    Default: {authorizer_cache_s}\n");
        assert!(TEMPLATE.contains(&cache));
    }

    /// The bill contains the backups and no KMS key.
    #[test]
    fn backups_and_encryption_match_the_template() {
        let recovery = "  PointInTimeRecovery:\n    Type: String\n    Default: \"true\"\n";
        assert!(TEMPLATE.contains(recovery));
        assert!(!TEMPLATE.contains("SSEEnabled:") && !TEMPLATE.contains("KMSMasterKeyId:"));
    }

    #[test]
    fn alarm_metrics_match_the_template() {
        let in_sums = TEMPLATE.matches("ReturnData: false").count();
        let alone = TEMPLATE.matches("\n      Namespace: Doorbell\n").count();
        assert_eq!((in_sums + alone) as f64, Prices::published().unwrap().assumptions.alarm_metrics);
    }
}
