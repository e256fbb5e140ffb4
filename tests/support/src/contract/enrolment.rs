//! Enrolment: codes and their redemption.

use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::{ENROLMENT_MAX_S, ENROLMENT_MIN_S, REDEMPTION_RETRY, TEXT_CHARS};
use reqwest::Method;
use serde_json::{Value, json};

use super::Target;
use super::tokens::{find_token, time};
use crate::client::new_daemon_id;
use crate::{ApiResponse, Caller};

const ENROLMENTS: &str = "/api/enrolments";
const REDEEM: &str = "/api/enrolments/redeem";
const ABSENT_CODE: &str = "0000-0000-0000-0000";

fn not_found() -> ApiResponse {
    ApiResponse::error(404, "enrolment not found")
}

/// The status of a list of workspaces, which only a valid token may ask for.
async fn status_of(api: &Target, token: &str) -> u16 {
    let request = api.request(Method::GET, "/api/daemon/workspaces").bearer_auth(token);
    api.send(request).await.status
}

pub async fn code_is_redeemed_for_bound_token(api: &Target) {
    let body = json!({"workspace_id": api.a.id});
    let enrolled = api.post(Caller::AdminA, ENROLMENTS, body).await;
    assert_eq!((enrolled.status, &enrolled.body["workspace_id"]), (200, &json!(api.a.id)), "{enrolled:?}");
    assert!(enrolled.body["expires_at"].is_string() && enrolled.body.as_object().unwrap().len() == 3);
    let code = enrolled.body["code"].as_str().unwrap();
    assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [4; 4], "{code}");

    let daemon = new_daemon_id();
    let redemption = json!({"code": code, "daemon_id": format!(" {daemon} "), "device_name": "Laptop"});
    let redeemed = api.post_with(None, REDEEM, &redemption).await;
    let token = redeemed.body["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("dbd_"), "{token}");
    let expected = json!({"token": token, "workspace_id": api.a.id, "daemon_id": daemon});
    assert_eq!(redeemed, ApiResponse::ok(expected));

    let registration =
        json!({"workspace_id": api.a.id, "daemon_id": daemon, "runtimes": [{"type": "codex"}]});
    let registered = api.post_with(Some(&token), "/api/daemon/register", &registration).await;
    assert_eq!(registered.body["runtimes"][0]["owner_id"], daemon, "{registered:?}");
    let listed = find_token(api, &token).await.unwrap();
    let found = (&listed["subject"], &listed["daemon_id"], &listed["scopes"], listed.get("expires_at"));
    assert_eq!(found, (&json!(daemon), &json!(daemon), &json!(["daemon"]), None));
}

pub async fn names_token_after_subject_of_code(api: &Target) {
    let body =
        json!({"workspace_id": api.a.id, "subject": " build machine ", "expires_in_s": ENROLMENT_MAX_S});
    let code = api.post(Caller::AdminA, ENROLMENTS, body).await.body["code"].clone();
    let redeemed = api.redeem(code.as_str().unwrap(), &new_daemon_id()).await;
    let listed = find_token(api, redeemed.body["token"].as_str().unwrap()).await.unwrap();
    assert_eq!(listed["subject"], "build machine");
}

pub async fn any_spelling_of_code_is_redeemed(api: &Target) {
    for spell in [
        (|code| code.to_lowercase()) as fn(&str) -> String,
        |code| code.replace('-', ""),
        |code| format!(" {} ", code.replace('-', " ")),
        |code| code.replace('0', "O").replace('1', "l"),
    ] {
        let code = spell(&api.enrol().await);
        assert_eq!(api.redeem(&code, &new_daemon_id()).await.status, 200, "{code}");
    }
}

pub async fn used_code_is_not_found(api: &Target) {
    let code = api.enrol().await;
    let daemon = new_daemon_id();
    let first = api.redeem(&code, &daemon).await;
    assert_eq!(api.redeem(&code, &new_daemon_id()).await, not_found(), "another daemon");
    api.advance_past(api.after(REDEMPTION_RETRY)).await;
    assert_eq!(api.redeem(&code, &daemon).await, not_found(), "too late");
    assert_eq!(status_of(api, first.body["token"].as_str().unwrap()).await, 200);
}

/// One token of a code is valid, whichever responses were lost.
pub async fn lost_response_is_repeated_within_a_minute(api: &Target) {
    let code = api.enrol().await;
    let daemon = new_daemon_id();
    let first = api.redeem(&code, &daemon).await.body["token"].as_str().unwrap().to_owned();
    api.advance_to(api.after(REDEMPTION_RETRY / 2)).await;
    let second = api.redeem(&code, &daemon).await.body["token"].as_str().unwrap().to_owned();
    assert_eq!((status_of(api, &first).await, status_of(api, &second).await), (401, 200));
}

