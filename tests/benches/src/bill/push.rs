//! Daemons with push: a connection to IoT Core, and heartbeats at long intervals.
//!
//! The calls are those of the design, in `prices.toml`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::Error;
use crate::doorbell::{Doorbell, Month, Usage, authorizer, gb_seconds, stored};
use crate::prices::{Assumption, Prices};
use crate::results::{Counted, Results};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Push {
    pub(crate) intervals_s: Vec<f64>,
    pub(crate) runtimes_a_daemon: Vec<f64>,
    pub(crate) keep_alive_s: f64,
    pub(crate) connection_lifetime_s: f64,
    pub(crate) connect_reads: f64,
    pub(crate) connect_writes: f64,
    pub(crate) plain_heartbeats_a_connect: f64,
    pub(crate) renewals_a_connect: f64,
    pub(crate) plain_writes_a_runtime: f64,
    pub(crate) renewal_writes_a_runtime: f64,
    pub(crate) renewal_writes: f64,
    pub(crate) renewal_hints: f64,
    pub(crate) presence_reads: f64,
    pub(crate) presence_reads_a_runtime: f64,
    pub(crate) presence_memory_mb: f64,
    pub(crate) presence_ms: f64,
    pub(crate) rules_a_disconnect: f64,
    pub(crate) actions_a_disconnect: f64,
    pub(crate) question_hints: f64,
    pub(crate) items: f64,
    pub(crate) assumptions: Assumptions,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assumptions {
    pub(crate) network_reconnects: Assumption,
    pub(crate) confirmation_ms: Assumption,
    pub(crate) handshake_bytes: Assumption,
    pub(crate) ping_bytes: Assumption,
    pub(crate) connect_messages: Assumption,
    pub(crate) authorizer_messages: Assumption,
    pub(crate) hint_request_messages: Assumption,
    pub(crate) hint_delivery_messages: Assumption,
    pub(crate) hint_acknowledgement_messages: Assumption,
    pub(crate) lifecycle_messages: Assumption,
    pub(crate) get_connection_messages: Assumption,
}

impl Push {
    /// In the cloud; the others are for comparison.
    pub(crate) fn longest_interval_s(&self) -> f64 {
        self.intervals_s.iter().copied().fold(0.0, f64::max)
    }
}

impl Assumptions {
    fn unconfirmed(&mut self) -> Vec<&mut Assumption> {
        let all = [
            &mut self.network_reconnects,
            &mut self.confirmation_ms,
            &mut self.handshake_bytes,
            &mut self.ping_bytes,
            &mut self.connect_messages,
            &mut self.authorizer_messages,
            &mut self.hint_request_messages,
            &mut self.hint_delivery_messages,
            &mut self.hint_acknowledgement_messages,
            &mut self.lifecycle_messages,
            &mut self.get_connection_messages,
        ];
        all.into_iter().filter(|assumption| assumption.confirmed == "no").collect()
    }
}

/// Each unconfirmed assumption with its part of a runtime's month.
pub(crate) fn unconfirmed(results: &Results, heartbeat_s: f64) -> Result<Vec<Value>, Error> {
    let month = |prices: &Prices| -> Result<f64, Error> {
        let doorbell = Doorbell::new(results, prices)?;
        let month = Pushed::new(&doorbell, results, prices)?.month(heartbeat_s, 1.0);
        Ok(prices.bill(&(month.idle() + month.questions)).total())
    };
    let mut prices = Prices::published()?;
    let with_all = month(&prices)?;
    let mut rows = Vec::new();
    for place in 0..prices.push.assumptions.unconfirmed().len() {
        let mut without = Prices::published()?;
        let assumption = without.push.assumptions.unconfirmed().swap_remove(place);
        let (of, value) = (assumption.of.clone(), std::mem::take(&mut assumption.value));
        let dollars = with_all - month(&without)?;
        rows.push(json!({"of": of, "value": value, "dollars": dollars}));
    }
    Ok(rows)
}

/// What a daemon and its runtimes use with push.
pub(crate) struct Pushed<'a> {
    doorbell: &'a Doorbell,
    prices: &'a Prices,
    /// The authorizer and the CONNECT.
    connect: Usage,
}

