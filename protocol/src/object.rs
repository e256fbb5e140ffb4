//! JSON objects only. A derived `Deserialize` also reads an array into a struct, field by field: `["completed"]` would be a
//! report.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A `T` that was a JSON object.
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

/// Deserializes a field that holds a list of objects, or `null`.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let list = Option::<Vec<Object<T>>>::deserialize(deserializer)?;
    Ok(list.map(|list| list.into_iter().map(|Object(item)| item).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
