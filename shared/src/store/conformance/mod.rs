//! One suite for every store: the promises of [`super`], each as a test that any implementation has to pass.
//!
//! A case is handed two handles on one store, as two replicas have them, and makes a workspace and runtimes of its own,
//! so the suite can run in parallel and on a table that holds other things. Times are passed in and lie near the real
//! ones, because a real table's TTL goes by the real clock.
//!
//! Instantiate it with [`conformance_suite!`](crate::conformance_suite).

mod scene;

pub mod claims;
pub mod queue;
pub mod races;
pub mod redelivery;
pub mod registry;
pub mod reports;
pub mod retention;
pub mod timeouts;
pub mod tokens;
pub mod walls;

use std::pin::Pin;

pub use scene::{Replicas, Scene};

use super::{Store, TokenStore};

/// A case under way.
pub type Running = Pin<Box<dyn Future<Output = ()>>>;

/// One promise, as a function: for suites that run the cases in their own way.
pub struct Case<S> {
    /// Module and function.
    pub name: &'static str,
    /// Panics when the promise is not kept.
    pub run: fn(Scene<S>) -> Running,
}

/// Makes one test of every case, for the store that `$replicas().await` gives two handles on:
/// `conformance_suite!([] memory)`. Attributes in the brackets go on every test.
#[macro_export]
macro_rules! conformance_suite {
    ($attributes:tt $replicas:path) => {
        $crate::conformance_suite! { @list modules $attributes $replicas }
    };
    (@list $($what:tt)*) => {
        $crate::conformance_suite! { @$($what)*;
            queue {
                first_come_is_first_served
                a_request_is_found_at_once_on_another_replica
                only_what_waits_is_looked_at
                what_waits_behind_many_others_is_found
                a_burst_of_rings_is_let_in_and_one_more_is_too_fast
                asking_again_begins_nothing_anew
                asking_again_takes_one_place_of_the_burst
                a_ring_draws_attention_for_as_long_as_it_can_be_open
            }
            claims {
                a_claim_is_won_once
                the_same_claim_again_is_won_again
                a_lapsed_request_cannot_be_claimed
                the_start_of_the_run_survives_storage
            }
            redelivery {
                what_has_not_arrived_is_found_after_five_seconds
                nothing_is_found_again_unless_it_is_looked_for
                what_is_in_flight_is_not_found
                what_another_runtime_has_is_not_found
                what_is_answered_or_has_lapsed_is_not_found
                what_has_lapsed_pending_is_not_found_either
                the_oldest_comes_first_whether_pending_or_handed_out
                the_oldest_request_that_can_run_is_found
                a_redelivery_counts_and_leaves_the_running_clock
                a_claim_less_than_five_seconds_old_is_not_replaced
                only_the_claim_that_was_seen_is_replaced
                what_is_answered_is_not_handed_out_again
                what_has_lapsed_is_not_handed_out_again
                the_same_redelivery_again_is_won_again
                the_first_report_of_a_redelivered_request_stays
            }
            timeouts {
                pending_times_out_after_thirty_seconds
                running_times_out_sixty_seconds_after_the_claim
                a_time_out_is_for_ever
                a_time_out_is_told_from_one_that_was_written_before
                a_replica_with_a_slower_clock_tells_the_same_story
            }
            reports {
                a_result_is_shown_by_every_later_poll
                any_result_comes_back_as_it_was
                a_failure_is_shown_with_its_text
                a_pending_request_may_be_reported
                the_same_report_again_is_a_repetition
                the_same_report_of_the_same_time_is_the_same_call
                another_report_is_stale
                a_report_after_the_deadline_is_stale
                a_result_as_large_as_allowed_is_stored
            }
            walls {
                another_workspace_sees_nothing
                another_workspaces_ring_draws_no_attention
                a_caller_of_no_workspace_sees_nothing
                another_runtimes_path_leads_nowhere
                a_caller_of_many_workspaces_is_let_in
            }
            retention {
                a_request_is_readable_for_two_minutes_after_its_last_change
                a_runtime_is_forgotten_a_week_after_its_last_beat
            }
            registry {
                registering_again_keeps_id_and_first_date
                a_runtime_goes_offline_without_beats
                deregistering_takes_a_runtime_offline_at_once
                a_beat_brings_a_deregistered_runtime_back
                a_runtime_may_register_as_offline
                every_runtime_of_a_workspace_is_listed
                an_unknown_runtime_cannot_be_rung_or_beat
            }
            tokens {
                a_token_is_known_once_issued
                a_token_is_refused_from_its_expiry_on
                a_revoked_token_is_refused_at_once
                tokens_are_listed_by_workspace
                tokens_are_not_listed_as_runtimes
            }
            races {
                sixteen_heartbeats_claim_one_request_once
                sixteen_polls_write_a_lapse_down_once
                sixteen_heartbeats_redeliver_one_request_once
                a_report_and_a_redelivery_leave_the_report
                a_report_and_a_time_out_leave_one_outcome
                heartbeats_share_out_a_queue
            }
        }
    };
    (@cases; $($module:ident { $($case:ident)* })*) => {
        vec![$($($crate::store::conformance::Case {
            name: concat!(stringify!($module), "::", stringify!($case)),
            run: |scene| Box::pin($crate::store::conformance::$module::$case(scene)),
        }),*),*]
    };
    (@modules $attributes:tt $replicas:path; $($module:ident { $($case:ident)* })*) => {
        $(mod $module {
            $($crate::conformance_suite! { @case $attributes $replicas, $module $case })*
        })*
    };
    (@case [$($attribute:tt)*] $replicas:path, $module:ident $case:ident) => {
        $($attribute)*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let scene = $crate::store::conformance::Scene::new($replicas().await).await;
            $crate::store::conformance::$module::$case(scene).await;
        }
    };
}

/// Every case there is.
pub fn cases<S: Store + TokenStore + 'static>() -> Vec<Case<S>> {
    crate::conformance_suite! { @list cases }
}
