//! Arbitrary events: a valid one for the function with anything in any part, events that API Gateway never sends included.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorbell_protocol::Scope;
use doorbell_shared::http::routes::{Function, ROUTES};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::fuzz_events::body::body;
use crate::fuzz_events::fixtures::{REQUESTS, RUNTIMES, TOKEN_IDS, WORKSPACES};
use crate::fuzz_events::json::{letters, mutate, text, value};

pub(crate) fn event(function: Function) -> impl Strategy<Value = Value> {
    let parts =
        (context(function), path_parameters(), query(), headers(), body(function), encoding(), raw_path());
    let event =
        parts.prop_map(move |(context, path_parameters, query, headers, body, encoding, raw_path)| {
            let mut event = json!({
                "version": "2.0",
                "rawPath": raw_path,
                "rawQueryString": query,
                "headers": headers,
                "requestContext": context,
            });
            if let Some(parameters) = path_parameters {
                event["pathParameters"] = parameters;
            }
            put_body(&mut event, body, encoding);
            event
        });
    (event, prop::option::weighted(0.15, (select(REPLACED.to_vec()), prop::option::of(value())))).prop_map(
        |(event, replaced)| replaced.into_iter().fold(event, |event, (at, value)| replace(event, at, value)),
    )
}

/// Parts of an event that are replaced by any value or removed.
const REPLACED: [&str; 12] = [
    "/version",
    "/cookies",
    "/pathParameters",
    "/queryStringParameters",
    "/stageVariables",
    "/requestContext",
    "/requestContext/authorizer",
    "/requestContext/http",
    "/requestContext/http/method",
    "/requestContext/requestId",
    "/requestContext/stage",
    "/requestContext/timeEpoch",
];

fn replace(mut event: Value, at: &str, value: Option<Value>) -> Value {
    let (parent, name) = at.rsplit_once('/').unwrap();
    if let Some(Value::Object(fields)) = event.pointer_mut(parent) {
        match value {
            Some(value) => drop(fields.insert(name.to_owned(), value)),
            None => drop(fields.shift_remove(name)),
        }
    }
    event
}

