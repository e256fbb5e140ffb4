//! Reasoning levels of agent programs that name them but have no display names.

use doorbell_protocol::{Thinking, ThinkingLevel};

/// The levels of a model; `None` if there is none to choose.
pub(super) fn thinking(
    levels: impl IntoIterator<Item = ThinkingLevel>,
    default_level: Option<String>,
) -> Option<Thinking> {
    let supported_levels: Vec<_> = levels.into_iter().collect();
    (!supported_levels.is_empty()).then_some(Thinking { supported_levels, default_level })
}

/// A level with a display name made of its id.
pub(super) fn level(value: String, description: Option<String>) -> ThinkingLevel {
    ThinkingLevel { label: label(&value), value, description }
}

fn label(value: &str) -> String {
    if value == "xhigh" {
        return "Extra high".to_owned();
    }
    let mut letters = value.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_begin_with_capital() {
        for (value, expected) in [("low", "Low"), ("xhigh", "Extra high"), ("ü", "Ü"), ("", "")] {
            assert_eq!(level(value.to_owned(), None).label, expected);
        }
    }

    #[test]
    fn no_levels_are_no_choice() {
        assert_eq!(thinking([], Some("low".to_owned())), None);
    }
}
