//! Lists in which a bad entry loses one entry, not the list: new versions of programs add entries of other shapes.

use std::collections::HashSet;

use doorbell_protocol::{Model, ModelListResult};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::supported;

/// Entries that can be used, in the program's order. Parses a JSON array of any entries.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entries<T> {
    pub(super) usable: Vec<T>,
    /// Whether there were others.
    pub(super) has_bad: bool,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self { usable: Vec::new(), has_bad: false }
    }
}

/// `None` is a bad entry.
impl<T> FromIterator<Option<T>> for Entries<T> {
    fn from_iter<I: IntoIterator<Item = Option<T>>>(entries: I) -> Self {
        let mut collected = Self::default();
        for entry in entries {
            match entry {
                Some(entry) => collected.usable.push(entry),
                None => collected.has_bad = true,
            }
        }
        collected
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::<Box<RawValue>>::deserialize(deserializer)?;
        Ok(entries.iter().map(|entry| serde_json::from_str(entry.get()).ok()).collect())
    }
}

impl<T> Entries<T> {
    /// The usable entries as something else.
    pub(super) fn map<U>(self, convert: impl FnMut(T) -> U) -> Entries<U> {
        Entries { usable: self.usable.into_iter().map(convert).collect(), has_bad: self.has_bad }
    }
}

impl Entries<Model> {
    /// The result of an agent program that accepts a model per agent. Of models with one id it has the first.
    ///
    /// `None` if there are entries and none can be used.
    pub(super) fn into_result(self) -> Option<ModelListResult> {
        let mut ids = HashSet::new();
        let models = self.usable.into_iter().filter(|model| ids.insert(model.id.clone()));
        let result = supported(models).ok()?;
        (!result.models.is_empty() || !self.has_bad).then_some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Entry {
        id: String,
    }

    fn model(id: &str) -> Option<Model> {
        Some(Model { id: id.to_owned(), label: id.to_owned(), ..Model::default() })
    }

    fn ids(models: impl IntoIterator<Item = Option<Model>>) -> Option<Vec<String>> {
        let result = models.into_iter().collect::<Entries<_>>().into_result()?;
        Some(result.models.iter().map(|entry| entry.model().id).collect())
    }

    #[test]
    fn bad_entry_loses_one_entry() {
        let text = r#"[{"id": "a"}, {"id": 1}, null, "b", {"name": "c"}, {"id": "d", "more": {}}]"#;
        let entries: Entries<Entry> = serde_json::from_str(text).unwrap();
        let usable = ["a", "d"].map(|id| Entry { id: id.to_owned() });
        assert_eq!(entries, Entries { usable: usable.into(), has_bad: true });
    }

    #[test]
    fn only_arrays_are_lists() {
        for text in ["{}", "null", r#""a""#] {
            assert!(serde_json::from_str::<Entries<Entry>>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn first_of_equal_ids_stays() {
        let second = Model { label: "Second".to_owned(), ..model("a").unwrap() };
        let entries: Entries<_> = [model("a"), Some(second), model("b")].into_iter().collect();
        let result = entries.into_result().unwrap();
        let labels: Vec<_> = result.models.iter().map(|entry| entry.model().label).collect();
        assert_eq!(labels, ["a", "b"]);
    }

    #[test]
    fn bad_entries_only_are_no_result() {
        assert_eq!(ids([None]), None);
        assert_eq!(ids([model(""), None]), None);
    }

    #[test]
    fn empty_result_is_fallback() {
        let is_fallback = |entries: Entries<Model>| entries.into_result().unwrap().fallback;
        assert!(is_fallback(Entries::default()));
        assert!(!is_fallback([model("a")].into_iter().collect()));
    }
}
