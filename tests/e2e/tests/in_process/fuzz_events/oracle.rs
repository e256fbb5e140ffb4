//! The properties of every response.

use doorbell_gateway::invoke;
use doorbell_protocol::{
    Ack, AnyRequestRecord, DaemonHeartbeatResponse, EnrolmentResponse, HeartbeatResponse, IssuedToken,
    Object, RedeemResponse, RegisterResponse, ReportResponse, RequestRecord, RuntimeRecord, Scope, TokenInfo,
    WorkspaceRecord,
};
use doorbell_shared::http::routes::{Function, ROUTES};
use doorbell_shared::http::{HttpRequest, input};
use doorbell_shared::kinds::RouteKind;
use doorbell_shared::store::{Store, TokenStore};
use doorbell_test_support::ApiResponse;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::fuzz_events::documented;
use crate::fuzz_events::fixtures::{Fixtures, Snapshot, WORKSPACES};

type Checked = Result<(), TestCaseError>;

/// The caller of the event's authorizer context.
struct Caller {
    scopes: Vec<String>,
    workspaces: Vec<String>,
}

/// Fixtures in a store of their own, and their snapshots.
pub(crate) struct Stage<S> {
    fixtures: Fixtures<S>,
    before: [Snapshot; 2],
}

impl<S: Store + TokenStore> Stage<S> {
    /// On an empty `store`.
    async fn new(store: S) -> Self {
        let fixtures = Fixtures::new(store).await;
        let before = [fixtures.snapshot(WORKSPACES[0]).await, fixtures.snapshot(WORKSPACES[1]).await];
        Self { fixtures, before }
    }
}

/// Invokes `function` with `event` on `stage`, and checks the response and the changes. The stage stays for the next event if
/// this one was not allowed to change anything; otherwise the next one gets a new stage, on an empty store.
pub(crate) async fn check<S: Store + TokenStore>(
    function: Function,
    event: &Value,
    stage: &mut Option<Stage<S>>,
    empty_store: impl AsyncFn() -> S,
) -> Checked {
    // The Lambda runtime rejects what is not an event.
    let payload = serde_json::from_value(event.clone()).map_err(|_| TestCaseError::reject("no event"))?;
    let request = doorbell_shared::http::event::request(payload);
    let current = match stage.take() {
        Some(unchanged) => unchanged,
        None => Stage::new(empty_store().await).await,
    };

    let segment = segment(event);
    let response = invoke(function, &current.fixtures.state, &current.fixtures.state, &request).await;
    prop_assert_eq!(&response.headers()["content-type"], "application/json");
    let body = serde_json::from_slice(response.body().as_ref());
    let body = body.map_err(|error| TestCaseError::fail(format!("no JSON: {error}")))?;
    let response = ApiResponse { status: response.status().as_u16(), body };
    let caller = caller(&event["requestContext"]["authorizer"]["lambda"]);
    match check_route(function, segment, &request, &response)? {
        IsRoute::Yes => {
            check_documented(function, segment, &response)?;
            check_access(function, caller.as_ref(), &response)?;
        }
        IsRoute::No => {}
    }
    if response.status == 200 {
        check_objects_only(function, segment, request.body())?;
    }

    let mut is_unchanged = true;
    for (workspace, before) in WORKSPACES.into_iter().zip(&current.before) {
        if may_change(function, caller.as_ref(), workspace, request.body(), &response) {
            is_unchanged = false;
        } else {
            prop_assert_eq!(
                &current.fixtures.snapshot(workspace).await,
                before,
                "changed by {} {}",
                response.status,
                response.body
            );
        }
    }
    if is_unchanged {
        *stage = Some(current);
    }
    Ok(())
}

/// The segment of the kind, if the function's route has one.
fn segment(event: &Value) -> Option<&str> {
    event["pathParameters"]["kind"].as_str()
}

enum IsRoute {
    Yes,
    No,
}