impl<'a> Pushed<'a> {
    pub(crate) fn new(doorbell: &'a Doorbell, results: &Results, prices: &'a Prices) -> Result<Self, Error> {
        let push = &prices.push;
        let counted = Counted {
            calls: push.connect_reads + push.connect_writes,
            read_units: push.connect_reads,
            write_units: push.connect_writes,
            report_bytes: 0.0,
        };
        let assumed = &push.assumptions;
        let connect = Usage {
            messages: assumed.connect_messages.value + assumed.authorizer_messages.value,
            sent_bytes: assumed.handshake_bytes.value,
            ..authorizer(counted, results, prices)?
        };
        Ok(Self { doorbell, prices, connect })
    }

    /// The heartbeat that a hint causes is a call of its own, with a token that is not in the authorizer's cache.
    pub(crate) fn question(&self) -> Usage {
        self.doorbell.question
            + self.hint(self.prices.template.held_memory_mb) * self.prices.push.question_hints
            + self.distant(self.doorbell.heartbeat(1.0))
    }

    /// A month of one runtime.
    pub(crate) fn month(&self, heartbeat_s: f64, runtimes_a_daemon: f64) -> Month {
        let push = &self.prices.push;
        let month_s = self.prices.month_s();
        let daemon_share = 1.0 / runtimes_a_daemon;
        let connection = Usage {
            connected_minutes: month_s / 60.0,
            sent_bytes: month_s / push.keep_alive_s * push.assumptions.ping_bytes.value,
            ..stored(push.items)
        };
        let connects = month_s / push.connection_lifetime_s
            + push.assumptions.network_reconnects.value * month_s / 86_400.0;
        let renewals = self.distant(self.renewal(runtimes_a_daemon)) * (month_s / heartbeat_s);
        Month {
            connection: connection * daemon_share,
            reconnects: self.reconnect(runtimes_a_daemon) * (connects * daemon_share),
            heartbeats: renewals * daemon_share + self.doorbell.runtime,
            questions: self.question() * self.doorbell.questions_a_month,
        }
    }

    /// The end of a connection, and the next one.
    fn reconnect(&self, runtimes: f64) -> Usage {
        let push = &self.prices.push;
        let plain = self.doorbell.heartbeat(push.plain_writes_a_runtime * runtimes);
        // Both heartbeats use one result of the authorizer, and one connection.
        self.connect
            + self.disconnect(runtimes)
            + self.distant(plain * push.plain_heartbeats_a_connect)
            + self.renewal(runtimes) * push.renewals_a_connect
    }

    /// The lifecycle event and the function `presence`.
    fn disconnect(&self, runtimes: f64) -> Usage {
        let push = &self.prices.push;
        let assumed = &push.assumptions;
        Usage {
            lambda_calls: 1.0,
            gb_seconds: gb_seconds(push.presence_ms, push.presence_memory_mb),
            read_units: push.presence_reads + push.presence_reads_a_runtime * runtimes,
            log_bytes: self.prices.assumptions.function_log_bytes,
            messages: assumed.lifecycle_messages.value + assumed.get_connection_messages.value,
            rules: push.rules_a_disconnect,
            actions: push.actions_a_disconnect,
            ..Usage::default()
        }
    }

    /// A heartbeat that renews the leases.
    fn renewal(&self, runtimes: f64) -> Usage {
        let push = &self.prices.push;
        self.doorbell.heartbeat(push.renewal_writes_a_runtime * runtimes + push.renewal_writes)
            + self.hint(self.prices.template.memory_mb) * push.renewal_hints
    }

    /// A heartbeat long after the last one: with a TLS handshake and a call of the authorizer.
    fn distant(&self, heartbeat: Usage) -> Usage {
        let sent_bytes = self.prices.push.assumptions.handshake_bytes.value;
        heartbeat + self.doorbell.authorizer + Usage { sent_bytes, ..Usage::default() }
    }