pub async fn expired_code_is_not_found(api: &Target) {
    let body = json!({"workspace_id": api.a.id, "expires_in_s": ENROLMENT_MIN_S});
    let enrolled = api.post(Caller::AdminA, ENROLMENTS, body).await;
    let expires_at: Timestamp = time(&enrolled.body["expires_at"]);
    api.advance_past(expires_at).await;
    let code = enrolled.body["code"].as_str().unwrap();
    assert_eq!(api.redeem(code, &new_daemon_id()).await, not_found());
}

pub async fn unknown_or_malformed_code_is_not_found(api: &Target) {
    let valid = api.enrol().await;
    for code in [ABSENT_CODE, "x", &format!("{valid}0"), &valid[1..], &"0".repeat(10_000), "ü"] {
        assert_eq!(api.redeem(code, &new_daemon_id()).await, not_found(), "{code:.40}");
    }
    assert_eq!(api.redeem(&valid, &new_daemon_id()).await.status, 200);
}

/// The route has no authorizer: a machine may send the token that it wants to replace.
pub async fn token_of_caller_is_ignored(api: &Target) {
    for token in ["dbd_revoked", "", "not a token", api.token(Caller::UserB)] {
        let body = json!({"code": api.enrol().await, "daemon_id": new_daemon_id()});
        assert_eq!(api.post_with(Some(token), REDEEM, &body).await.status, 200, "{token}");
    }
}

pub async fn rejects_invalid_enrolment(api: &Target) {
    let id = &api.a.id;
    let long = "a".repeat(TEXT_CHARS + 1);
    let expiry = "invalid expires_in_s";
    for (body, error) in [
        (json!({}), "workspace_id is required"),
        (json!({"workspace_id": null}), "workspace_id is required"),
        (json!({"workspace_id": " "}), "workspace_id is required"),
        (json!({"workspace_id": "x"}), "invalid workspace_id"),
        (json!({"workspace_id": 7}), "invalid request body"),
        (json!({"workspace_id": id, "subject": long}), "subject is longer than 200 characters"),
        (json!({"workspace_id": id, "subject": "a\nb"}), "invalid subject"),
        (json!({"workspace_id": id, "expires_in_s": ENROLMENT_MIN_S - 1}), expiry),
        (json!({"workspace_id": id, "expires_in_s": ENROLMENT_MAX_S + 1}), expiry),
        (json!({"workspace_id": id, "expires_in_s": -60}), expiry),
        (json!({"workspace_id": id, "expires_in_s": i64::MAX}), expiry),
        (json!({"workspace_id": id, "expires_in_s": 60.5}), "invalid request body"),
        (json!({"workspace_id": id, "expires_in_s": "60"}), "invalid request body"),
    ] {
        let response = api.post(Caller::AdminA, ENROLMENTS, body.clone()).await;
        assert_eq!(response, ApiResponse::error(400, error), "{body}");
    }
}

pub async fn rejects_invalid_redemption(api: &Target) {
    let code = api.enrol().await;
    let long = "a".repeat(TEXT_CHARS + 1);
    for (body, error) in [
        (json!({"daemon_id": "d"}), "code is required"),
        (json!({"code": "", "daemon_id": "d"}), "code is required"),
        (json!({"code": " ", "daemon_id": "d"}), "code is required"),
        (json!({"code": code}), "daemon_id is required"),
        (json!({"code": code, "daemon_id": " "}), "daemon_id is required"),
        (json!({"code": code, "daemon_id": long}), "daemon_id is longer than 200 characters"),
        (json!({"code": code, "daemon_id": "a\u{1b}"}), "invalid daemon_id"),
        (json!({"code": 7, "daemon_id": "d"}), "invalid request body"),
    ] {
        let response = api.post_with(None, REDEEM, &body).await;
        assert_eq!(response, ApiResponse::error(400, error), "{body}");
    }
    assert_eq!(api.redeem(&code, &new_daemon_id()).await.status, 200, "the code is not used up");
}

pub async fn foreign_workspace_is_not_found(api: &Target) {
    let absent = "99999999-2222-4333-8444-555555555555";
    for workspace in [&api.a.id, absent] {
        let response = api.post(Caller::AdminB, ENROLMENTS, json!({"workspace_id": workspace})).await;
        assert_eq!(response, ApiResponse::error(404, "workspace not found"));
    }
}

pub async fn answers_with_secrets_are_not_cached(api: &Target) {
    let workspace = &api.a.id;
    let token = json!({"workspace_id": workspace, "scope": "user", "subject": "s"});
    let redemption = json!({"code": api.enrol().await, "daemon_id": new_daemon_id()});
    for (path, body) in
        [(ENROLMENTS, json!({"workspace_id": workspace})), ("/api/tokens", token), (REDEEM, redemption)]
    {
        let request = api.request(Method::POST, path).bearer_auth(api.token(Caller::AdminA));
        let response = request.body(Value::to_string(&body)).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["cache-control"]),
            (200, &"no-store".parse().unwrap()),
            "{path}"
        );
    }
}
