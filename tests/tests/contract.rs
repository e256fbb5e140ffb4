//! The wire contract, line by line, over HTTP: every status and every text.

use doorbell_tests::api::{WORKSPACE_A, WORKSPACE_B};
use doorbell_tests::{Answer, Caller, TestApi};
use serde_json::{Value, json};

/// An id of the right form that nothing has.
const NO_RUNTIME: &str = "11111111-2222-4333-8444-555555555555";
const NO_REQUEST: &str = "01930000000070008000000000000001";

fn models() -> Value {
    json!([{
        "id": "gpt-6", "label": "GPT-6", "provider": "openai", "default": true,
        "thinking": {"supported_levels": [{"value": "low", "label": "Low", "description": "…"}], "default_level": "low"},
        "service_tiers": [{"id": "priority", "name": "Fast", "description": "…"}],
        "context_window": 400_000,
    }])
}

mod initiate {
    use super::*;

    #[tokio::test]
    async fn answers_with_a_pending_record_and_nothing_optional() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let answer =
            api.post(Caller::UserA, &format!("/api/runtimes/{runtime}/models"), json!({"ignored": 1})).await;
        assert_eq!(answer.status, 200);
        let mut fields: Vec<_> = answer.body.as_object().unwrap().keys().cloned().collect();
        fields.sort();
        assert_eq!(fields, ["created_at", "id", "runtime_id", "status", "supported", "updated_at"]);
        assert_eq!(answer.body["status"], "pending");
        assert_eq!(answer.body["supported"], true);
        assert_eq!(answer.body["runtime_id"], runtime.as_str());
        let id = answer.body["id"].as_str().unwrap();
        assert!(id.len() == 32 && id.as_bytes()[12] == b'7', "{id} is not a UUIDv7 in hex digits");
        let created = answer.body["created_at"].as_str().unwrap();
        assert!(created.len() == 24 && created.ends_with('Z'), "{created} is not RFC 3339 with milliseconds");
    }

    #[tokio::test]
    async fn needs_no_body() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let answer = api.post_raw(Caller::UserA, &format!("/api/runtimes/{runtime}/models"), "").await;
        assert_eq!(answer.status, 200);
    }

    #[tokio::test]
    async fn refuses_what_is_not_an_id() {
        let api = TestApi::start().await;
        let upper = api.runtime().await.to_uppercase();
        for id in ["nonsense", "1", &upper, &format!("{{{NO_RUNTIME}}}"), "11111111222243338444555555555555"]
        {
            let path = format!("/api/runtimes/{}/models", id.replace('{', "%7B").replace('}', "%7D"));
            let answer = api.post(Caller::UserA, &path, json!({})).await;
            assert_eq!(answer, Answer::error(400, "invalid runtime_id"), "{id}");
        }
    }

    #[tokio::test]
    async fn does_not_tell_a_foreign_runtime_from_none() {
        let api = TestApi::start().await;
        let foreign = api.runtime().await;
        for id in [foreign.as_str(), NO_RUNTIME] {
            let answer = api.post(Caller::UserB, &format!("/api/runtimes/{id}/models"), json!({})).await;
            assert_eq!(answer, Answer::error(404, "runtime not found"));
        }
    }

    #[tokio::test]
    async fn says_when_a_runtime_is_rung_too_fast_and_when_to_try_again() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        for _ in 0..60 {
            api.ring(&runtime).await;
        }
        let path = format!("/api/runtimes/{runtime}/models");
        let one_more =
            api.request(reqwest::Method::POST, &path).bearer_auth("dbu_dev_a").send().await.unwrap();
        assert_eq!(
            (one_more.status().as_u16(), &one_more.headers()["retry-after"]),
            (429, &"1".parse().unwrap())
        );
        let answer = api.post(Caller::UserA, &path, json!({})).await;
        assert_eq!(answer, Answer::error(429, "too many requests for this runtime"));
        api.pass(1.0);
        api.ring(&runtime).await;
    }

    #[tokio::test]
    async fn says_when_a_runtime_is_offline() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        api.pass(45.001);
        let answer = api.post(Caller::UserA, &format!("/api/runtimes/{runtime}/models"), json!({})).await;
        assert_eq!(answer, Answer::error(503, "runtime is offline"));
    }
}

mod lifecycle {
    use super::*;