/// An unknown segment is no route, and the own routes of a kind have no cancellation.
fn check_route(
    function: Function,
    segment: Option<&str>,
    request: &HttpRequest,
    response: &ApiResponse,
) -> Result<IsRoute, TestCaseError> {
    use Function::{Cancel, Enrol, Initiate, IssueToken, ListTokens, Poll, Report, RevokeToken};
    // One function has these routes, and its event names one of them.
    if matches!(function, Enrol | ListTokens | IssueToken | RevokeToken) {
        let served = input::function(request);
        prop_assert!(
            served == Some(function) || *response == ApiResponse::error(404, "not found"),
            "{served:?}"
        );
        return Ok(if served == Some(function) { IsRoute::Yes } else { IsRoute::No });
    }
    if !matches!(function, Initiate | Poll | Cancel | Report) {
        return Ok(IsRoute::Yes);
    }
    let expected = match (segment.and_then(RouteKind::of_segment), function) {
        (None, _) => ApiResponse::error(404, "not found"),
        (Some(RouteKind::BuiltIn(_)), Cancel) => ApiResponse::error(405, "method not allowed"),
        _ => return Ok(IsRoute::Yes),
    };
    prop_assert_eq!(response, &expected);
    Ok(IsRoute::No)
}

/// The segment in the id of the operation.
fn documented_segment(function: Function, segment: Option<&str>) -> Option<&str> {
    use Function::{Cancel, Initiate, Poll, Report};
    segment.filter(|_| matches!(function, Initiate | Poll | Cancel | Report))
}

fn check_documented(function: Function, segment: Option<&str>, response: &ApiResponse) -> Checked {
    let segment = documented_segment(function, segment);
    let ApiResponse { status, body } = response;
    // 405 is the local gateway's own. 500 is documented, but no event may cause it: neither store fails by itself.
    prop_assert!(
        documented::is_status(function, segment, *status) && ![405, 500].contains(status),
        "{status} {body}"
    );
    // Args, progress and results are any JSON.
    prop_assert!(
        segment == Some("requests") || function == Function::Heartbeat || has_no_null_fields(body),
        "{body}"
    );
    if *status == 200 {
        let again =
            reserialize(function, segment, body).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&again, body);
    } else {
        let text = body["error"].as_str().unwrap_or_default();
        prop_assert_eq!(body, &json!({ "error": text }));
        prop_assert!(documented::is_error(function, segment, *status, text), "{status} {text}");
    }
    Ok(())
}

/// Clients validate with strict schemas, in which an optional field is absent and never `null`. The schemas of a question are any
/// JSON.
fn has_no_null_fields(value: &Value) -> bool {
    let is_schema = |name: &str| matches!(name, "args_schema" | "result_schema");
    match value {
        Value::Object(fields) => fields
            .iter()
            .all(|(name, field)| is_schema(name) || !field.is_null() && has_no_null_fields(field)),
        Value::Array(items) => items.iter().all(has_no_null_fields),
        _ => true,
    }
}

fn reserialize(function: Function, segment: Option<&str>, body: &Value) -> serde_json::Result<Value> {
    fn through<T: DeserializeOwned + Serialize>(body: &Value) -> serde_json::Result<Value> {
        serde_json::to_value(serde_json::from_value::<T>(body.clone())?)
    }
    match function {
        Function::Initiate | Function::Poll | Function::Cancel => match segment {
            Some("models") => through::<RequestRecord>(body),
            Some("requests") => through::<AnyRequestRecord>(body),
            // The server's type of this record is private.
            _ => Ok(body.clone()),
        },
        Function::Runtimes => through::<Vec<RuntimeRecord>>(body),
        Function::Register => through::<RegisterResponse>(body),
        Function::Heartbeat if body.get("runtimes").is_some() => through::<DaemonHeartbeatResponse>(body),
        Function::Heartbeat => through::<HeartbeatResponse>(body),
        Function::Report => through::<ReportResponse>(body),
        Function::Deregister | Function::Forget | Function::RevokeToken => through::<Ack>(body),
        Function::Workspaces => through::<Vec<WorkspaceRecord>>(body),
        Function::Redeem => through::<RedeemResponse>(body),
        Function::Enrol => through::<EnrolmentResponse>(body),
        Function::ListTokens => through::<Vec<TokenInfo>>(body),
        Function::IssueToken => through::<IssuedToken>(body),
        // Not of the API: its own suite checks it.
        Function::Page => Ok(body.clone()),
    }
}

