//! Arbitrary texts and JSON values, and mutations of valid ones.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value};

use crate::fuzz_events::fixtures::{REQUESTS, RUNTIMES, WORKSPACES};

#[rustfmt::skip]
const FIELDS: [&str; 18] = [
    "id", "label", "status", "models", "supported", "fallback", "error", "runtime_id", "runtime_ids", "runtimes", "type",
    "workspace_id", "daemon_id", "name", "profile_id", "failed_profiles", "provider", "thinking",
];

/// Ids, misspelled ids, keywords, texts at length limits, and arbitrary texts.
pub(crate) fn text() -> impl Strategy<Value = String> + Clone {
    let ids = RUNTIMES.iter().map(String::as_str).chain(WORKSPACES).chain(REQUESTS).map(str::to_owned);
    let mut ids: Vec<_> = ids.collect();
    ids.push("11111111-2222-4333-8444-555555555555".to_owned());
    let keywords =
        ["", "completed", "failed", "offline", "user", "daemon", "null", "\0", "\u{feff}", "ü", "💔"];
    prop_oneof![
        4 => select(ids.clone()),
        2 => (select(ids), spelling()).prop_map(|(id, spelled)| spelled(&id)),
        2 => select(keywords.to_vec()).prop_map(str::to_owned),
        2 => (select(vec![199_usize, 200, 201, 499, 500, 501, 5_000]), select(vec!["x", "ü"]))
            .prop_map(|(length, letter)| letter.repeat(length)),
        3 => characters(40),
    ]
}

fn characters(most: usize) -> impl Strategy<Value = String> + Clone {
    prop::collection::vec(any::<char>(), 0..most).prop_map(String::from_iter)
}

/// Up to `most` of these letters. A regular expression would be shorter, but is parsed again for every text.
pub(crate) fn letters(letters: &str, most: usize) -> impl Strategy<Value = String> + Clone {
    prop::collection::vec(select(letters.chars().collect::<Vec<_>>()), 0..most).prop_map(String::from_iter)
}

/// Other spellings of an id, all invalid.
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

/// A field name, mostly one of some body.
pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![3 => select(FIELDS.to_vec()).prop_map(str::to_owned), 1 => characters(10)]
}

/// A valid value with up to three changes.
pub(crate) fn mutate(valid: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    (valid, prop::collection::vec((any::<Index>(), mutation()), 0..4)).prop_map(|(mut value, changes)| {
        for (at, mutation) in changes {
            let pointers = pointers(&value);
            mutation.apply(&mut value, at.get::<String>(&pointers));
        }
        value
    })
}

#[derive(Clone, Debug)]
enum Mutation {
    Set(Value),
    Add(String, Value),
    Remove,
    /// An object becomes the array of its values, which serde deserializes as a struct.
    Flatten,
    Wrap,
    Repeat(usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        3 => value().prop_map(Mutation::Set),
        1 => Just(Mutation::Set(Value::Null)),
        1 => (name(), value()).prop_map(|(name, value)| Mutation::Add(name, value)),
        2 => Just(Mutation::Remove),
        1 => Just(Mutation::Flatten),
        1 => Just(Mutation::Wrap),
        1 => select(vec![2_usize, 50, 51, 200, 201, 2_001]).prop_map(Mutation::Repeat),
    ]
}

impl Mutation {
    fn apply(self, root: &mut Value, pointer: &str) {
        if let Self::Remove = self {
            return remove(root, pointer);
        }
        let Some(value) = root.pointer_mut(pointer) else { return };
        match (self, &mut *value) {
            (Self::Set(new), _) => *value = new,
            (Self::Add(name, new), Value::Object(fields)) => drop(fields.insert(name, new)),
            (Self::Flatten, Value::Object(fields)) => *value = fields.values().cloned().collect(),
            (Self::Wrap, _) => *value = vec![value.take()].into(),
            (Self::Repeat(times), Value::Array(items)) if items.len() == 1 => {
                *value = vec![items[0].clone(); times].into();
            }
            _ => {}
        }
    }
}

fn remove(root: &mut Value, pointer: &str) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    if let Some(Value::Object(fields)) = root.pointer_mut(parent) {
        fields.shift_remove(&name.replace("~1", "/").replace("~0", "~"));
    }
}

/// JSON pointers to `value` and everything in it.
fn pointers(value: &Value) -> Vec<String> {
    fn below(value: &Value, at: String, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    below(field, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate().take(4) {
                    below(item, format!("{at}/{index}"), found);
                }
            }
            _ => {}
        }
        found.push(at);
    }
    let mut found = Vec::new();
    below(value, String::new(), &mut found);
    found
}
