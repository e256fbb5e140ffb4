//! Tokens over HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::{TEXT_CHARS, TOKEN_EXPIRY_MAX_S, TOKENS_PER_PAGE};
use doorbell_shared::token::Token;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Target, acknowledged};
use crate::{ApiResponse, Caller};

const TOKENS: &str = "/api/tokens";
const ABSENT_TOKEN: &str = "000000000000";

pub(super) fn time(value: &Value) -> Timestamp {
    serde_json::from_value(value.clone()).unwrap()
}

fn id(token: &str) -> String {
    Token::parse(token).unwrap().hash().id().to_string()
}

fn list_path(api: &Target) -> String {
    format!("{TOKENS}?workspace_id={}", api.a.id)
}

fn token_path(api: &Target, id: &str) -> String {
    format!("{TOKENS}/{id}?workspace_id={}", api.a.id)
}

/// The ids and records of workspace A's tokens, on all pages that begin with `path`.
async fn all_tokens(api: &Target, path: String) -> Vec<Value> {
    let mut listed = Vec::new();
    let mut next = Some(path);
    while let Some(path) = next {
        let (page, following) = api.get_page(Caller::AdminA, &path).await;
        assert_eq!(page.status, 200, "{page:?}");
        listed.extend(page.body.as_array().unwrap().clone());
        next = following;
    }
    listed
}

/// The record of a token in the list of workspace A.
pub(super) async fn find_token(api: &Target, token: &str) -> Option<Value> {
    let id = id(token);
    all_tokens(api, list_path(api)).await.into_iter().find(|listed| listed["id"] == id)
}