fn context(function: Function) -> impl Strategy<Value = Value> {
    let route = ROUTES.into_iter().find(|route| route.function == function).unwrap();
    let right = route.scope.unwrap_or(Scope::User).as_str();
    prop::option::weighted(0.95, authorizer(right)).prop_map(move |lambda| {
        let mut context = json!({
            "http": {"method": route.method, "path": route.path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
            "requestId": "fuzz",
            "stage": "$default",
            "timeEpoch": 0,
        });
        if let Some(lambda) = lambda {
            context["authorizer"] = json!({ "lambda": lambda });
        }
        context
    })
}

/// The authorizer's context: mostly valid.
fn authorizer(right: &'static str) -> impl Strategy<Value = Value> {
    let scopes = prop_oneof![
        8 => Just(vec![right]),
        1 => prop::collection::vec(select(vec!["user", "daemon", "admin", "User", ""]), 0..4),
    ];
    let workspaces = prop_oneof![
        6 => Just(vec![WORKSPACES[0]]),
        3 => prop::collection::vec(select(WORKSPACES.to_vec()), 0..4),
    ];
    let valid = (text(), token_id(), scopes, workspaces)
        .prop_map(|(subject, token_id, scopes, workspaces)| {
            let mut context =
                json!({"caller": "known", "subject": subject, "scopes": scopes, "workspaces": workspaces});
            if let Some(token_id) = token_id {
                context["token_id"] = token_id;
            }
            context
        })
        // Unboxed, the strategy can overflow the stack of a test thread.
        .boxed();
    prop_oneof![
        8 => valid.clone(),
        1 => mutate(valid.clone()),
        1 => valid.prop_map(|mut context| {
            // API Gateway's older context has texts only.
            context["scopes"] = context.pointer("/scopes/0").cloned().unwrap_or_default();
            context
        }),
        1 => Just(json!({"caller": "anonymous"})),
        1 => value(),
    ]
}

/// Absent in responses of an older authorizer.
fn token_id() -> impl Strategy<Value = Option<Value>> + Clone {
    let valid = "25908ac0336d".to_owned();
    prop::option::weighted(0.9, prop_oneof![8 => Just(valid), 1 => text()].prop_map(Value::from))
}

fn path_parameters() -> impl Strategy<Value = Option<Value>> {
    let runtime = prop_oneof![6 => Just(RUNTIMES[0].clone()), 1 => Just(RUNTIMES[1].clone()), 2 => text()];
    let request = prop_oneof![6 => select(REQUESTS.to_vec()).prop_map(str::to_owned), 2 => text()];
    let segment = prop_oneof![
        30 => select(vec!["models", "local-skills", "requests"]).prop_map(str::to_owned),
        1 => text(),
    ];
    let token = prop_oneof![6 => select(TOKEN_IDS.to_vec()), 2 => text()];
    let both = (runtime, segment, request, token).prop_map(|(runtime, segment, request, token)| {
        json!({"runtimeId": runtime, "kind": segment, "requestId": request, "tokenId": token})
    });
    prop_oneof![12 => both.clone().prop_map(Some), 1 => mutate(both).prop_map(Some), 1 => Just(None)]
}

fn query() -> impl Strategy<Value = String> {
    let named = prop_oneof![
        select(WORKSPACES.to_vec()).prop_map(str::to_owned),
        letters("0123456789abcdefAF-%+", 40)
    ];
    prop_oneof![
        3 => Just(String::new()),
        3 => named.clone().prop_map(|id| format!("workspace_id={id}")),
        2 => page(named.clone()),
        1 => tokens_page(named),
        // A hold would take real time.
        1 => select(vec!["wait=0", "wait=26", "wait=-1", "wait=x", "wait="]).prop_map(str::to_owned),
        2 => letters("workspace_id=&%0123456789abcdefAF+;~./?:@!$'()*,-", 60),
        1 => text(),
    ]
}

/// A page of the list of tokens.
fn tokens_page(workspace: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let cursor = prop_oneof![Just("0".repeat(64)), Just("8".repeat(64)), letters("0123456789abcdefAF", 65)];
    (workspace, 0_u32..=201, cursor).prop_map(|(workspace, limit, cursor)| {
        format!("workspace_id={workspace}&limit={limit}&cursor={cursor}")
    })
}

/// A page of the list, mostly of a valid limit after a valid position.
fn page(workspace: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let limit = prop_oneof![2 => (0_u32..=501).prop_map(|limit| limit.to_string()), 1 => letters("+-0123456789 %x", 6)];
    let after = prop_oneof![
        Just(String::new()),
        select(RUNTIMES.to_vec()).prop_map(|id| format!(".{id}")),
        letters(".0123456789abcdef-%", 40)
    ];
    (limit, workspace, after)
        .prop_map(|(limit, workspace, after)| format!("limit={limit}&cursor={workspace}{after}"))
}

fn raw_path() -> impl Strategy<Value = String> {
    prop_oneof![Just("/api".to_owned()), text().prop_map(|path| format!("/{path}"))]
}

fn headers() -> impl Strategy<Value = Map<String, Value>> {
    let names = [
        "authorization",
        "content-type",
        "content-length",
        "cookie",
        "host",
        "x-forwarded-proto",
        "x-request-id",
        "idempotency-key",
    ];
    let header = (
        prop_oneof![
            select(names.to_vec()).prop_map(str::to_owned),
            letters("ab-", 12).prop_map(|name| format!("x-{name}"))
        ],
        letters("aB1 =:;,/\"\\{}~", 40),
    );
    prop::collection::vec(header, 0..4).prop_map(|headers| {
        let sent = headers.into_iter().map(|(name, value)| (name, Value::from(value)));
        sent.collect()
    })
}

/// The encoding of a text body in the event.
#[derive(Clone, Copy, Debug)]
enum Encoding {
    Plain,
    Base64,
    /// Not base64, but marked as such.
    FalseBase64,
}

fn encoding() -> impl Strategy<Value = Encoding> {
    prop_oneof![10 => Just(Encoding::Plain), 10 => Just(Encoding::Base64), 1 => Just(Encoding::FalseBase64)]
}

fn put_body(event: &mut Value, body: Option<Vec<u8>>, encoding: Encoding) {
    let Some(body) = body else { return };
    match (String::from_utf8(body), encoding) {
        (Ok(text), Encoding::Plain) => event["body"] = text.into(),
        (Ok(text), Encoding::FalseBase64) => {
            event["body"] = text.into();
            event["isBase64Encoded"] = true.into();
        }
        (bytes, _) => {
            let bytes = bytes.map_or_else(std::string::FromUtf8Error::into_bytes, String::into_bytes);
            event["body"] = STANDARD.encode(bytes).into();
            event["isBase64Encoded"] = true.into();
        }
    }
}