    #[tokio::test]
    async fn a_ring_is_collected_by_the_next_heartbeat_and_answered() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let request = api.ring(&runtime).await;
        assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");

        api.pass(1.0);
        let beat = api.beat(&runtime).await;
        assert_eq!(beat, Answer::ok(json!({"status": "ok", "pending_model_list": {"id": request}})));
        assert_eq!(api.beat(&runtime).await, Answer::ok(json!({"status": "ok"})));
        let running = api.poll(&runtime, &request).await.body;
        assert_eq!(running["status"], "running");
        assert_eq!(running.as_object().unwrap().len(), 6, "a running record shows nothing new: {running}");

        api.pass(1.0);
        let reported =
            api.report(&runtime, &request, json!({"status": "completed", "models": models()})).await;
        assert_eq!(reported, Answer::ok(json!({"status": "ok"})));
        let completed = api.poll(&runtime, &request).await.body;
        assert_eq!(completed["status"], "completed");
        assert_eq!(completed["models"], models());
        assert_eq!(completed["supported"], true);
        assert_eq!(completed.get("error"), None);
    }

    #[tokio::test]
    async fn rings_are_collected_in_order_one_a_beat() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let asked = [api.ring(&runtime).await, api.ring(&runtime).await, api.ring(&runtime).await];
        for request in &asked {
            assert_eq!(api.beat(&runtime).await.body["pending_model_list"]["id"], request.as_str());
        }
        assert_eq!(api.beat(&runtime).await.body.get("pending_model_list"), None);
    }

    #[tokio::test]
    async fn nobody_collecting_is_a_time_out_after_thirty_seconds() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let request = api.ring(&runtime).await;
        api.pass(30.0);
        assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");
        api.pass(0.001);
        let lapsed = api.poll(&runtime, &request).await.body;
        assert_eq!(lapsed["status"], "timeout");
        assert_eq!(lapsed["error"], "daemon did not respond within 30 seconds");
    }

    #[tokio::test]
    async fn nobody_reporting_is_a_time_out_sixty_seconds_after_the_claim() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let request = api.ring(&runtime).await;
        api.pass(20.0);
        api.beat(&runtime).await;
        api.pass(60.0);
        assert_eq!(api.poll(&runtime, &request).await.body["status"], "running");
        api.pass(0.001);
        let lapsed = api.poll(&runtime, &request).await.body;
        assert_eq!(lapsed["status"], "timeout");
        assert_eq!(lapsed["error"], "daemon did not finish within 60 seconds");
    }

    #[tokio::test]
    async fn a_record_is_gone_two_minutes_after_its_last_change() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let request = api.ring(&runtime).await;
        api.report(&runtime, &request, json!({"status": "failed", "error": "no"})).await;
        api.pass(120.0);
        assert_eq!(api.poll(&runtime, &request).await.status, 200);
        api.pass(0.001);
        assert_eq!(api.poll(&runtime, &request).await, Answer::error(404, "request not found"));
    }
}

mod poll {
    use super::*;

    #[tokio::test]
    async fn does_not_find_what_is_not_the_callers_or_not_under_this_path() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let request = api.ring(&runtime).await;
        let not_found = Answer::error(404, "request not found");
        for (caller, runtime, request) in [
            (Caller::UserB, runtime.as_str(), request.as_str()),
            (Caller::UserA, NO_RUNTIME, request.as_str()),
            (Caller::UserA, runtime.as_str(), NO_REQUEST),
            (Caller::UserA, runtime.as_str(), "nonsense"),
            (Caller::UserA, runtime.as_str(), &request.to_uppercase()),
            (Caller::UserA, "nonsense", request.as_str()),
        ] {
            let answer = api.get(caller, &format!("/api/runtimes/{runtime}/models/{request}")).await;
            assert_eq!(answer, not_found, "{caller:?} {runtime} {request}");
        }
    }
}

mod report {
    use super::*;

