//! The contract suite: the wire contract, case by case, in process and on a deployed stack.
//!
//! A case gets a [`Target`] and makes its own runtimes, so cases run in parallel and on a stack with other data. API Gateway's
//! own responses have its own body; cases compare their status only. Instantiate with
//! [`contract_suite!`](crate::contract_suite).

mod target;

pub mod access;
pub mod cancel;
pub mod catalog;
pub mod daemon_heartbeat;
pub mod deadlines;
pub mod deregister;
pub mod enrolment;
pub mod forget;
pub mod generic_report;
pub mod heartbeat;
pub mod initiate;
pub mod isolation;
pub mod json;
pub mod lifecycle;
pub mod local_skills;
pub mod page;
pub mod poll;
pub mod questions;
pub mod redelivery;
pub mod register;
pub mod report;
pub mod requests;
pub mod runtimes;
pub mod tokens;
pub mod wait;
pub mod workspaces;

pub use target::Target;

use doorbell_protocol::Scope;
use doorbell_shared::http::routes::Route;
use doorbell_shared::kinds::{BUILT_IN, RouteKind};
use serde_json::{Value, json};

use crate::{ApiResponse, Caller};

/// A well-formed runtime id that does not exist.
pub const ABSENT_RUNTIME: &str = "11111111-2222-4333-8444-555555555555";
/// A well-formed request id that does not exist.
pub const ABSENT_REQUEST: &str = "01930000000070008000000000000001";

/// The kind in the path of a route.
const KIND: &str = "{kind}";

/// One test for each case, on the target that `$target().await` returns: `contract_suite!([] Target::in_process)`. The
/// brackets hold attributes of every test.
#[macro_export]
macro_rules! contract_suite {
    ($attributes:tt $target:path) => {
        $crate::contract_suite! { @modules $attributes $target;
            initiate {
                responds_with_pending_record
                accepts_missing_body
                rejects_malformed_runtime_id
                foreign_or_absent_runtime_is_not_found
                deregistered_runtime_is_offline
            }
            lifecycle {
                ring_is_claimed_reported_and_shown
                claims_oldest_request_first
                responses_contain_no_null
            }
            poll {
                foreign_or_absent_request_is_not_found
                finds_request_right_after_ring
            }
            deadlines {
                pending_request_times_out_after_30_s
                running_request_times_out_60_s_after_claim
                record_is_readable_for_2_min_after_last_change
                report_after_timeout_is_ignored
                timed_out_request_is_not_claimed
                runtime_is_offline_45_s_after_last_heartbeat
            }
            redelivery {
                redelivers_running_request_missing_from_in_flight
                keeps_request_listed_in_flight
                needs_in_flight
                unreadable_in_flight_is_ignored
                in_flight_may_reach_its_limit
                keeps_queue_order
                keeps_running_deadline
                first_report_counts
                repeated_report_changes_nothing
                record_has_no_new_field
            }
            report {
                passes_models_through_unchanged
                shows_error_of_failure
                any_status_but_completed_is_failure
                shows_supported_false
                shows_catalog_of_2000_models
                second_report_is_ignored
                foreign_or_absent_request_is_not_found
                unreadable_report_changes_nothing
                malformed_model_fails_request
                malformed_model_is_rejected_after_end
                models_of_failure_are_ignored
                foreign_malformed_report_changes_nothing
                oversized_report_fails_request
            }
            requests {
                question_is_claimed_reported_and_shown
                any_args_pass_through
                size_of_args_is_bounded
                rejects_invalid_bodies
                undeclared_kind_is_unknown
                foreign_or_absent_runtime_is_not_found
                foreign_or_absent_request_is_not_found
                offline_runtime_is_asked_with_queue_only
                question_times_out_by_its_own_deadline
                repeated_question_joins_pending_request
                own_routes_join_pending_request
                open_requests_are_bounded
                built_in_kind_is_asked_here_too
                idempotency_key_answers_same_request
                idempotency_key_works_on_own_route
                rejects_invalid_idempotency_key
            }
            catalog {
                snapshot_answers_next_ring
                snapshot_answers_ring_on_generic_route
                generic_report_is_snapshot
                cached_id_cannot_be_polled_or_cancelled
                fresh_snapshot_makes_no_request
                newer_report_replaces_snapshot
                fallback_is_shown_and_keeps_snapshot
                empty_or_unsupported_list_deletes_snapshot
                failed_report_keeps_snapshot
                stale_report_changes_no_snapshot
                refresh_bypasses_snapshot_and_joins
                args_bypass_snapshot
                snapshot_hides_no_error
                idempotency_key_comes_before_snapshot
                snapshot_is_not_waited_for
                cached_record_contains_no_null
                snapshot_ends_with_its_runtime
            }
            cancel {
                open_request_fails_as_cancelled
                ended_request_stays_as_it_is
                report_of_cancelled_request_says_so
                heartbeat_names_cancelled_request_in_flight
                model_report_of_cancelled_request_is_unchanged
                own_routes_cannot_cancel
            }
            generic_report {
                progress_is_shown_until_the_end
                oversized_progress_changes_nothing
                progress_of_pending_request_is_ignored
                any_result_passes_through
                result_that_cannot_be_stored_fails_request
                unreadable_report_changes_nothing
                foreign_or_absent_request_is_not_found
                result_of_built_in_kind_is_checked
                result_of_local_skills_has_no_other_fields
            }
            local_skills {
                skills_are_claimed_reported_and_shown
                kinds_do_not_share_routes
                pending_request_times_out_after_3_minutes
                malformed_entry_fails_request
            }
            wait {
                held_poll_returns_the_answer
                open_request_is_returned_after_the_wait
                rejects_invalid_wait
            }
            json {
                passes_numbers_through_to_the_letter
                drops_nulls_at_any_depth
                passes_duplicate_fields_through
                rejects_nesting_over_127
            }
            heartbeat {
                rejects_unreadable_body
                unknown_runtime_differs_from_foreign_one
                ignores_unknown_fields
                revives_deregistered_runtime
            }
            daemon_heartbeat {
                idle_heartbeat_has_no_work
                hands_out_work_of_each_runtime
                hands_out_oldest_first_up_to_ten
                redelivery_counts_attempts
                shows_status_of_each_runtime
                in_flight_of_ended_requests_is_ignored
                number_of_runtimes_is_bounded
                rejects_unreadable_runtimes
            }
            questions {
                record_shows_declared_questions
                registration_replaces_questions
                rejects_invalid_question
                name_is_unique
                questions_are_bounded
            }
            register {
                responds_with_runtimes
                repeated_registration_keeps_ids
                profiles_are_different_runtimes
                list_shows_registered_record
                leaves_out_fields_that_are_not_set
                next_registration_replaces_all_fields
                runtime_listed_twice_is_one_runtime
                trims_texts
                names_nameless_runtime_after_type_and_device
                cleans_versions_and_device_name
                accepts_longest_texts
                rejects_control_characters
                rejects_incomplete_registration
                accepts_failed_profile_alone
                foreign_workspace_is_not_found
            }
            deregister {
                takes_own_runtimes_offline_at_once
                accepts_200_ids
                skips_blank_and_malformed_ids
                rejects_missing_runtime_ids
            }
            runtimes {
                lists_by_name
                lists_workspaces_of_caller
                ignores_unknown_parameters
                pages_list_each_runtime_once
                page_link_keeps_parameters
                rejects_invalid_limit_and_cursor
            }
            forget {
                forgotten_runtime_is_gone
                daemon_registers_forgotten_runtime_again
                foreign_or_absent_runtime_is_not_found
                rejects_malformed_runtime_id
            }
            workspaces {
                lists_workspaces_of_token
            }
            enrolment {
                code_is_redeemed_for_bound_token
                names_token_after_subject_of_code
                any_spelling_of_code_is_redeemed
                used_code_is_not_found
                lost_response_is_repeated_within_a_minute
                expired_code_is_not_found
                unknown_or_malformed_code_is_not_found
                token_of_caller_is_ignored
                rejects_invalid_enrolment
                rejects_invalid_redemption
                foreign_workspace_is_not_found
                answers_with_secrets_are_not_cached
            }
            tokens {
                created_token_works_and_is_listed
                created_token_expires
                lists_every_token_once_in_pages
                shows_no_workspace_of_another_tenant
                revoked_token_is_rejected
                unknown_or_foreign_token_is_not_found
                rejects_invalid_token
                rejects_invalid_list
                foreign_workspace_is_not_found
            }
            access {
                requires_token_on_every_route
                rejects_unknown_token_on_every_route
                rejects_token_of_other_scope_on_every_route
                rejects_body_over_1_mib_on_every_route
                rejects_malformed_body_on_every_route
                unknown_path_is_not_found
                accepts_body_without_content_type
            }
            page {
                serves_every_file_without_a_token
                every_file_restricts_the_browser
            }
            isolation {
                foreign_looks_absent
                foreign_cannot_be_changed
            }
        }
    };
    (@modules $attributes:tt $target:path; $($module:ident { $($case:ident)* })*) => {
        $(mod $module {
            $($crate::contract_suite! { @case $attributes $target, $module $case })*
        })*
    };
    (@case [$($attribute:tt)*] $target:path, $module:ident $case:ident) => {
        $($attribute)*
        #[tokio::test]
        async fn $case() {
            let target = $target().await;
            $crate::contract::$module::$case(&target).await;
        }
    };
}

