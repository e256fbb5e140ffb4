//! JSON that is nearly right: a value with a few things changed somewhere in it.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

use crate::json::{name, value};

/// A valid value, with up to three changes.
pub(crate) fn nearly(valid: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    (valid, prop::collection::vec((any::<Index>(), change()), 0..4)).prop_map(|(mut value, changes)| {
        for (at, change) in changes {
            let pointers = pointers(&value);
            change.apply(&mut value, at.get::<String>(&pointers));
        }
        value
    })
}

#[derive(Clone, Debug)]
enum Change {
    Set(Value),
    Add(String, Value),
    Remove,
    /// An object becomes the array of its values, which serde would take for a struct.
    Flatten,
    Wrap,
    Repeat(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => value().prop_map(Change::Set),
        1 => Just(Change::Set(Value::Null)),
        1 => (name(), value()).prop_map(|(name, value)| Change::Add(name, value)),
        2 => Just(Change::Remove),
        1 => Just(Change::Flatten),
        1 => Just(Change::Wrap),
        1 => select(vec![2_usize, 50, 51, 200, 201, 2_001]).prop_map(Change::Repeat),
    ]
}

impl Change {
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

/// Where everything in `value` is, `value` itself included.
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