    #[tokio::test]
    async fn a_failure_is_shown_with_its_text() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let request = api.ring(&runtime).await;
        let failed = json!({"status": "failed", "error": "codex is not logged in"});
        assert_eq!(api.report(&runtime, &request, failed).await, Answer::ok(json!({"status": "ok"})));
        let shown = api.poll(&runtime, &request).await.body;
        assert_eq!((&shown["status"], &shown["error"]), (&json!("failed"), &json!("codex is not logged in")));
        assert_eq!(shown.get("models"), None);
    }

    #[tokio::test]
    async fn any_status_but_completed_is_a_failure() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let request = api.ring(&runtime).await;
        api.report(&runtime, &request, json!({"status": "done", "models": models()})).await;
        assert_eq!(api.poll(&runtime, &request).await.body["status"], "failed");
    }

    #[tokio::test]
    async fn supported_false_reaches_the_client() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let request = api.ring(&runtime).await;
        api.report(&runtime, &request, json!({"status": "completed", "models": [], "supported": false}))
            .await;
        let shown = api.poll(&runtime, &request).await.body;
        assert_eq!((&shown["supported"], shown.get("models")), (&json!(false), None));
    }

    #[tokio::test]
    async fn on_an_answered_or_lapsed_request_is_ignored_and_still_ok() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let (answered, lapsed) = (api.ring(&runtime).await, api.ring(&runtime).await);
        api.report(&runtime, &answered, json!({"status": "completed", "models": models()})).await;
        api.pass(30.001);
        for (request, status) in [(&answered, "completed"), (&lapsed, "timeout")] {
            let late = api.report(&runtime, request, json!({"status": "failed", "error": "late"})).await;
            assert_eq!(late, Answer::ok(json!({"status": "ok"})));
            assert_eq!(api.poll(&runtime, request).await.body["status"], status);
        }
    }

    #[tokio::test]
    async fn on_what_is_not_there_or_not_ours_is_not_found() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let request = api.ring(&runtime).await;
        let body = json!({"status": "failed", "error": "no"});
        for (caller, runtime, request) in [
            (Caller::DaemonB, runtime.as_str(), request.as_str()),
            (Caller::DaemonA, NO_RUNTIME, request.as_str()),
            (Caller::DaemonA, runtime.as_str(), NO_REQUEST),
            (Caller::DaemonA, runtime.as_str(), "nonsense"),
        ] {
            let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
            assert_eq!(api.post(caller, &path, body.clone()).await, Answer::error(404, "request not found"));
        }
        let path = format!("/api/daemon/runtimes/nonsense/models/{request}/result");
        assert_eq!(api.post(Caller::DaemonA, &path, body).await, Answer::error(400, "invalid runtime_id"));
        assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");
    }

    #[tokio::test]
    async fn that_cannot_be_read_changes_nothing() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let request = api.ring(&runtime).await;
        let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
        let deep = format!(
            r#"{{"status":"completed","models":[{{"id":"a","x":{}{}}}]}}"#,
            "[".repeat(500),
            "]".repeat(500)
        );
        for body in [
            "",
            "{",
            "null",
            "[]",
            "\"completed\"",
            "{}",
            r#"{"status":1}"#,
            r#"{"status":"completed","models":{}}"#,
            r#"{"status":"completed","models":[{"label":"no id"}]}"#,
            r#"{"status":"completed","models":[{"id":""}]}"#,
            r#"{"status":"completed","models":["gpt-6"]}"#,
            r#"{"status":"completed","supported":"yes"}"#,
            deep.as_str(),
        ] {
            let answer = api.post_raw(Caller::DaemonA, &path, body.to_owned()).await;
            assert_eq!(answer, Answer::error(400, "invalid request body"), "{body:.80}");
        }
        let not_text = api.post_raw(Caller::DaemonA, &path, vec![0xff, 0xfe]).await;
        assert_eq!(not_text, Answer::error(400, "invalid request body"));
        assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");
    }

    /// A daemon gives up at a 4xx, and without this the person would wait for the time-out.
    #[tokio::test]
    async fn too_large_to_store_is_refused_and_fails_the_request_with_a_text_that_says_so() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let request = api.ring(&runtime).await;
        let large = json!({"status": "completed", "models": [{"id": "a", "label": "x".repeat(500 * 1024)}]});
        assert_eq!(api.report(&runtime, &request, large).await, Answer::error(413, "report too large"));
        let shown = api.poll(&runtime, &request).await.body;
        assert_eq!(shown["status"], "failed");
        assert!(shown["error"].as_str().unwrap().contains("too large to store"), "{shown}");
    }
}

mod heartbeat {
    use super::*;

