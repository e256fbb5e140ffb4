//! The alternative: containers that are always on, with a Redis, behind a load balancer.
//!
//! Reckoned kindly: no logs, alarms, addresses or traffic between zones, and nobody's time.

use super::bill::Bill;
use super::prices::Prices;

/// The bill of as many as it takes for the heartbeats of so many runtimes.
pub(super) fn month(runtimes: f64, interval_s: f64, prices: &Prices) -> Bill {
    let (list, hours, has) = (&prices.prices, prices.assumptions.hours_a_month, &prices.containers);
    let containers = needed(runtimes, interval_s, prices);
    let commands = runtimes / interval_s * has.redis_commands_a_request;
    let shards = (commands / has.redis_commands_a_second_per_shard).ceil().max(1.0);
    let sent = runtimes * prices.month_s() / interval_s * prices.assumptions.answer_bytes;
    Bill(vec![
        (
            "containers",
            list.fargate_vcpu.of(containers * has.vcpu * hours)
                + list.fargate_gb.of(containers * has.memory_gb * hours),
        ),
        (
            "load balancer",
            list.load_balancer.of(hours)
                + list.load_balancer_units.of(units(runtimes, interval_s, prices) * hours),
        ),
        ("Redis", list.redis.of(shards * has.redis_nodes_per_shard * hours)),
        ("traffic out", list.traffic.of(sent)),
    ])
}

/// How many containers that takes.
pub(super) fn needed(runtimes: f64, interval_s: f64, prices: &Prices) -> f64 {
    let has = &prices.containers;
    let each = has.requests_a_second_per_vcpu * has.vcpu;
    (runtimes / interval_s / each).ceil().max(has.least)
}

/// Capacity units of the load balancer: it is paid for the one thing of which there is most.
fn units(runtimes: f64, interval_s: f64, prices: &Prices) -> f64 {
    let has = &prices.containers;
    let requests_a_second = runtimes / interval_s;
    let connections = if interval_s < has.idle_connection_s {
        runtimes / has.unit_connections
    } else {
        requests_a_second / has.unit_new_connections_a_second
    };
    let gb_an_hour = requests_a_second * 3600.0 * has.exchange_bytes / 1e9;
    connections.max(gb_an_hour / has.unit_gb_an_hour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::round;

    #[test]
    fn few_runtimes_have_a_pair_and_many_have_what_they_take() {
        let needed = [1.0, 1e4, 1e6].map(|runtimes| needed(runtimes, 15.0, &round::prices()));
        assert_eq!(needed, [2.0, 2.0, 134.0]);
    }

    #[test]
    fn connections_that_stay_are_counted_and_those_that_do_not_are_counted_by_the_second() {
        assert_eq!(units(3e6, 50.0, &round::prices()), 1_000.0);
        assert_eq!(units(3e6, 60.0, &round::prices()), 2_000.0);
    }

    #[test]
    fn each_line_is_what_there_is_of_it_times_its_price() {
        let bill = month(0.0, 15.0, &round::prices());
        let pair = 2.0 * (0.25 + 0.5) * 730.0;
        let lines =
            [("containers", pair), ("load balancer", 730.0), ("Redis", 1_460.0), ("traffic out", 0.0)];
        assert_eq!(bill.0, lines);
    }
}
