//! Arbitrary bodies: any bytes, any JSON, valid bodies, and mutations of those.

use doorbell_protocol::limits::BODY_BYTES;
use doorbell_shared::http::routes::Function;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::fuzz_events::fixtures::{CODES, RUNTIMES, WORKSPACES};
use crate::fuzz_events::json::{mutate, value};

pub(crate) fn body(function: Function) -> impl Strategy<Value = Option<Vec<u8>>> {
    let valid = select(valid_bodies(function));
    let text = valid.clone().prop_map(|body| body.to_string().into_bytes());
    prop_oneof![
        10 => Just(None),
        20 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Some),
        20 => value().prop_map(|value| Some(value.to_string().into_bytes())),
        160 => mutate(valid).prop_map(|value| Some(value.to_string().into_bytes())),
        30 => garbled(text).prop_map(Some),
        30 => select(anomalies(function)).prop_map(|body| Some(body.into_bytes())),
        // Rare: one takes as long as a hundred others.
        1 => large(function).prop_map(|body| Some(body.into_bytes())),
    ]
}

fn valid_bodies(function: Function) -> Vec<Value> {
    let model = json!({"id": "gpt-6", "label": "GPT-6", "provider": "openai", "default": true,
        "thinking": {"supported_levels": [{"value": "low", "label": "Low"}], "default_level": "low"}});
    match function {
        Function::Poll
        | Function::Cancel
        | Function::Runtimes
        | Function::Forget
        | Function::Workspaces
        | Function::ListTokens
        | Function::RevokeToken
        | Function::Page => vec![json!({})],
        Function::Redeem => CODES
            .iter()
            .map(|code| json!({"code": code, "daemon_id": "laptop", "device_name": "Laptop"}))
            .collect(),
        Function::Enrol => {
            vec![json!({"workspace_id": WORKSPACES[0], "subject": "laptop", "expires_in_s": 60})]
        }
        Function::IssueToken => vec![
            json!({"workspace_id": WORKSPACES[0], "scope": "daemon", "subject": "laptop", "daemon_id": "laptop"}),
            json!({"workspace_id": WORKSPACES[0], "scope": "admin", "subject": "root", "expires_in_s": 3_600}),
        ],
        Function::Initiate => vec![
            json!({"kind": "disk_usage", "args": {"path": "/", "depth": 3}, "queue_s": 60}),
            json!({"kind": "model_list"}),
            json!({"kind": "uptime", "args": null}),
        ],
        Function::Heartbeat => vec![
            json!({"runtime_id": RUNTIMES[0], "supports_batch_import": true}),
            json!({"runtimes": [{"id": RUNTIMES[0], "in_flight": []}, {"id": RUNTIMES[1]}]}),
        ],
        Function::Deregister => {
            vec![json!({"runtime_ids": [RUNTIMES[0]]}), json!({"runtime_ids": *RUNTIMES})]
        }
        Function::Report => vec![
            json!({"status": "completed", "models": [model], "supported": true, "fallback": false}),
            json!({"status": "failed", "error": "codex is not logged in"}),
            json!({"status": "completed", "skills": [{"key": "k", "name": "n", "source_path": "~", "provider": "codex", "file_count": 1}],
                "mcp_servers": [{"name": "s", "enabled": true}], "mcp_supported": true}),
            json!({"status": "completed", "result": {"models": [{"id": "a"}], "supported": true}}),
            json!({"status": "completed", "result": [1.5, null, "x"]}),
            json!({"status": "running", "progress": {"percent": 40}}),
        ],
        Function::Register => vec![
            json!({"workspace_id": WORKSPACES[0], "daemon_id": "laptop", "device_name": "…", "cli_version": "…",
                "runtimes": [{"name": "Codex", "type": "codex", "version": "1", "status": "online", "profile_id": "",
                    "questions": [{"name": "disk_usage", "args_schema": true, "timeout_s": 5}]}]}),
            json!({"workspace_id": WORKSPACES[0], "daemon_id": "laptop", "failed_profiles": [{"profile_id": "p"}]}),
        ],
    }
}

/// A text with bytes removed, replaced, inserted or repeated.
fn garbled(text: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        select(vec![r#"\ud800"#, r#"\u0000"#, "\"", "{", "]", "1e999", "-", "null,", "\u{feff}"])
            .prop_map(|piece| piece.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    (text, any::<Index>(), any::<Index>(), piece).prop_map(|(text, from, to, piece)| {
        let (from, to) = (from.index(text.len() + 1), to.index(text.len() + 1));
        [&text[..from], &piece, &text[to..]].concat()
    })
}

/// Bodies that no JSON value serializes to: duplicate keys, numbers out of range, lone surrogates, deep nesting.
fn anomalies(function: Function) -> Vec<String> {
    let valid = valid_bodies(function).swap_remove(0).to_string();
    let mut anomalies = vec![format!("\u{feff}{valid}"), format!("{valid}{valid}"), format!(" {valid}\n\t")];
    for name in NAMES {
        let values = [
            r#""twice""#.to_owned(),
            r#""\ud800""#.to_owned(),
            r#""\ud800\udc00""#.to_owned(),
            "1e999".to_owned(),
            "9".repeat(400),
            format!("0.{}1", "0".repeat(400)),
            nested("[", "]", 126),
            nested("[", "]", 127),
            nested("[", "]", 5_000),
            nested(r#"[{"id":"a","x":"#, "}]", 50),
        ];
        anomalies.extend(values.iter().map(|value| with(&valid, name, value)));
    }
    anomalies
}

/// Bodies over each byte limit, and nesting that overflows the stack of a recursive parser.
fn large(function: Function) -> impl Strategy<Value = String> {
    let valid = valid_bodies(function).swap_remove(0).to_string();
    let values: [fn() -> String; 4] = [
        || format!("\"{}\"", "x".repeat(BODY_BYTES)),
        || format!(r#"[{{"id":"a","x":"{}"}}]"#, "x".repeat(BODY_BYTES / 2)),
        || nested("[", "]", 100_000),
        || nested(r#"{"a":"#, "}", 50_000),
    ];
    let field = (select(NAMES.to_vec()), select(values.to_vec()));
    field.prop_map(move |(name, value)| with(&valid, name, &value()))
}

/// Fields of some body, and an unknown one.
const NAMES: [&str; 6] = ["ignored", "models", "runtimes", "error", "runtime_id", "in_flight"];

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}1{}", open.repeat(depth), close.repeat(depth))
}

/// The object with one more field, possibly a duplicate.
fn with(object: &str, name: &str, value: &str) -> String {
    let fields = object.trim_start_matches('{');
    let comma = if fields == "}" { "" } else { "," };
    format!("{{\"{name}\":{value}{comma}{fields}")
}
