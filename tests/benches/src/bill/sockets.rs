//! The alternative with push of its own: containers that hold a WebSocket per daemon, with a Redis, behind a Network Load Balancer.
//! What [`containers`](crate::containers) leaves out is left out too, as are questions other than their Redis commands, reconnects,
//! and the memory of the Redis.

use serde::Deserialize;

use crate::prices::Prices;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sockets {
    /// The sizes that a container may have.
    pub(crate) memory_gb: Vec<f64>,
    pub(crate) process_bytes: f64,
    pub(crate) socket_bytes: f64,
    pub(crate) pings_a_second_per_vcpu: f64,
    pub(crate) spare: f64,
    pub(crate) redis_commands_a_question: f64,
    pub(crate) unit_connections: f64,
    pub(crate) unit_gb_an_hour: f64,
    pub(crate) ping_exchange_bytes: f64,
    pub(crate) ping_sent_bytes: f64,
}

/// The bill of as many containers as the sockets need, in the cheapest size.
pub(crate) fn month(daemons: f64, runtimes: f64, prices: &Prices) -> f64 {
    let Prices { prices: list, assumptions, containers, sockets, .. } = prices;
    let hours = assumptions.hours_a_month;
    let dollars = |memory_gb: f64| {
        let container_hours = count(daemons, memory_gb, prices) * hours;
        list.fargate_vcpu.of(container_hours * containers.vcpu)
            + list.fargate_gb.of(container_hours * memory_gb)
    };
    let cheapest = sockets.memory_gb.iter().copied().map(dollars).fold(f64::INFINITY, f64::min);
    let commands_a_second =
        runtimes * assumptions.questions_a_day / 86_400.0 * sockets.redis_commands_a_question;
    let shards = (commands_a_second / containers.redis_commands_a_second_per_shard).ceil().max(1.0);
    let pings_a_second = daemons / prices.push.keep_alive_s;
    let gb_an_hour = pings_a_second * 3600.0 * sockets.ping_exchange_bytes / 1e9;
    let units = (daemons / sockets.unit_connections).max(gb_an_hour / sockets.unit_gb_an_hour);
    let sent = pings_a_second * prices.month_s() * sockets.ping_sent_bytes;
    cheapest
        + list.network_load_balancer.of(hours)
        + list.network_load_balancer_units.of(units * hours)
        + list.redis.of(shards * containers.redis_nodes_per_shard * hours)
        + list.traffic.of(sent)
}

/// Of one size: bounded by memory, or by the time of pings.
fn count(daemons: f64, memory_gb: f64, prices: &Prices) -> f64 {
    let Prices { containers, sockets, push, .. } = prices;
    let by_memory = (memory_gb * 1e9 - sockets.process_bytes) / sockets.socket_bytes;
    let by_pings = sockets.pings_a_second_per_vcpu * containers.vcpu * push.keep_alive_s;
    ((daemons / by_memory.min(by_pings)).ceil() + sockets.spare).max(containers.least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_is_bounded_by_memory_then_by_pings() {
        let prices = Prices::published().unwrap();
        let of = |memory_gb| count(1e6, memory_gb, &prices);
        // 25,000 and 56,250 sockets by memory, 75,000 by pings.
        assert_eq!([0.5, 1.0, 2.0].map(of), [41.0, 19.0, 15.0]);
    }

    #[test]
    fn one_container_is_spare() {
        let prices = Prices::published().unwrap();
        assert_eq!([1.0, 25_000.0, 25_001.0].map(|daemons| count(daemons, 0.5, &prices)), [2.0, 2.0, 3.0]);
    }
}
