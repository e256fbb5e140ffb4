//! What Doorbell uses: by heartbeats, all the time, and by questions.

use doorbell_shared::limits::ATTENTION;

use super::bill::Bill;
use super::measured::Measured;
use super::prices::Prices;
use super::usage::Usage;
use crate::report::ReportError;

/// The beat that questions are reckoned at, in seconds: the daemons' own.
pub(super) const BEAT_S: f64 = 15.0;

/// An operation by its name among the figures, and the function that does it.
#[derive(Clone, Copy, Debug)]
struct Operation(&'static str, &'static str);

const INITIATE: Operation = Operation("initiate", "initiate");
const POLL: Operation = Operation("poll", "poll");
const POLL_RESULT: Operation = Operation("poll_result", "poll");
const HEARTBEAT_IDLE: Operation = Operation("heartbeat_idle", "heartbeat");
const HEARTBEAT_WORK: Operation = Operation("heartbeat_work", "heartbeat");
const REPORT: Operation = Operation("report", "report");
const AUTHORIZER: Operation = Operation("authorizer", "authorizer");

/// What each thing uses that happens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doorbell {
    /// A heartbeat that finds nothing to do, without the authorizer.
    pub beat: Usage,
    /// A question from ring to answer, with what it adds to heartbeats.
    pub question: Usage,
    /// Asking who is calling.
    pub authorizer: Usage,
    authorizer_cache_s: f64,
    month_s: f64,
    questions_a_month: f64,
}

impl Doorbell {
    /// As measured.
    pub(super) fn measured(measured: &Measured<'_>, prices: &Prices) -> Result<Self, ReportError> {
        let called = |operation| called(operation, measured, prices);
        let beat = called(HEARTBEAT_IDLE)?;
        // API Gateway's own call: neither paid for as a request, nor in its log, nor sent to anybody.
        let log_bytes = prices.assumptions.function_log_bytes;
        let authorizer = Usage { requests: 0.0, sent_bytes: 0.0, log_bytes, ..called(AUTHORIZER)? };
        // Each poll but the last one finds nothing.
        let polls = called(POLL)? * (measured.figure("answer_15s_polls")? - 1.0) + called(POLL_RESULT)?;
        // Nothing takes the attention back that a ring draws, so the beats after the claim look too, and find nothing.
        let looks = look(measured.figure("heartbeat_work_read_units")?, prices)
            * (ATTENTION.as_secs_f64() / BEAT_S - 1.0);
        let work = called(HEARTBEAT_WORK)? - beat + looks + called(REPORT)?;
        let result = Usage { sent_bytes: measured.figure("result_bytes")?, ..Usage::default() };
        Ok(Self {
            beat,
            // Who asks is somebody whom API Gateway has forgotten since the last time.
            question: called(INITIATE)? + polls + work + result + authorizer,
            authorizer,
            authorizer_cache_s: prices.template.authorizer_cache_s,
            month_s: prices.month_s(),
            questions_a_month: prices.assumptions.questions_a_day * prices.month_s() / 86_400.0,
        })
    }

    /// Heartbeats of a runtime in a month.
    pub(super) fn beats(&self, interval_s: f64) -> f64 {
        self.month_s / interval_s
    }

    /// How often in a month API Gateway asks who a daemon is that has a token of its own and one runtime.
    pub(super) fn authorizations(&self, interval_s: f64) -> f64 {
        self.month_s / self.authorizer_cache_s.max(interval_s)
    }

    /// A runtime's month of heartbeats.
    pub(super) fn runtime_month(&self, interval_s: f64) -> Usage {
        self.beat * self.beats(interval_s) + self.authorizer * self.authorizations(interval_s)
    }

    /// The bill of a deployment with so many runtimes, and their questions.
    pub(super) fn month(&self, runtimes: f64, interval_s: f64, prices: &Prices) -> Bill {
        let each = self.runtime_month(interval_s) + self.question * self.questions_a_month;
        Bill::of(each * runtimes, prices).monitored(prices)
    }
}

/// A look for work that finds none: the read, and the function waiting for it.
pub(super) fn look(read_units: f64, prices: &Prices) -> Usage {
    let memory_gb = prices.template.memory_mb / 1024.0;
    Usage { read_units, gb_seconds: prices.assumptions.network_ms / 1e3 * memory_gb, ..Usage::default() }
}

fn called(operation: Operation, measured: &Measured<'_>, prices: &Prices) -> Result<Usage, ReportError> {
    let Operation(name, function) = operation;
    let (assumed, calls) = (&prices.assumptions, measured.figure(&format!("{name}_calls"))?);
    // Billed in whole milliseconds.
    let ms = measured.figure(&format!("{function}_warm_ms"))? + assumed.network_ms * calls;
    Ok(Usage {
        requests: 1.0,
        lambda_calls: 1.0,
        gb_seconds: ms.ceil() / 1e3 * prices.template.memory_mb / 1024.0,
        write_units: measured.figure(&format!("{name}_write_units"))?,
        read_units: measured.figure(&format!("{name}_read_units"))?,
        log_bytes: assumed.access_log_bytes + assumed.function_log_bytes,
        sent_bytes: assumed.answer_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::round;

    fn doorbell() -> Doorbell {
        Doorbell::measured(&Measured(&[&round::figures()]), &round::prices()).unwrap()
    }

    #[test]
    fn a_runtimes_month_is_its_beats_and_a_question_to_the_authorizer_each_minute() {
        let month = doorbell().runtime_month(15.0);
        assert_eq!((month.requests, month.write_units), (175_200.0, 175_200.0));
        assert_eq!((month.lambda_calls, month.read_units), (175_200.0 + 43_800.0, 43_800.0));
    }

    #[test]
    fn who_beats_less_often_than_the_authorizer_forgets_is_asked_for_each_time() {
        assert_eq!(doorbell().authorizations(120.0), doorbell().beats(120.0));
    }

    #[test]
    fn a_call_is_billed_for_its_own_time_and_the_networks() {
        assert_eq!(doorbell().beat.gb_seconds, 0.010);
    }

    #[test]
    fn a_question_is_a_ring_its_polls_a_claim_and_a_report() {
        let question = doorbell().question;
        // The beat that claims would have come anyway, so it is no request more.
        assert_eq!(question.requests, 1.0 + 17.0 + 1.0);
        assert_eq!(question.write_units, 2.0 + 1.0 + 1.0);
        let looks = ATTENTION.as_secs_f64() / 15.0;
        assert!((question.read_units - (17.0 + looks + 1.0)).abs() < 1e-9);
    }

    #[test]
    fn a_figure_that_nobody_noted_is_named() {
        let error = Doorbell::measured(&Measured(&[]), &round::prices()).unwrap_err();
        assert!(error.to_string().contains("heartbeat_idle_calls"), "{error}");
    }
}
