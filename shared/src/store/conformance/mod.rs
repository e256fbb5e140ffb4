//! The conformance suite: the rules of [`super`], each as a test that every store passes.
//!
//! A test gets two handles on one store, as two replicas have them, and makes its own workspace and runtimes, so the suite
//! runs in parallel and on a table with other data. Times are parameters near the real time, because TTL uses the real clock.
//!
//! Instantiate it with [`conformance_suite!`](crate::conformance_suite).

mod context;

pub mod deadlines;
pub mod isolation;
pub mod leases;
pub mod queue;
pub mod races;
pub mod registry;
pub mod reports;
pub mod token_rates;
pub mod tokens;

use std::pin::Pin;

pub use context::{Replicas, TestContext};

use super::{Store, TokenStore};

/// A running test.
pub type Running = Pin<Box<dyn Future<Output = ()>>>;

/// One test as a function, for suites that run the tests in their own way.
pub struct Case<S> {
    /// `module::function`.
    pub name: &'static str,
    /// Panics when the test fails.
    pub run: fn(TestContext<S>) -> Running,
}

/// One test for each case, on the store to which `$replicas().await` returns two handles: `conformance_suite!([] memory)`.
/// The brackets hold attributes of every test.
#[macro_export]
macro_rules! conformance_suite {
    ($attributes:tt $replicas:path) => {
        $crate::conformance_suite! { @list modules $attributes $replicas }
    };
    (@list $($what:tt)*) => {
        $crate::conformance_suite! { @$($what)*;
            queue {
                lists_requests_in_ring_order
                other_replica_finds_request_at_once
                lists_only_pending_requests_of_the_runtime
                finds_request_behind_many_completed
                limits_rings_after_a_burst
                retried_ring_creates_nothing_new
                retried_ring_counts_once_in_the_burst
                ring_sets_work_hint_for_its_lifetime
            }
            leases {
                pending_request_is_claimed_once
                retried_claim_wins_again
                expired_request_cannot_be_claimed
                lease_survives_storage
                lists_lost_lease_after_5_s
                pending_filter_lists_no_lost_lease
                lists_no_request_in_flight
                lists_no_lease_of_another_runtime
                lists_no_ended_lease
                lists_no_expired_pending_request
                lists_pending_and_lost_by_age
                lists_oldest_possible_lease
                redelivery_counts_and_keeps_deadline
                lease_younger_than_5_s_is_not_replaced
                replaces_only_the_listed_lease
                reported_request_is_not_redelivered
                expired_lease_is_not_redelivered
                retried_redelivery_wins_again
                first_report_of_redelivered_request_counts
            }
            deadlines {
                pending_request_times_out_after_30_s
                running_request_times_out_60_s_after_claim
                timeout_is_final
                one_poll_writes_the_timeout
                slower_clock_sees_written_timeout
                request_is_readable_2_min_after_last_change
                runtime_is_forgotten_after_a_week
            }
            reports {
                every_later_poll_shows_result
                stores_any_result_unchanged
                poll_shows_error_of_failure
                accepts_report_of_pending_request
                repeated_report_is_duplicate
                retried_report_is_recorded
                different_second_report_is_stale
                report_after_deadline_is_stale
                stores_largest_allowed_result
            }
            isolation {
                other_workspace_sees_nothing
                foreign_ring_sets_no_work_hint
                caller_without_workspace_sees_nothing
                request_is_bound_to_its_runtime
                accepts_caller_in_250_workspaces
            }
            registry {
                repeated_registration_keeps_id_and_date
                expired_runtime_registers_as_new
                registers_runtimes_in_order
                last_description_of_a_runtime_counts
                registration_of_nothing_changes_nothing
                registration_stores_and_replaces_every_field
                runtime_ids_depend_on_the_first_namespace
                runtime_without_heartbeat_goes_offline
                deregistered_runtime_is_offline_at_once
                heartbeat_ends_deregistration
                accepts_registration_as_offline
                lists_every_runtime_of_a_workspace
                pages_list_each_runtime_once
                page_begins_after_any_id
                forgotten_runtime_is_gone_until_registration
                request_of_forgotten_runtime_stays_readable
                renewed_listing_changes_no_runtime
                unknown_runtime_is_not_found
            }
            tokens {
                finds_issued_token
                hides_token_from_its_expiry
                hides_revoked_token_at_once
                lists_tokens_by_workspace
                lists_no_token_as_runtime
                records_token_use_once_a_day
                use_of_revoked_token_is_not_recorded
            }
            token_rates {
                limits_charges_after_a_burst
                sustained_charges_are_never_limited
                retried_charge_counts_once
                outdated_tat_is_limited
                known_tat_without_item_is_charged
                sixteen_charges_share_one_burst
            }
            races {
                sixteen_claims_have_one_winner
                sixteen_polls_write_one_timeout
                sixteen_redeliveries_have_one_winner
                report_wins_against_redelivery
                report_and_timeout_leave_one_outcome
                heartbeats_share_a_queue
            }
        }
    };
    (@cases; $($module:ident { $($case:ident)* })*) => {
        vec![$($($crate::store::conformance::Case {
            name: concat!(stringify!($module), "::", stringify!($case)),
            run: |test| Box::pin($crate::store::conformance::$module::$case(test)),
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
            let test = $crate::store::conformance::TestContext::new($replicas().await).await;
            $crate::store::conformance::$module::$case(test).await;
        }
    };
}

/// All cases.
pub fn cases<S: Store + TokenStore + 'static>() -> Vec<Case<S>> {
    crate::conformance_suite! { @list cases }
}
