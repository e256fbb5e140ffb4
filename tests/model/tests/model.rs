//! The whole state space of the design, and the shortest way into trouble of each design with one thing wrong.
//!
//! `cargo test -p doorbell-model -- --nocapture` prints what was explored, and each counterexample in words.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "what was explored is the result")]

use std::fmt::Write as _;

use doorbell_model::{Invariant, Mutation, Occurrence, Protocol, Scope, story};
use doorbell_shared::time::Timestamp;
use stateright::{Checker, Model as _};

/// One question with everything that can happen to it.
const ONE_QUESTION: Scope = Scope { questions: 1, instances: 2, faults: 2, calls: 2, until: 154 };

/// The same with fewer faults and more at once.
const ONE_QUESTION_BUSY: Scope = Scope { faults: 1, calls: 3, ..ONE_QUESTION };

/// Two questions, which compete for the heartbeats. With skew and faults at once there are too many states to visit.
const TWO_QUESTIONS: Scope = Scope { questions: 2, instances: 1, faults: 1, calls: 2, until: 32 };

/// Two questions and two clocks.
const TWO_QUESTIONS_SKEWED: Scope = Scope { instances: 2, faults: 0, ..TWO_QUESTIONS };

/// What a mutation needs: to see that there is a counterexample, not that there is none.
const ONE_FAULT: Scope = Scope { faults: 1, ..ONE_QUESTION };

fn start() -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000).unwrap()
}

/// Visits every state, and says what never and what sometimes happened.
fn check(scope: Scope) -> impl Checker<Protocol> {
    let checker = Protocol::faithful(scope, start()).checker().threads(2).spawn_bfs().join();
    let mut report = format!("{scope:?}\n");
    let (generated, unique) = (checker.state_count(), checker.unique_state_count());
    let _ = writeln!(
        report,
        "{generated} states generated, {unique} unique, at most {} deep",
        checker.max_depth()
    );
    let discoveries = checker.discoveries();
    for invariant in Invariant::ALL {
        let held = if discoveries.contains_key(invariant.name()) { "BROKEN" } else { "held" };
        let _ = writeln!(report, "  {held:<8}{}", invariant.name());
    }
    for occurrence in Occurrence::ALL {
        let reached = if discoveries.contains_key(occurrence.name()) { "reached" } else { "never" };
        let _ = writeln!(report, "  {reached:<8}{}", occurrence.name());
    }
    println!("{report}");
    checker
}

fn assert_every_invariant_holds(checker: &impl Checker<Protocol>) {
    assert!(checker.is_done(), "some states were not visited");
    for invariant in Invariant::ALL {
        let counterexample = checker.discovery(invariant.name()).map(|path| story(path, invariant));
        assert!(counterexample.is_none(), "{}", counterexample.unwrap_or_default());
    }
}

#[test]
fn one_question_with_two_faults() {
    let checker = check(ONE_QUESTION);
    assert_every_invariant_holds(&checker);
    // Or the invariants would hold for want of anything happening.
    for occurrence in Occurrence::ALL {
        assert!(checker.discovery(occurrence.name()).is_some(), "never: {}", occurrence.name());
    }
}

#[test]
fn one_question_with_three_calls_at_once() {
    assert_every_invariant_holds(&check(ONE_QUESTION_BUSY));
}

#[test]
fn two_questions_with_one_fault() {
    assert_every_invariant_holds(&check(TWO_QUESTIONS));
}

#[test]
fn two_questions_with_two_clocks() {
    assert_every_invariant_holds(&check(TWO_QUESTIONS_SKEWED));
}

/// The search is by breadth and on one thread, so what it finds first is shortest.
#[track_caller]
fn assert_found(mutation: Mutation, scope: Scope) {
    let checker = Protocol::mutated(mutation, scope, start()).checker().spawn_bfs().join();
    let broken = mutation.breaks();
    let counterexample = checker.discovery(broken.name()).map(|path| story(path, broken));
    let Some(story) = counterexample else { panic!("{mutation:?} does not break \"{}\"", broken.name()) };
    println!("{mutation:?}, found among {} states:\n{story}", checker.unique_state_count());
}

/// One test for each way to break the design.
macro_rules! mutations {
    ($($name:ident: $mutation:ident in $scope:ident,)*) => {
        mod without {
            use super::{Mutation, ONE_FAULT, TWO_QUESTIONS, assert_found};

            $(#[test]
            fn $name() {
                assert_found(Mutation::$mutation, $scope);
            })*
        }
    };
}

mutations! {
    the_condition_of_a_claim: ClaimWithoutCondition in ONE_FAULT,
    the_deadline_of_a_claim: ClaimOfWhatHasLapsed in ONE_FAULT,
    the_mark_of_a_claim: ClaimWithoutMark in ONE_FAULT,
    the_order_of_the_queue: NewestFirst in TWO_QUESTIONS,
    writing_time_outs_down: PollWithoutWritingTimeOuts in ONE_FAULT,
    the_condition_of_a_time_out: TimeOutWithoutCondition in ONE_FAULT,
    consistent_reads: EventualRead in ONE_FAULT,
    the_hint_before_the_request: HintAfterPut in ONE_FAULT,
    attention_while_running: AttentionWhilePendingOnly in ONE_FAULT,
    the_condition_of_a_report: ReportWithoutCondition in ONE_FAULT,
    the_mark_of_a_report: ReportWithoutMark in ONE_FAULT,
    redelivery: NoRedelivery in ONE_FAULT,
    the_claim_that_a_redelivery_replaces: RedeliveryOfAnyClaim in ONE_FAULT,
    one_running_clock_for_all_deliveries: RedeliveryRestartsClock in ONE_FAULT,
    the_list_of_what_is_in_flight: RedeliveryOfWhatIsInFlight in ONE_FAULT,
}
