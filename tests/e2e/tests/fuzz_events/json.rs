//! Arbitrary texts and JSON.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};

use crate::world::{REQUESTS, RUNTIMES, WORKSPACES};

#[rustfmt::skip]
const FIELDS: [&str; 18] = [
    "id", "label", "status", "models", "supported", "fallback", "error", "runtime_id", "runtime_ids", "runtimes", "type",
    "workspace_id", "daemon_id", "name", "profile_id", "failed_profiles", "provider", "thinking",
];

/// Texts that are something, that are nearly something, that are at a limit, and any.
pub(crate) fn text() -> impl Strategy<Value = String> + Clone {
    let ids = RUNTIMES.iter().map(String::as_str).chain(WORKSPACES).chain(REQUESTS).map(str::to_owned);
    let mut ids: Vec<_> = ids.collect();
    ids.push("11111111-2222-4333-8444-555555555555".to_owned());
    let words = ["", "completed", "failed", "offline", "user", "daemon", "null", "\0", "\u{feff}", "ü", "💔"];
    prop_oneof![
        4 => select(ids.clone()),
        2 => (select(ids), spelling()).prop_map(|(id, spelled)| spelled(&id)),
        2 => select(words.to_vec()).prop_map(str::to_owned),
        2 => (select(vec![199_usize, 200, 201, 499, 500, 501, 5_000]), select(vec!["x", "ü"]))
            .prop_map(|(length, letter)| letter.repeat(length)),
        3 => characters(40),
    ]
}

fn characters(most: usize) -> impl Strategy<Value = String> + Clone {
    prop::collection::vec(any::<char>(), 0..most).prop_map(String::from_iter)
}

/// Up to `most` of these letters. A regular expression would say it in fewer words, and be read anew for every text.
pub(crate) fn letters(letters: &str, most: usize) -> impl Strategy<Value = String> + Clone {
    prop::collection::vec(select(letters.chars().collect::<Vec<_>>()), 0..most).prop_map(String::from_iter)
}

/// Other spellings of an id, which are not that id.
fn spelling() -> impl Strategy<Value = fn(&str) -> String> + Clone {
    let spellings: [fn(&str) -> String; 5] = [
        str::to_uppercase,
        |id| format!("{{{id}}}"),
        |id| format!("urn:uuid:{id}"),
        |id| id.replace('-', ""),
        |id| format!("{id}\n"),
    ];
    select(spellings.to_vec())
}

/// Any value.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(vec![0.0, -0.0, 1e308, 5e-324]).prop_map(Value::from),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        text().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let field = (name(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::from),
            prop::collection::vec(field, 0..6).prop_map(|fields| Value::from(Map::from_iter(fields))),
        ]
    })
}

/// Any field's name, mostly one that some body has.
pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![3 => select(FIELDS.to_vec()).prop_map(str::to_owned), 1 => characters(10)]
}