/// serde deserializes a struct from an array as well.
fn check_objects_only(function: Function, segment: Option<&str>, body: &[u8]) -> Checked {
    use Function::{Cancel, Forget, Initiate, ListTokens, Poll, RevokeToken, Runtimes, Workspaces};
    let ignores_body =
        matches!(function, Poll | Cancel | Runtimes | Forget | Workspaces | ListTokens | RevokeToken)
            || function == Initiate && segment != Some("requests");
    if ignores_body {
        return Ok(());
    }
    prop_assert_eq!(body.trim_ascii_start().first(), Some(&b'{'));
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let runtimes = body["runtimes"].as_array().into_iter().flatten();
    prop_assert!(function != Function::Register || runtimes.into_iter().all(Value::is_object), "{body}");
    Ok(())
}

/// The scope of the function's route; none of the public one.
fn scope(function: Function) -> Option<Scope> {
    ROUTES.iter().find(|route| route.function == function).unwrap().scope
}

fn check_access(function: Function, caller: Option<&Caller>, response: &ApiResponse) -> Checked {
    let refused = [401, 403].contains(&response.status).then_some(response.status);
    let has = |scope: Scope| caller.map(|caller| caller.scopes.iter().any(|name| name == scope.as_str()));
    let expected = match scope(function).map(has) {
        Some(None) => Some(401),
        Some(Some(false)) => Some(403),
        Some(Some(true)) | None => None,
    };
    prop_assert_eq!(refused, expected);
    Ok(())
}

/// The caller, if the context has the authorizer's shape.
fn caller(context: &Value) -> Option<Caller> {
    context["subject"].as_str().filter(|_| context["caller"] == "known")?;
    let scopes = context["scopes"].as_array()?.iter();
    let scopes = scopes.map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
    let workspaces = context["workspaces"].as_array()?.iter();
    let workspaces = workspaces.map(|id| id.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
    let is_token_id =
        context.get("token_id").is_none_or(|id| id.is_null() || id.as_str().is_some_and(is_token_id));
    let caller = Caller { scopes, workspaces };
    is_token_id.then_some(())?;
    // A binding that cannot be read must not become none.
    context.get("daemon_id").is_none_or(|id| id.is_null() || id.is_string()).then_some(())?;
    caller.workspaces.iter().all(|id| is_canonical(id)).then_some(caller)
}

/// 12 hex digits in lower case.
fn is_token_id(id: &str) -> bool {
    id.len() == 12 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A UUID in lower case with hyphens.
fn is_canonical(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

/// A report of any kind.
#[derive(serde::Deserialize)]
struct AnyStatus {
    #[serde(rename = "status")]
    _status: String,
}

/// Only a success may change the snapshot, and a report that fails its request because it is too large or has a malformed
/// model.
fn may_change(
    function: Function,
    caller: Option<&Caller>,
    workspace: &str,
    body: &[u8],
    response: &ApiResponse,
) -> bool {
    let reads_only =
        matches!(function, Function::Poll | Function::Runtimes | Function::Workspaces | Function::ListTokens);
    // The code names the workspace.
    if function == Function::Redeem {
        return response.status == 200 && response.body["workspace_id"] == workspace;
    }
    let is_member = caller.is_some_and(|caller| caller.workspaces.iter().any(|id| id == workspace));
    let is_report =
        || function == Function::Report && serde_json::from_slice::<Object<AnyStatus>>(body).is_ok();
    let failed_request = response.body["error"] == "report too large"
        || response.body["error"] == "invalid request body" && is_report();
    !reads_only && is_member && (response.status == 200 || failed_request)
}
