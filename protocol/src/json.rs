//! Parsing JSON objects, and removing `null` from JSON text.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::limits::{JSON_DEPTH, MODEL_DEPTH};

/// Deserializes `T` from a JSON object only. A derived `Deserialize` also accepts an array of the fields: `["completed"]`
/// would be a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// Deserializes a list of objects, or `null`.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let list = Option::<Vec<Object<T>>>::deserialize(deserializer)?;
    Ok(list.map(|list| list.into_iter().map(|Object(item)| item).collect()))
}

/// Deserializes a `T`, or `None` from a JSON value that is not a valid `T`. For fields that never make a call fail.
pub(crate) fn or_none<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let json = Box::<RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(json.get()).ok())
}

/// As [`or_none`], with the default value.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    or_none(deserializer).map(Option::unwrap_or_default)
}

/// Why JSON text cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidJson {
    /// Nested deeper than [`MODEL_DEPTH`].
    TooDeep,
    /// A string has a lone surrogate.
    NotUnicode,
    /// Not a single JSON value. A [`RawValue`] always is one.
    Syntax,
}

/// An object or array that is being copied.
struct Container {
    is_object: bool,
    is_empty: bool,
}

/// Whether `json` is nested at most [`JSON_DEPTH`] deep. The syntax of a [`RawValue`] has been checked.
pub(crate) fn is_within_depth(json: &RawValue) -> bool {
    let mut rest = json.get();
    let mut depth = 0_usize;
    while let Some(first) = rest.bytes().next() {
        match first {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > JSON_DEPTH {
            return false;
        }
        rest = rest.split_at_checked(token_length(rest, first)).map_or("", |(_, after)| after);
    }
    true
}

/// Whether [`without_nulls`] would return the same text, apart from single spaces. Without parsing: in most models it would.
pub(crate) fn is_clean(json: &RawValue) -> bool {
    let json = json.get();
    let nests = json.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count();
    let is_compact = !json.contains("\": ") && !json.bytes().any(|byte| byte.is_ascii_control());
    nests <= MODEL_DEPTH && is_compact && !json.contains("null") && !json.contains("\\u")
}

/// Removes `null` members and elements at any depth, and insignificant whitespace. Fails if the nesting is deeper than
/// [`MODEL_DEPTH`], or a string is not Unicode.
///
/// Parsing into [`serde_json::Value`] and writing it again was tried: it turns 1.10 into 1.1 and rejects 1e400, and building the
/// maps took most of a report's time. The input is a [`RawValue`], so its syntax has been checked.
pub(crate) fn without_nulls(json: &RawValue) -> Result<String, InvalidJson> {
    let json = json.get();
    let mut copy = String::with_capacity(json.len());
    let mut open: Vec<Container> = Vec::new();
    // Where the current member of an object begins in the copy, its comma included; `None` before its name.
    let mut member: Option<usize> = None;
    let mut rest = json;
    while let Some(first) = rest.bytes().next() {
        let length = token_length(rest, first);
        let (token, after) = rest.split_at_checked(length).ok_or(InvalidJson::Syntax)?;
        // Raw text may hold lone surrogates.
        if first == b'"' && token.contains("\\u") && serde_json::from_str::<String>(token).is_err() {
            return Err(InvalidJson::NotUnicode);
        }
        rest = after;
        match first {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => continue,
            b':' => {
                copy.push(':');
                continue;
            }
            b'}' | b']' => {
                copy.push_str(token);
                open.pop();
                continue;
            }
            _ => {}
        }
        let in_object = open.last().is_some_and(|container| container.is_object);
        if first == b'n' {
            if in_object {
                copy.truncate(member.take().ok_or(InvalidJson::Syntax)?);
            }
            continue;
        }
        let is_name = in_object && member.is_none();
        if is_name || !in_object {
            let start = copy.len();
            if open.last().is_some_and(|container| !container.is_empty) {
                copy.push(',');
            }
            member = is_name.then_some(start);
        } else {
            member = None;
        }
        copy.push_str(token);
        if !is_name && let Some(container) = open.last_mut() {
            container.is_empty = false;
        }
        if first == b'{' || first == b'[' {
            open.push(Container { is_object: first == b'{', is_empty: true });
            if open.len() > MODEL_DEPTH {
                return Err(InvalidJson::TooDeep);
            }
        }
    }
    Ok(copy)
}

/// The length of the token at the start of `text`, which begins with the byte `first`.
fn token_length(text: &str, first: u8) -> usize {
    match first {
        b'"' => {
            let mut escaped = false;
            let end = text.bytes().skip(1).position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            });
            end.map_or(text.len(), |end| end + 2)
        }
        b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => 1,
        _ => text.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(text.len()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn stripped(json: &str) -> Result<String, InvalidJson> {
        without_nulls(&serde_json::from_str::<Box<RawValue>>(json).unwrap())
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC*".prop_map(Value::from),
            Just(json!("null,\"}\\")),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                proptest::collection::vec(("\\PC*", inner), 0..8)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// The expected result, computed on parsed values.
    fn drop_nulls(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|_, field| !field.is_null());
                fields.values_mut().for_each(drop_nulls);
            }
            Value::Array(elements) => {
                elements.retain(|element| !element.is_null());
                elements.iter_mut().for_each(drop_nulls);
            }
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn text_equals_value_without_nulls(value in values(), pretty: bool) {
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            prop_assume!(!value.is_null());
            let mut expected = value;
            drop_nulls(&mut expected);
            let json = serde_json::from_str::<Box<RawValue>>(&text).unwrap();
            let expected = expected.to_string();
            prop_assert!(!is_clean(&json) || text == expected);
            prop_assert_eq!(without_nulls(&json).unwrap(), expected);
        }
    }

    #[test]
    fn duplicate_members_are_kept() {
        assert_eq!(stripped(r#"{"a":null,"b":1,"a":2,"a":null}"#).unwrap(), r#"{"b":1,"a":2}"#);
    }

    #[test]
    fn rejects_lone_surrogates() {
        for json in [r#"["\ud800"]"#, r#"{"\udc00":1}"#, r#"{"a":{"b":"\ud800\u0041"}}"#] {
            assert_eq!(stripped(json), Err(InvalidJson::NotUnicode), "{json}");
        }
        assert_eq!(stripped(r#"["\ud83d\ude00"]"#).unwrap(), r#"["\ud83d\ude00"]"#);
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(stripped(&nested(MODEL_DEPTH)), Ok(nested(MODEL_DEPTH)));
        assert_eq!(stripped(&nested(MODEL_DEPTH + 1)), Err(InvalidJson::TooDeep));
        assert_eq!(stripped(&nested(100_000)), Err(InvalidJson::TooDeep));
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Item {
        name: Option<String>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Body {
        #[serde(default, deserialize_with = "list")]
        items: Option<Vec<Item>>,
    }

    #[test]
    fn rejects_array_at_any_depth() {
        let read = |json: &str| serde_json::from_str::<Object<Body>>(json);
        assert!(read("[[]]").is_err());
        assert!(read(r#"{"items":[["x"]]}"#).is_err());
        let items = Some(vec![Item { name: Some("x".to_owned()) }]);
        assert_eq!(read(r#"{"items":[{"name":"x"}]}"#).unwrap(), Object(Body { items }));
    }

    #[test]
    fn list_may_be_missing_or_null() {
        for json in ["{}", r#"{"items":null}"#] {
            assert_eq!(serde_json::from_str::<Object<Body>>(json).unwrap(), Object(Body { items: None }));
        }
    }
}