/// A catalog with every known field and one unknown.
pub fn models() -> Value {
    json!([{
        "id": "gpt-6", "label": "GPT-6", "provider": "openai", "default": true,
        "thinking": {"supported_levels": [{"value": "low", "label": "Low", "description": "…"}], "default_level": "low"},
        "service_tiers": [{"id": "priority", "name": "Fast", "description": "…"}],
        "context_window": 400_000,
    }])
}

/// The body of a 200 without content.
fn acknowledged() -> ApiResponse {
    ApiResponse::ok(json!({"status": "ok"}))
}

/// A heartbeat's response that hands out `request`.
fn handed_out(request: &str) -> ApiResponse {
    ApiResponse::ok(json!({"status": "ok", "pending_model_list": {"id": request}}))
}

fn models_path(runtime: &str) -> String {
    format!("/api/runtimes/{runtime}/models")
}

fn result_path(runtime: &str, request: &str) -> String {
    format!("/api/daemon/runtimes/{runtime}/models/{request}/result")
}

/// The paths of a route on this runtime and request: one for each kind that has the route.
pub fn paths(route: &Route, runtime: &str, request: &str) -> Vec<String> {
    let path = route.path.replace("{runtimeId}", runtime).replace("{requestId}", request);
    if !path.contains(KIND) {
        return vec![path];
    }
    let segments = BUILT_IN.iter().map(|kind| kind.segment).chain([RouteKind::ANY]);
    segments.map(|segment| path.replace(KIND, segment)).filter(|path| route.serves(path)).collect()
}

/// The callers in workspace A and B with the route's scope. A public route ignores the caller.
fn callers(route: &Route) -> [Caller; 2] {
    match route.scope {
        Some(Scope::User) | None => [Caller::UserA, Caller::UserB],
        Some(Scope::Daemon) => [Caller::DaemonA, Caller::DaemonB],
        Some(Scope::Admin) => [Caller::AdminA, Caller::AdminB],
    }
}
