//! Objects, and nothing that serde would read like one.
//!
//! A derived `Deserialize` takes a JSON array for a struct, field by field: `["completed"]` would be a report. The
//! contract knows objects only.

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

/// For a field that holds a list of objects, or `null`.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
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
    use crate::wire::{HeartbeatBody, RegisterBody};

    #[test]
    fn an_array_is_no_object_at_any_depth() {
        assert!(serde_json::from_str::<Object<HeartbeatBody>>(r#"["x"]"#).is_err());
        assert!(serde_json::from_str::<Object<HeartbeatBody>>(r#"{"runtime_id":"x"}"#).is_ok());
        let registration = |runtime: &str| format!(r#"{{"runtimes":[{runtime}]}}"#);
        assert!(serde_json::from_str::<Object<RegisterBody>>(&registration(r#"["Codex"]"#)).is_err());
        assert!(serde_json::from_str::<Object<RegisterBody>>(&registration(r#"{"name":"Codex"}"#)).is_ok());
    }

    #[test]
    fn a_list_may_be_missing_or_null() {
        for body in ["{}", r#"{"runtimes":null}"#] {
            let Object(body) = serde_json::from_str::<Object<RegisterBody>>(body).unwrap();
            assert_eq!(body.runtimes, None);
        }
    }
}
