//! What holds for every answer.

use doorbell_gateway::invoke;
use doorbell_protocol::{Ack, HeartbeatResponse, RegisterResponse, RequestRecord, RuntimeRecord};
use doorbell_shared::http::routes::{Function, ROUTES};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::documented;
use crate::world::{WORKSPACES, World};

type Judged = Result<(), TestCaseError>;

struct Answer {
    status: u16,
    body: Value,
}

/// Whom the event says that the authorizer let in.
struct Caller {
    scopes: Vec<String>,
    workspaces: Vec<String>,
}

/// Calls `function` with `event` in a new world, and holds the answer and the world against what is documented.
pub(crate) async fn judge(function: Function, event: &Value) -> Judged {
    // What does not even have an event's shape is refused before any code of ours.
    let payload = serde_json::from_value(event.clone()).map_err(|_| TestCaseError::reject("no event"))?;
    let request = doorbell_shared::http::event::request(payload);
    let world = World::new().await;
    let before = [world.seen(WORKSPACES[0]).await, world.seen(WORKSPACES[1]).await];

    let response = invoke(function, &world.backend, &request).await;
    prop_assert_eq!(&response.headers()["content-type"], "application/json");
    let body = serde_json::from_slice(response.body().as_ref());
    let body = body.map_err(|error| TestCaseError::fail(format!("no JSON: {error}")))?;
    let answer = Answer { status: response.status().as_u16(), body };
    let caller = caller(&event["requestContext"]["authorizer"]["lambda"]);
    is_as_documented(function, &answer)?;
    goes_by_the_caller(function, caller.as_ref(), &answer)?;
    if answer.status == 200 {
        read_objects_only(function, request.body())?;
    }

    for (workspace, before) in WORKSPACES.into_iter().zip(before) {
        if !may_change(function, caller.as_ref(), workspace, &answer) {
            prop_assert_eq!(
                &world.seen(workspace).await,
                &before,
                "changed by {} {}",
                answer.status,
                answer.body
            );
        }
    }
    Ok(())
}

fn is_as_documented(function: Function, answer: &Answer) -> Judged {
    let Answer { status, body } = answer;
    // 405 is the local gateway's own, and this store never fails.
    prop_assert!(documented::is_status(function, *status) && ![405, 500].contains(status), "{status} {body}");
    prop_assert!(has_no_null_fields(body), "{body}");
    if *status == 200 {
        let again =
            read_and_written(function, body).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&again, body);
    } else {
        let text = body["error"].as_str().unwrap_or_default();
        prop_assert_eq!(body, &json!({ "error": text }));
        prop_assert!(documented::is_error(function, *status, text), "{status} {text}");
    }
    Ok(())
}

/// Clients validate with strict schemas, in which an optional field is absent and never `null`.
fn has_no_null_fields(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.values().all(|field| !field.is_null() && has_no_null_fields(field)),
        Value::Array(items) => items.iter().all(has_no_null_fields),
        _ => true,
    }
}

fn read_and_written(function: Function, body: &Value) -> serde_json::Result<Value> {
    fn through<T: DeserializeOwned + Serialize>(body: &Value) -> serde_json::Result<Value> {
        serde_json::to_value(serde_json::from_value::<T>(body.clone())?)
    }
    match function {
        Function::Initiate | Function::Poll => through::<RequestRecord>(body),
        Function::Runtimes => through::<Vec<RuntimeRecord>>(body),
        Function::Register => through::<RegisterResponse>(body),
        Function::Heartbeat => through::<HeartbeatResponse>(body),
        Function::Deregister | Function::Report => through::<Ack>(body),
    }
}

/// serde would read a struct from an array as well.
fn read_objects_only(function: Function, body: &[u8]) -> Judged {
    if matches!(function, Function::Initiate | Function::Poll | Function::Runtimes) {
        return Ok(());
    }
    prop_assert_eq!(body.trim_ascii_start().first(), Some(&b'{'));
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let runtimes = body["runtimes"].as_array().into_iter().flatten();
    prop_assert!(function != Function::Register || runtimes.into_iter().all(Value::is_object), "{body}");
    Ok(())
}

fn scope(function: Function) -> &'static str {
    let route = ROUTES.iter().find(|route| route.function == function).unwrap();
    if route.path.starts_with("/api/daemon/") { "daemon" } else { "user" }
}

fn goes_by_the_caller(function: Function, caller: Option<&Caller>, answer: &Answer) -> Judged {
    let has_scope = caller.map(|caller| caller.scopes.iter().any(|name| name == scope(function)));
    let refused = [401, 403].contains(&answer.status).then_some(answer.status);
    let expected = match has_scope {
        None => Some(401),
        Some(false) => Some(403),
        Some(true) => None,
    };
    prop_assert_eq!(refused, expected);
    Ok(())
}

/// The context, if it has the shape that the authorizer gives it.
fn caller(context: &Value) -> Option<Caller> {
    let texts = |field: &str| {
        let texts = context[field].as_array()?.iter().map(|text| text.as_str().map(str::to_owned));
        texts.collect::<Option<Vec<_>>>()
    };
    context["subject"].as_str().filter(|_| context["caller"] == "known")?;
    let caller = Caller { scopes: texts("scopes")?, workspaces: texts("workspaces")? };
    caller.workspaces.iter().all(|id| is_canonical(id)).then_some(caller)
}

/// A UUID in lower case with hyphens.
fn is_canonical(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

/// Only a success may change what is seen of a workspace, and a report that is too large, which fails its request.
fn may_change(function: Function, caller: Option<&Caller>, workspace: &str, answer: &Answer) -> bool {
    let reads_only = matches!(function, Function::Poll | Function::Runtimes);
    let let_in = caller.is_some_and(|caller| caller.workspaces.iter().any(|id| id == workspace));
    let failed_the_request = answer.body["error"] == "report too large";
    !reads_only && let_in && (answer.status == 200 || failed_the_request)
}