/// Creates a token of workspace A; returns the response.
async fn create(api: &Target, fields: Value) -> Value {
    let mut body = json!({"workspace_id": api.a.id, "scope": "user", "subject": "suite"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let response = api.post(Caller::AdminA, TOKENS, body).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.body
}

async fn status_of(api: &Target, token: &str, path: &str) -> u16 {
    api.send(api.request(Method::GET, path).bearer_auth(token)).await.status
}

pub async fn created_token_works_and_is_listed(api: &Target) {
    let list = list_path(api);
    for (scope, prefix, path) in [
        ("user", "dbu_", "/api/runtimes"),
        ("daemon", "dbd_", "/api/daemon/workspaces"),
        ("admin", "dba_", &list),
    ] {
        let mut created = create(api, json!({"scope": scope, "subject": " suite "})).await;
        let token = created["token"].as_str().unwrap().to_owned();
        assert!(token.starts_with(prefix), "{token}");
        let expected = json!({
            "id": id(&token), "subject": "suite", "scopes": [scope], "workspaces": [api.a.id],
            "created_at": created["created_at"], "last_four": token[token.len() - 4..], "token": token,
        });
        assert_eq!(created, expected);
        assert_eq!(status_of(api, &token, path).await, 200, "{scope}");
        created.as_object_mut().unwrap().remove("token");
        let mut listed = find_token(api, &token).await.unwrap();
        listed.as_object_mut().unwrap().remove("last_used_at");
        assert_eq!(listed, created);
    }
}

pub async fn created_token_expires(api: &Target) {
    let created = create(api, json!({"scope": "daemon", "daemon_id": " d ", "expires_in_s": 1})).await;
    assert_eq!(created["daemon_id"], "d");
    assert_eq!(time(&created["expires_at"]), time(&created["created_at"]) + Duration::from_secs(1));
    api.advance_past(time(&created["expires_at"])).await;
    let token = created["token"].as_str().unwrap();
    assert_eq!(status_of(api, token, "/api/daemon/workspaces").await, 401);
    assert_eq!(find_token(api, token).await, None);
    let longest = create(api, json!({"expires_in_s": TOKEN_EXPIRY_MAX_S})).await;
    assert!(longest["expires_at"].as_str() > created["expires_at"].as_str());
}

pub async fn lists_every_token_once_in_pages(api: &Target) {
    let mut created = BTreeSet::new();
    for _ in 0..5 {
        created.insert(create(api, json!({})).await["id"].as_str().unwrap().to_owned());
    }
    let (first, next) = api.get_page(Caller::AdminA, &format!("{}&limit=2", list_path(api))).await;
    assert_eq!((first.body.as_array().unwrap().len(), next.is_some()), (2, true), "{first:?}");
    let listed = all_tokens(api, format!("{}&limit=2", list_path(api))).await;
    let ids: Vec<_> = listed.iter().map(|token| token["id"].as_str().unwrap().to_owned()).collect();
    let unique: BTreeSet<_> = ids.iter().cloned().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
    assert!(unique.is_superset(&created), "{ids:?}");
}

pub async fn shows_no_workspace_of_another_tenant(api: &Target) {
    for token in all_tokens(api, list_path(api)).await {
        assert_eq!(token["workspaces"], json!([api.a.id]), "{token}");
    }
}

pub async fn revoked_token_is_rejected(api: &Target) {
    let created = create(api, json!({"scope": "daemon"})).await;
    let token = created["token"].as_str().unwrap();
    assert_eq!(status_of(api, token, "/api/daemon/workspaces").await, 200);
    let path = token_path(api, created["id"].as_str().unwrap());
    assert_eq!(api.delete(Caller::AdminA, &path).await, acknowledged());
    assert_eq!(status_of(api, token, "/api/daemon/workspaces").await, 401);
    assert_eq!(find_token(api, token).await, None);
    assert_eq!(api.delete(Caller::AdminA, &path).await, ApiResponse::error(404, "token not found"));
}

pub async fn unknown_or_foreign_token_is_not_found(api: &Target) {
    let not_found = ApiResponse::error(404, "token not found");
    let created = create(api, json!({})).await;
    let own = created["id"].as_str().unwrap();
    for id in [ABSENT_TOKEN, "x", &own[1..], &own.to_uppercase(), &format!("{own}0"), "dbu_example"] {
        // An id without letters has one spelling.
        if id != own {
            assert_eq!(api.delete(Caller::AdminA, &token_path(api, id)).await, not_found, "{id}");
        }
    }
    let foreign = format!("{TOKENS}/{own}?workspace_id={}", api.b.id);
    assert_eq!(api.delete(Caller::AdminB, &foreign).await, not_found);
    assert_eq!(status_of(api, created["token"].as_str().unwrap(), "/api/runtimes").await, 200);
}

pub async fn rejects_invalid_token(api: &Target) {
    let long = "a".repeat(TEXT_CHARS + 1);
    let expiry = "invalid expires_in_s";
    for (fields, error) in [
        (json!({"workspace_id": null}), "workspace_id is required"),
        (json!({"workspace_id": "x"}), "invalid workspace_id"),
        (json!({"scope": null}), "scope is required"),
        (json!({"scope": " "}), "scope is required"),
        (json!({"scope": "User"}), "invalid scope"),
        (json!({"scope": "user daemon"}), "invalid scope"),
        (json!({"subject": null}), "subject is required"),
        (json!({"subject": " "}), "subject is required"),
        (json!({"subject": long}), "subject is longer than 200 characters"),
        (json!({"subject": "a\tb"}), "invalid subject"),
        (json!({"expires_in_s": 0}), expiry),
        (json!({"expires_in_s": -1}), expiry),
        (json!({"expires_in_s": TOKEN_EXPIRY_MAX_S + 1}), expiry),
        (json!({"expires_in_s": 1.5}), "invalid request body"),
        (json!({"daemon_id": "d"}), "invalid daemon_id"),
        (json!({"scope": "admin", "daemon_id": "d"}), "invalid daemon_id"),
        (json!({"scope": "daemon", "daemon_id": "a\nb"}), "invalid daemon_id"),
        (json!({"scope": "daemon", "daemon_id": long}), "daemon_id is longer than 200 characters"),
    ] {
        let mut body = json!({"workspace_id": api.a.id, "scope": "user", "subject": "suite"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let response = api.post(Caller::AdminA, TOKENS, body).await;
        assert_eq!(response, ApiResponse::error(400, error), "{fields}");
    }
}

pub async fn rejects_invalid_list(api: &Target) {
    let list = list_path(api);
    let cases = [
        (TOKENS.to_owned(), "workspace_id is required"),
        (format!("{TOKENS}?workspace_id="), "workspace_id is required"),
        (format!("{TOKENS}?workspace_id=x"), "invalid workspace_id"),
        (format!("{list}&limit=0"), "invalid limit"),
        (format!("{list}&limit={}", TOKENS_PER_PAGE + 1), "invalid limit"),
        (format!("{list}&limit=+1"), "invalid limit"),
        (format!("{list}&cursor=x"), "invalid cursor"),
        (format!("{list}&cursor={ABSENT_TOKEN}"), "invalid cursor"),
    ];
    for (path, error) in cases {
        assert_eq!(api.get(Caller::AdminA, &path).await, ApiResponse::error(400, error), "{path}");
    }
    assert_eq!(api.get(Caller::AdminA, &format!("{list}&limit={TOKENS_PER_PAGE}")).await.status, 200);
    for path in [format!("{TOKENS}/{ABSENT_TOKEN}"), format!("{TOKENS}/x?workspace_id=")] {
        let response = api.delete(Caller::AdminA, &path).await;
        assert_eq!(response, ApiResponse::error(400, "workspace_id is required"), "{path}");
    }
}

pub async fn foreign_workspace_is_not_found(api: &Target) {
    let not_found = ApiResponse::error(404, "workspace not found");
    for workspace in [&api.a.id, "99999999-2222-4333-8444-555555555555"] {
        let body = json!({"workspace_id": workspace, "scope": "admin", "subject": "suite"});
        assert_eq!(api.post(Caller::AdminB, TOKENS, body).await, not_found);
        let list = format!("{TOKENS}?workspace_id={workspace}");
        assert_eq!(api.get(Caller::AdminB, &list).await, not_found);
        let one = format!("{TOKENS}/{ABSENT_TOKEN}?workspace_id={workspace}");
        assert_eq!(api.delete(Caller::AdminB, &one).await, not_found);
    }
}
