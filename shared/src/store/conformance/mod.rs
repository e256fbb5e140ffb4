//! The conformance suite: the rules of [`super`], each as a test that every store passes.
//!
//! A test gets two handles on one store, as two replicas have them, and makes its own workspace and runtimes, so the suite
//! runs in parallel and on a table with other data. Times are parameters near the real time, because TTL uses the real clock.
//!
//! Instantiate it with [`conformance_suite!`](crate::conformance_suite).

mod context;

pub mod bound_tokens;
pub mod cancellations;
pub mod catalog;
pub mod deadlines;
pub mod enrolments;
pub mod idempotency;
pub mod isolation;
pub mod leases;
pub mod presence;
pub mod questions;
pub mod queue;
pub mod races;
pub mod registry;
pub mod reminders;
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
                open_set_has_requests_in_ring_order
                other_replica_finds_request_at_once
                running_request_stays_in_open_set
                ended_requests_leave_open_set
                open_set_is_of_one_runtime
                removed_ids_leave_open_set
                request_of_forgotten_runtime_is_not_delivered
                removal_creates_no_runtime
                limits_rings_after_a_burst
                retried_ring_creates_nothing_new
                retried_ring_counts_once_in_the_burst
                full_queue_rejects_ring
                last_ring_of_full_queue_may_be_retried
                ended_requests_make_room
                expired_requests_make_room
                offline_runtime_accepts_only_queued_ring
                deregistered_runtime_accepts_queued_ring
                claim_and_poll_show_args
            }
            leases {
                pending_request_is_claimed_once
                retried_claim_wins_again
                expired_request_cannot_be_claimed
                lease_survives_storage
                pending_filter_claims_no_lost_lease
                claims_pending_or_lost_request
                claim_of_ended_request_shows_its_end
                claim_of_unknown_request_is_missing
                redelivery_counts_and_keeps_deadline
                lease_younger_than_5_s_is_not_replaced
                reported_request_is_not_redelivered
                expired_lease_is_not_redelivered
                retried_redelivery_wins_again
                first_report_of_redelivered_request_counts
            }
            deadlines {
                pending_request_times_out_after_30_s
                running_request_times_out_60_s_after_claim
                one_poll_writes_the_timeout
                timeout_is_final
                slower_clock_sees_written_timeout
                request_is_readable_2_min_after_last_change
                runtime_is_forgotten_after_a_week
                requests_of_two_kinds_have_own_deadlines
                running_deadline_is_that_of_the_ring
                queued_request_times_out_after_its_queue
                queued_request_is_readable_while_it_waits
            }
            reports {
                stores_any_result_unchanged
                every_later_poll_shows_result
                poll_shows_error_of_failure
                accepts_report_of_pending_request
                repeated_report_is_duplicate
                retried_report_is_recorded
                different_second_report_is_stale
                report_after_deadline_is_stale
                stores_largest_allowed_result
                polls_show_last_progress
                progress_extends_no_deadline
                only_running_request_accepts_progress
                request_of_other_kind_is_not_found
            }
            cancellations {
                cancels_pending_request
                cancels_running_request
                report_of_cancelled_request_changes_nothing
                cancellation_keeps_result
                second_cancellation_changes_nothing
                retried_cancellation_cancels
                cancellation_of_expired_request_shows_its_timeout
                cancellation_past_retention_finds_nothing
                finds_cancelled_among_requests
            }
            idempotency {
                ring_with_same_key_gets_same_request
                key_answers_with_ended_request
                key_of_other_kind_or_args_is_rejected
                key_is_forgotten_after_2_min
                other_runtime_has_own_keys
                retried_ring_with_key_is_enqueued
                ring_with_used_key_counts_towards_nothing
                forgotten_runtime_has_no_keys
                ring_joins_oldest_pending_request
                ring_joins_no_other_request
                ring_joins_no_request_with_args
                ring_joins_no_expired_request
                joining_ring_needs_no_room
                joining_ring_is_not_limited
            }
            catalog {
                other_replica_finds_reported_snapshot_at_once
                newer_report_replaces_snapshot
                late_older_report_changes_no_snapshot
                concurrent_reports_leave_newest_snapshot
                deleted_snapshot_is_not_found
                late_older_report_brings_no_deleted_snapshot_back
                late_older_deletion_keeps_snapshot
                report_that_keeps_the_catalog_changes_nothing
                stale_report_changes_no_snapshot
                repeated_report_keeps_time_of_the_first
                snapshot_is_found_for_24_h
                finds_largest_snapshot
                snapshot_is_of_one_runtime_and_kind
                offline_runtime_has_no_snapshot
                repeated_registration_keeps_snapshot
                forgotten_runtime_has_no_snapshot
                used_key_finds_no_snapshot
                snapshot_comes_with_open_set
            }
            questions {
                finds_declared_question
                registration_and_list_show_questions
                registration_replaces_questions
                registration_without_questions_removes_them
                heartbeat_and_renewal_keep_questions
                renewal_declares_nothing
                expired_runtime_declares_nothing
                forgotten_runtime_declares_nothing
                page_bounds_its_questions
            }
            isolation {
                other_workspace_sees_nothing
                foreign_runtime_hides_its_questions
                caller_without_workspace_sees_nothing
                request_is_bound_to_its_runtime
                accepts_caller_in_250_workspaces
            }
            bound_tokens {
                bound_token_acts_for_its_daemon
                bound_token_sees_nothing_of_other_daemon
                bound_token_sees_nothing_of_other_workspace
                similar_daemon_id_is_another
                daemons_report_own_requests_only
                unbound_token_acts_for_every_daemon
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
            presence {
                plain_heartbeat_replaces_presence
                heartbeat_of_connected_daemon_keeps_presence
                replaces_only_the_presence_that_was_seen
                sixteen_replacements_have_one_winner
                retried_replacement_is_the_same
                replacement_returns_open_set
                unknown_runtime_has_no_presence
                finds_leases_of_one_client
                finds_only_lease_of_recorded_connection
                finds_no_ended_lease
                connection_keeps_earlier_runtimes
                registration_ends_lease
                deregistration_ends_lease
                ring_returns_lease_and_is_notified
                retried_ring_returns_lease
                ring_without_lease_is_not_notified
                leased_runtime_is_online_until_its_lease_ends
                ended_lease_leaves_window_of_last_heartbeat
            }
            reminders {
                reminds_after_3_s_and_then_every_5_s
                sixteen_polls_take_one_reminder
                retried_reminder_is_taken_again
                reminder_changes_no_other_field
                only_pending_request_has_reminders
                request_without_hint_has_no_reminders
                runtime_without_lease_has_no_reminders
            }
            tokens {
                finds_issued_token
                hides_token_from_its_expiry
                hides_revoked_token_at_once
                lists_tokens_by_workspace
                pages_contain_every_token_once
                finds_token_by_id_in_its_workspace
                records_token_use_once_a_day
                use_of_revoked_token_is_not_recorded
                lists_no_token_as_runtime
                finds_connections_of_one_token
                revoked_token_shows_its_connections
            }
            enrolments {
                redeemed_token_is_bound_to_its_daemon
                subject_is_the_daemon_by_default
                unknown_code_is_not_found
                code_expires
                used_code_is_of_no_use_to_others
                daemon_redeems_again_for_a_minute
                second_redemption_replaces_token
                retried_redemption_returns_the_same_token
                revoked_token_is_not_replaced
                one_of_four_daemons_redeems
                concurrent_redemptions_leave_one_token
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
                sixteen_redeliveries_have_one_winner
                report_wins_against_redelivery
                report_and_timeout_leave_one_outcome
                sixteen_polls_write_one_timeout
                heartbeats_share_a_queue
                report_and_cancellation_leave_one_outcome
                sixteen_rings_fill_the_last_place_once
                sixteen_joining_rings_are_one_request
                sixteen_rings_with_one_key_are_one_request
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
