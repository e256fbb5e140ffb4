//! What each choice of the design saves: the bill as it would be without it, less the bill as it is.

use super::bill::Bill;
use super::doorbell::{self, BEAT_S, Doorbell};
use super::measured::Measured;
use super::prices::Prices;
use super::usage::Usage;
use crate::report::ReportError;

/// A choice, and what it saves. Below zero, it costs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Saving {
    /// What was chosen, and instead of what.
    pub choice: &'static str,
    /// In dollars.
    pub dollars: f64,
}

/// For a runtime in a month of heartbeats.
pub(super) fn of_heartbeats(served: &Doorbell, prices: &Prices) -> Vec<Saving> {
    let (list, month) = (&prices.prices, served.runtime_month(BEAT_S));
    let beats = served.beats(BEAT_S);
    let paid = |usage: Usage| Bill::of(usage, prices).total();
    let look = doorbell::look(1.0, prices);
    let asked_anew = served.authorizer * (beats - served.authorizations(BEAT_S));
    let platform_lines =
        Usage { log_bytes: prices.assumptions.platform_log_bytes * month.lambda_calls, ..Usage::default() };
    let provisioned = list.provisioned_writes.of(beats / 3600.0 / prices.assumptions.provisioned_use);
    [
        ("HTTP API instead of REST API", list.rest_api.of(month.requests) - list.http_api.of(month.requests)),
        ("API Gateway remembers who a daemon is, instead of asking at each beat", paid(asked_anew)),
        ("no line of Lambda's own for each call, instead of two", paid(platform_lines)),
        ("a heartbeat is one write, instead of a write and a query", paid(look * beats)),
        (
            "arm64 instead of x86_64",
            list.lambda_x86_64.of(month.gb_seconds) - list.lambda_arm64.of(month.gb_seconds),
        ),
        (
            "DynamoDB on demand, instead of provisioned for an even load",
            provisioned - list.write_units.of(beats),
        ),
    ]
    .map(|(choice, dollars)| Saving { choice, dollars })
    .to_vec()
}

/// For a thousand questions.
pub(super) fn of_questions(measured: &Measured<'_>, prices: &Prices) -> Result<Vec<Saving>, ReportError> {
    let paid = |write_units: f64, read_units: f64| {
        Bill::of(Usage { write_units, read_units, ..Usage::default() } * 1e3, prices).total()
    };
    let written = |what: &str| measured.figure(&format!("report_{what}_write_units"));
    let read = |what: &str| measured.figure(&format!("poll_result_{what}_read_units"));
    let shrunk = paid(written("200_text")? - written("200")?, read("200_text")? - read("200")?);
    let deleted = paid(measured.figure("report_write_units")?, 0.0);
    Ok(vec![
        Saving { choice: "answers of 200 models are shrunk, instead of kept as text", dollars: shrunk },
        Saving { choice: "DynamoDB's TTL deletes what is over, instead of a call", dollars: deleted },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::round;

    fn saved(choice: &str) -> f64 {
        let (figures, prices) = (round::figures(), round::prices());
        let figures = [&figures];
        let measured = Measured(&figures);
        let doorbell = Doorbell::measured(&measured, &prices).unwrap();
        let savings = [of_heartbeats(&doorbell, &prices), of_questions(&measured, &prices).unwrap()].concat();
        let found = savings.iter().find(|saving| saving.choice.starts_with(choice));
        found.unwrap_or_else(|| panic!("{choice} is not in {savings:?}")).dollars
    }

    #[test]
    fn a_query_in_each_beat_would_be_a_read_and_the_wait_for_it() {
        let expected = 175_200.0 * (1e-6 + 0.004);
        assert!((saved("a heartbeat is one write") - expected).abs() < 1e-6);
    }

    #[test]
    fn shrunk_answers_save_the_units_that_they_do_not_take() {
        assert!((saved("answers of 200 models") - 1e3 * (26.0 + 7.0) / 1e6).abs() < 1e-9);
    }

    #[test]
    fn what_costs_the_same_saves_nothing() {
        assert_eq!((saved("HTTP API"), saved("arm64")), (0.0, 0.0));
    }
}