    #[tokio::test]
    async fn names_its_runtime_in_the_body() {
        let api = TestApi::start().await;
        for (body, error) in [
            ("", "invalid request body"),
            ("[", "invalid request body"),
            (r#"{"runtime_id": 7}"#, "invalid request body"),
            ("{}", "runtime_id is required"),
            (r#"{"runtime_id": ""}"#, "runtime_id is required"),
            (r#"{"runtime_id": null}"#, "runtime_id is required"),
            (r#"{"runtime_id": "x"}"#, "invalid runtime_id"),
        ] {
            let answer = api.post_raw(Caller::DaemonA, "/api/daemon/heartbeat", body).await;
            assert_eq!(answer, Answer::error(400, error), "{body}");
        }
    }

    #[tokio::test]
    async fn tells_a_forgotten_runtime_from_a_foreign_one() {
        let api = TestApi::start().await;
        let foreign = api.runtime().await;
        for (runtime, error) in [(NO_RUNTIME, "runtime not found"), (foreign.as_str(), "not found")] {
            let body = json!({"runtime_id": runtime});
            let answer = api.post(Caller::DaemonB, "/api/daemon/heartbeat", body).await;
            assert_eq!(answer, Answer::error(404, error));
        }
    }

    #[tokio::test]
    async fn ignores_fields_it_does_not_know() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let body =
            json!({"runtime_id": runtime, "supports_batch_import": true, "in_flight": ["x"], "new": {}});
        let answer = api.post(Caller::DaemonA, "/api/daemon/heartbeat", body).await;
        assert_eq!(answer, Answer::ok(json!({"status": "ok"})));
    }
}

mod register {
    use super::*;

    async fn register(api: &TestApi, body: Value) -> Answer {
        api.post(Caller::DaemonA, "/api/daemon/register", body).await
    }

    #[tokio::test]
    async fn answers_with_the_runtimes_and_what_daemons_expect_beside_them() {
        let api = TestApi::start().await;
        let body = json!({
            "workspace_id": WORKSPACE_A, "daemon_id": "my-laptop", "device_name": "…", "cli_version": "…",
            "runtimes": [{"name": "Codex", "type": "codex", "version": "0.169.0", "status": "online", "profile_id": ""}],
            "something_else": true,
        });
        let answer = register(&api, body).await;
        assert_eq!(answer.status, 200);
        let runtime = &answer.body["runtimes"][0];
        let now = runtime["last_seen_at"].clone();
        assert_eq!(
            answer.body,
            json!({
                "runtimes": [{
                    "id": runtime["id"], "workspace_id": WORKSPACE_A, "daemon_id": "my-laptop", "name": "Codex",
                    "provider": "codex", "status": "online", "last_seen_at": now, "created_at": now, "updated_at": now,
                }],
                "repos": [], "repos_version": "", "settings": {},
            })
        );
    }

    #[tokio::test]
    async fn again_gives_the_same_ids() {
        let api = TestApi::start().await;
        assert_eq!(api.runtime().await, api.runtime().await);
    }

    #[tokio::test]
    async fn profiles_are_different_runtimes() {
        let api = TestApi::start().await;
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [
            {"name": "Codex", "type": "codex"}, {"name": "Codex", "type": "codex", "profile_id": "work"}]});
        let runtimes = register(&api, body).await.body["runtimes"].clone();
        assert_ne!(runtimes[0]["id"], runtimes[1]["id"]);
    }

    #[tokio::test]
    async fn says_what_is_missing() {
        let api = TestApi::start().await;
        let runtimes = json!([{"name": "Codex", "type": "codex"}]);
        let many: Vec<_> = (0..51).map(|n| json!({"type": format!("t{n}")})).collect();
        for (body, error) in [
            (json!({"workspace_id": WORKSPACE_A, "runtimes": runtimes}), "daemon_id is required"),
            (json!({"daemon_id": "d", "runtimes": runtimes}), "workspace_id is required"),
            (
                json!({"daemon_id": "d", "workspace_id": WORKSPACE_A}),
                "at least one runtime or failed profile is required",
            ),
            (
                json!({"daemon_id": "d", "workspace_id": WORKSPACE_A, "runtimes": []}),
                "at least one runtime or failed profile is required",
            ),
            (json!({"daemon_id": "d", "workspace_id": "x", "runtimes": runtimes}), "invalid workspace_id"),
            (
                json!({"daemon_id": 5, "workspace_id": WORKSPACE_A, "runtimes": runtimes}),
                "invalid request body",
            ),
            (
                json!({"daemon_id": "d", "workspace_id": WORKSPACE_A, "runtimes": many}),
                "at most 50 runtimes at once",
            ),
            (
                json!({"daemon_id": "d", "workspace_id": WORKSPACE_A, "runtimes": [{"name": "n".repeat(201)}]}),
                "name is longer than 200 characters",
            ),
        ] {
            assert_eq!(register(&api, body).await, Answer::error(400, error));
        }
        let answer = api.post_raw(Caller::DaemonA, "/api/daemon/register", "not json").await;
        assert_eq!(answer, Answer::error(400, "invalid request body"));
    }

    #[tokio::test]
    async fn a_failed_profile_alone_is_enough() {
        let api = TestApi::start().await;
        let body =
            json!({"daemon_id": "d", "workspace_id": WORKSPACE_A, "failed_profiles": [{"profile_id": "p"}]});
        let answer = register(&api, body).await;
        assert_eq!((answer.status, &answer.body["runtimes"]), (200, &json!([])));
    }

    #[tokio::test]
    async fn in_a_workspace_that_is_not_the_tokens_is_not_found() {
        let api = TestApi::start().await;
        let body = json!({"daemon_id": "d", "workspace_id": WORKSPACE_B, "runtimes": [{"type": "codex"}]});
        assert_eq!(register(&api, body).await, Answer::error(404, "workspace not found"));
    }
}

mod deregister {
    use super::*;

