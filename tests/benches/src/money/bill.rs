//! A month's bill, line by line.

use super::prices::Prices;
use super::usage::Usage;

/// Dollars by line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bill(pub(super) Vec<(&'static str, f64)>);

impl Bill {
    /// For what is used in a month.
    pub(super) fn of(usage: Usage, prices: &Prices) -> Self {
        let list = &prices.prices;
        let kept = usage.log_bytes * prices.assumptions.log_compression;
        Self(vec![
            ("API Gateway, requests", list.http_api.of(usage.requests)),
            ("Lambda, requests", list.lambda_calls.of(usage.lambda_calls)),
            ("Lambda, time", list.lambda_arm64.of(usage.gb_seconds)),
            ("DynamoDB, writes", list.write_units.of(usage.write_units)),
            ("DynamoDB, reads", list.read_units.of(usage.read_units)),
            ("CloudWatch, logs", list.logs.of(usage.log_bytes) + list.logs_kept.of(kept)),
            ("traffic out", list.traffic.of(usage.sent_bytes)),
        ])
    }

    /// The same with what a deployment has once, however much it is used: alarms, dashboard, metrics.
    pub(super) fn monitored(mut self, prices: &Prices) -> Self {
        let (list, has) = (&prices.prices, &prices.assumptions);
        let alarms = list.alarm_metrics.of(has.alarm_metrics);
        let seen = list.metrics.of(has.metrics) + list.dashboards.of(has.dashboards);
        self.0.push(("CloudWatch, monitoring", alarms + seen));
        self
    }

    /// All lines together.
    pub(super) fn total(&self) -> f64 {
        self.0.iter().map(|(_, dollars)| dollars).sum()
    }

    /// The line that costs most. Of no lines there is none.
    pub(super) fn largest(&self) -> (&'static str, f64) {
        self.0.iter().copied().max_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or(("nothing", 0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::round;

    #[test]
    fn each_line_is_its_use_times_its_price() {
        let usage = Usage {
            requests: 2e6,
            lambda_calls: 3e6,
            gb_seconds: 10.0,
            write_units: 4e6,
            read_units: 5e6,
            log_bytes: 2e9,
            sent_bytes: 1e9,
        };
        let bill = Bill::of(usage, &round::prices());
        let dollars: Vec<f64> = bill.0.iter().map(|(_, dollars)| *dollars).collect();
        assert_eq!(dollars, [2.0, 3.0, 10.0, 4.0, 5.0, 3.0, 1.0]);
        assert_eq!((bill.total(), bill.largest()), (28.0, ("Lambda, time", 10.0)));
    }

    #[test]
    fn monitoring_costs_the_same_however_much_is_used() {
        let bill = Bill::of(Usage::default(), &round::prices()).monitored(&round::prices());
        assert_eq!((bill.total(), bill.largest().0), (81.0, "CloudWatch, monitoring"));
    }
}
