//! Condition and filter expressions as trees, to remove one clause.

use std::fmt;

/// `AND`, `OR`, parentheses, and opaque clauses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    Clause(String),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

impl Expression {
    pub(crate) fn parse(text: &str) -> Self {
        let text = unwrapped(text.trim());
        let parsed = |parts: Vec<&str>| parts.into_iter().map(Self::parse).collect::<Vec<_>>();
        let any = split(text, " OR ");
        let all = split(text, " AND ");
        if any.len() > 1 {
            let any = parsed(any);
            // A list too long for one `IN` is split into several.
            let one = any.iter().all(|part| part.shape() == any[0].shape());
            if one { Self::Clause(format!("({text})")) } else { Self::Any(any) }
        } else if all.len() > 1 {
            Self::All(parsed(all))
        } else {
            Self::Clause(text.to_owned())
        }
    }

    /// The expression without the length of `IN` lists, which differs from call to call.
    pub(crate) fn shape(&self) -> String {
        self.rendered(&|clause| match clause.split_once(" IN (") {
            Some((attribute, _)) => format!("{} IN (…)", attribute.trim_start_matches('(')),
            None => clause.to_owned(),
        })
    }

    fn rendered(&self, clause: &dyn Fn(&str) -> String) -> String {
        let (parts, word) = match self {
            Self::Clause(text) => return clause(text),
            Self::All(parts) => (parts, " AND "),
            Self::Any(parts) => (parts, " OR "),
        };
        let parts = parts.iter().map(|part| match part {
            Self::Clause(text) => clause(text),
            part => format!("({})", part.rendered(clause)),
        });
        parts.collect::<Vec<_>>().join(word)
    }

    /// Each part that can be removed, and the rest.
    pub(crate) fn without_each(&self) -> Vec<(String, Option<Self>)> {
        match self {
            Self::Clause(_) => vec![(self.shape(), None)],
            Self::All(parts) => Self::without_each_of(parts, Self::All),
            Self::Any(parts) => Self::without_each_of(parts, Self::Any),
        }
    }

    fn without_each_of(parts: &[Self], make: fn(Vec<Self>) -> Self) -> Vec<(String, Option<Self>)> {
        let mut without = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            for (removed, rest) in part.without_each() {
                let mut parts = parts.to_vec();
                match rest {
                    Some(rest) => parts[place] = rest,
                    None => drop(parts.remove(place)),
                }
                without.push((removed, Some(Self::of(parts, make))));
            }
            if !matches!(part, Self::Clause(_)) {
                let mut parts = parts.to_vec();
                parts.remove(place);
                without.push((part.shape(), Some(Self::of(parts, make))));
            }
        }
        without
    }

    fn of(mut parts: Vec<Self>, make: fn(Vec<Self>) -> Self) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { make(parts) }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rendered(&str::to_owned))
    }
}

/// Splits at each `word` outside parentheses.
fn split<'t>(text: &'t str, word: &str) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ' ' if depth == 0 && at >= start && text[at..].starts_with(word) => {
                parts.push(&text[start..at]);
                start = at + word.len();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Removes parentheses around the whole text.
fn unwrapped(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) else { return text };
    let mut depth = 0;
    for character in inner.chars() {
        match character {
            '(' => depth += 1,
            ')' if depth == 0 => return text,
            ')' => depth -= 1,
            _ => {}
        }
    }
    unwrapped(inner.trim())
}

#[test]
fn removes_each_clause_and_group_once() {
    let expression = Expression::parse("(w IN (:a, :b)) AND k = :k AND ((s = :p AND c >= :x) OR (s = :r))");
    let without: Vec<_> =
        expression.without_each().into_iter().map(|(_, rest)| rest.unwrap().to_string()).collect();
    assert_eq!(
        without,
        [
            "k = :k AND ((s = :p AND c >= :x) OR s = :r)",
            "w IN (:a, :b) AND ((s = :p AND c >= :x) OR s = :r)",
            "w IN (:a, :b) AND k = :k AND (c >= :x OR s = :r)",
            "w IN (:a, :b) AND k = :k AND (s = :p OR s = :r)",
            "w IN (:a, :b) AND k = :k AND s = :r",
            "w IN (:a, :b) AND k = :k AND (s = :p AND c >= :x)",
            "w IN (:a, :b) AND k = :k",
        ]
    );
}

#[test]
fn in_lists_of_any_length_are_one_clause() {
    let one = Expression::parse("(workspace_id IN (:workspace0)) AND a = :a");
    let many = "(workspace_id IN (:workspace0, :workspace1) OR workspace_id IN (:workspace2)) AND a = :a";
    assert_eq!(Expression::parse(many).shape(), one.shape());
    assert_eq!(one.shape(), "workspace_id IN (…) AND a = :a");
}