    async fn deregister(api: &TestApi, caller: Caller, body: Value) -> Answer {
        api.post(caller, "/api/daemon/deregister", body).await
    }

    #[tokio::test]
    async fn takes_runtimes_offline_at_once_and_passes_over_the_rest() {
        let api = TestApi::start().await;
        let runtime = api.runtime().await;
        let body = json!({"runtime_ids": [NO_RUNTIME, "nonsense", runtime]});
        assert_eq!(
            deregister(&api, Caller::DaemonB, body.clone()).await,
            Answer::ok(json!({"status": "ok"}))
        );
        assert_eq!(api.get(Caller::UserA, "/api/runtimes").await.body[0]["status"], "online");
        assert_eq!(deregister(&api, Caller::DaemonA, body).await, Answer::ok(json!({"status": "ok"})));
        assert_eq!(api.get(Caller::UserA, "/api/runtimes").await.body[0]["status"], "offline");
    }

    #[tokio::test]
    async fn names_something() {
        let api = TestApi::start().await;
        for body in [json!({}), json!({"runtime_ids": []}), json!({"runtime_ids": null})] {
            assert_eq!(
                deregister(&api, Caller::DaemonA, body).await,
                Answer::error(400, "runtime_ids is required")
            );
        }
        let odd = deregister(&api, Caller::DaemonA, json!({"runtime_ids": "x"})).await;
        assert_eq!(odd, Answer::error(400, "invalid request body"));
    }
}

mod runtimes {
    use super::*;

    #[tokio::test]
    async fn are_listed_by_name() {
        let api = TestApi::start().await;
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [
            {"name": "OpenCode", "type": "opencode"}, {"name": "Codex", "type": "codex"}]});
        api.post(Caller::DaemonA, "/api/daemon/register", body).await;
        let listed = api.get(Caller::UserA, "/api/runtimes").await.body;
        let names: Vec<_> = listed.as_array().unwrap().iter().map(|runtime| &runtime["name"]).collect();
        assert_eq!(names, ["Codex", "OpenCode"]);
    }

    #[tokio::test]
    async fn are_those_of_the_callers_workspaces() {
        let api = TestApi::start().await;
        api.runtime().await;
        assert_eq!(api.get(Caller::UserB, "/api/runtimes").await, Answer::ok(json!([])));
        let of_a = api.get(Caller::UserA, &format!("/api/runtimes?workspace_id={WORKSPACE_A}")).await;
        assert_eq!(of_a.body.as_array().unwrap().len(), 1);
        let of_b = api.get(Caller::UserA, &format!("/api/runtimes?workspace_id={WORKSPACE_B}")).await;
        assert_eq!(of_b, Answer::error(404, "workspace not found"));
        let of_none = api.get(Caller::UserA, "/api/runtimes?workspace_id=x").await;
        assert_eq!(of_none, Answer::error(400, "invalid workspace_id"));
    }
}
