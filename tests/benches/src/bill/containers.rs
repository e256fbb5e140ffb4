//! The alternative: containers that are always on, with a Redis, behind a load balancer. Logs, alarms, addresses, traffic
//! between zones and operation are left out, in its favour.

use crate::doorbell::HEARTBEAT_S;
use crate::prices::Prices;

/// The bill of as many containers as the heartbeats need.
pub(crate) fn month(runtimes: f64, prices: &Prices) -> f64 {
    let list = &prices.prices;
    let hours = prices.assumptions.hours_a_month;
    let containers = &prices.containers;
    let container_hours = count(runtimes, prices) * hours;
    let commands_a_second = runtimes / HEARTBEAT_S * containers.redis_commands_a_request;
    let shards = (commands_a_second / containers.redis_commands_a_second_per_shard).ceil().max(1.0);
    let sent = runtimes * prices.month_s() / HEARTBEAT_S * prices.assumptions.response_bytes;
    list.fargate_vcpu.of(container_hours * containers.vcpu)
        + list.fargate_gb.of(container_hours * containers.memory_gb)
        + list.load_balancer.of(hours)
        + list.load_balancer_units.of(capacity_units(runtimes, prices) * hours)
        + list.redis.of(shards * containers.redis_nodes_per_shard * hours)
        + list.traffic.of(sent)
}

pub(crate) fn count(runtimes: f64, prices: &Prices) -> f64 {
    let containers = &prices.containers;
    (runtimes / HEARTBEAT_S / (containers.requests_a_second_per_vcpu * containers.vcpu))
        .ceil()
        .max(containers.least)
}

/// The load balancer bills the largest of its dimensions: here connections or bytes.
fn capacity_units(runtimes: f64, prices: &Prices) -> f64 {
    let containers = &prices.containers;
    let connections = if HEARTBEAT_S < containers.idle_connection_s {
        runtimes / containers.unit_connections
    } else {
        runtimes / HEARTBEAT_S / containers.unit_new_connections_a_second
    };
    let gb_an_hour = runtimes / HEARTBEAT_S * 3600.0 * containers.exchange_bytes / 1e9;
    connections.max(gb_an_hour / containers.unit_gb_an_hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_grows_with_heartbeats_from_two() {
        let prices = Prices::published().unwrap();
        assert_eq!([1.0, 1e4, 1e6].map(|runtimes| count(runtimes, &prices)), [2.0, 2.0, 134.0]);
    }
}
