//! One suite for every place that serves the API: the wire contract, line by line, in what can be seen without setting the
//! clock.
//!
//! A case is handed a client and makes runtimes of its own, so the suite can run in parallel and on a stack that holds
//! other things. What API Gateway answers by itself has its own body: of that the status alone is compared.
//!
//! Instantiate it with [`contract_suite!`](crate::contract_suite).

#![allow(missing_docs, reason = "a case is named after what it shows")]

pub mod access;
pub mod deregister;
pub mod heartbeat;
pub mod initiate;
pub mod isolation;
pub mod lifecycle;
pub mod poll;
pub mod register;
pub mod report;
pub mod runtimes;

use doorbell_shared::http::routes::Route;
use serde_json::{Value, json};

use crate::Caller;

/// An id of the right form that no runtime has.
pub const ABSENT_RUNTIME: &str = "11111111-2222-4333-8444-555555555555";
/// An id of the right form that no request has.
pub const ABSENT_REQUEST: &str = "01930000000070008000000000000001";

/// Makes one test of every case, for the API that `$serve().await` gives a client of: `contract_suite!([] embedded)`.
/// Attributes in the brackets go on every test.
#[macro_export]
macro_rules! contract_suite {
    ($attributes:tt $serve:path) => {
        $crate::contract_suite! { @modules $attributes $serve;
            initiate {
                answers_with_a_pending_record_and_nothing_optional
                needs_no_body
                refuses_what_is_not_an_id
                does_not_tell_a_foreign_runtime_from_none
                says_when_a_runtime_is_offline
            }
            lifecycle {
                a_ring_is_collected_by_the_next_heartbeat_and_answered
                rings_are_collected_in_order_one_a_beat
                nothing_that_is_left_out_is_null
            }
            poll {
                does_not_find_what_is_not_the_callers_or_not_under_this_path
                finds_a_request_right_after_the_ring
            }
            report {
                passes_models_through_unchanged
                drops_null_from_models
                a_failure_is_shown_with_its_text
                any_status_but_completed_is_a_failure
                supported_false_reaches_the_client
                of_a_catalog_of_two_thousand_models_is_shown_whole
                on_an_answered_request_is_ignored_and_still_ok
                on_what_is_not_there_or_not_ours_is_not_found
                that_cannot_be_read_changes_nothing
                too_large_to_store_is_refused_and_fails_the_request_with_a_text_that_says_so
            }
            heartbeat {
                names_its_runtime_in_the_body
                tells_a_forgotten_runtime_from_a_foreign_one
                ignores_fields_it_does_not_know
                brings_a_deregistered_runtime_back
            }
            register {
                answers_with_the_runtimes_and_what_daemons_expect_beside_them
                again_gives_the_same_ids
                profiles_are_different_runtimes
                says_what_is_missing
                a_failed_profile_alone_is_enough
                in_a_workspace_that_is_not_the_tokens_is_not_found
            }
            deregister {
                takes_runtimes_offline_at_once_and_passes_over_the_rest
                names_something
            }
            runtimes {
                are_listed_by_name
                are_those_of_the_callers_workspaces
            }
            access {
                are_shut_without_a_token_on_every_route
                are_shut_to_a_token_that_nobody_issued_on_every_route
                are_shut_to_a_token_of_the_other_scope_on_every_route
                are_too_narrow_for_a_body_over_one_megabyte_on_every_route
                lead_nowhere_on_a_path_that_is_no_route
                let_a_body_without_a_content_type_through_whole
            }
            isolation {
                make_what_is_foreign_look_like_what_does_not_exist
                keep_what_is_foreign_from_being_changed
            }
        }
    };
    (@modules $attributes:tt $serve:path; $($module:ident { $($case:ident)* })*) => {
        $(mod $module {
            $($crate::contract_suite! { @case $attributes $serve, $module $case })*
        })*
    };
    (@case [$($attribute:tt)*] $serve:path, $module:ident $case:ident) => {
        $($attribute)*
        #[tokio::test]
        async fn $case() {
            let api = $serve().await;
            $crate::contract::$module::$case(&api).await;
        }
    };
}

/// A catalog with every field there is, and one that nobody knows.
pub fn models() -> Value {
    json!([{
        "id": "gpt-6", "label": "GPT-6", "provider": "openai", "default": true,
        "thinking": {"supported_levels": [{"value": "low", "label": "Low", "description": "…"}], "default_level": "low"},
        "service_tiers": [{"id": "priority", "name": "Fast", "description": "…"}],
        "context_window": 400_000,
    }])
}

/// A route's path on that runtime and request.
fn path(route: &Route, runtime: &str, request: &str) -> String {
    route.path.replace("{runtimeId}", runtime).replace("{requestId}", request)
}

/// Somebody in workspace A, and somebody in workspace B, who may call a route.
fn callers(route: &Route) -> [Caller; 2] {
    match route.path.starts_with("/api/daemon") {
        true => [Caller::DaemonA, Caller::DaemonB],
        false => [Caller::UserA, Caller::UserB],
    }
}