    /// A direct message, whose confirmation a function with `memory_mb` awaits.
    fn hint(&self, memory_mb: f64) -> Usage {
        let assumed = &self.prices.push.assumptions;
        Usage {
            messages: assumed.hint_request_messages.value
                + assumed.hint_delivery_messages.value
                + assumed.hint_acknowledgement_messages.value,
            gb_seconds: gb_seconds(assumed.confirmation_ms.value, memory_mb),
            ..Usage::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIX_HOURS_S: f64 = 21_600.0;
    /// Of 730 hours, with a mean lifetime of 22 hours and one network reconnect a day.
    const CONNECTS: f64 = 730.0 / 22.0 + 730.0 / 24.0;

    fn with_push<T>(check: impl FnOnce(&Pushed<'_>, &Doorbell, &Prices) -> T) -> T {
        let prices = Prices::published().unwrap();
        let results = Results::sample();
        let doorbell = Doorbell::new(&results, &prices).unwrap();
        check(&Pushed::new(&doorbell, &results, &prices).unwrap(), &doorbell, &prices)
    }

    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() < expected * 1e-9, "{found} instead of {expected}");
    }

    #[test]
    fn connection_is_billed_by_the_minute_and_daemon() {
        with_push(|pushed, _, _| {
            assert_close(pushed.month(SIX_HOURS_S, 1.0).connection.connected_minutes, 43_800.0);
            assert_close(pushed.month(SIX_HOURS_S, 3.0).connection.connected_minutes, 14_600.0);
        });
    }

    #[test]
    fn renewal_writes_runtimes_twice_and_connection_once() {
        with_push(|pushed, _, _| {
            assert_close(pushed.month(SIX_HOURS_S, 1.0).heartbeats.write_units, 730.0 / 6.0 * 3.0);
            assert_close(pushed.month(SIX_HOURS_S, 3.0).heartbeats.write_units, 730.0 / 6.0 * 7.0 / 3.0);
        });
    }

    #[test]
    fn reconnect_has_authorizer_presence_and_two_heartbeats() {
        with_push(|pushed, _, _| {
            let reconnects = pushed.month(SIX_HOURS_S, 1.0).reconnects;
            assert_close(reconnects.requests, CONNECTS * 2.0);
            // Two functions, two heartbeats and their authorizer.
            assert_close(reconnects.lambda_calls, CONNECTS * 5.0);
            assert_close(reconnects.write_units, CONNECTS * (1.0 + 1.0 + 3.0));
            assert_close(reconnects.read_units, CONNECTS * (1.0 + 2.0 + 1.0));
            // CONNECT, lifecycle events, GetConnection, and a hello of three.
            assert_close(reconnects.messages, CONNECTS * (1.0 + 2.0 + 1.0 + 3.0));
            assert_close(reconnects.rules, CONNECTS);
            assert_close(reconnects.actions, CONNECTS);
        });
    }

    #[test]
    fn question_adds_a_hint_and_a_heartbeat() {
        with_push(|pushed, doorbell, _| {
            let added = pushed.question() - doorbell.question;
            assert_eq!((added.messages, added.requests, added.write_units), (3.0, 1.0, 1.0));
            // The heartbeat, and the authorizer.
            assert_close(added.lambda_calls, 2.0);
        });
    }

    #[test]
    fn unconfirmed_assumptions_are_a_part_of_the_month() {
        let rows = unconfirmed(&Results::sample(), SIX_HOURS_S).unwrap();
        assert!(rows.iter().all(|row| row["dollars"].as_f64().unwrap() > 0.0), "{rows:?}");
    }

    /// The budget of the design.
    #[test]
    fn runtime_costs_at_most_a_cent_a_month() {
        with_push(|pushed, _, prices| {
            let month = pushed.month(SIX_HOURS_S, 1.0);
            let dollars = prices.bill(&(month.idle() + month.questions)).total();
            assert!(dollars <= 0.01, "{dollars}");
        });
    }
}
