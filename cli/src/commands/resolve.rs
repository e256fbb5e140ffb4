//! Finds a runtime by its id, name or type.

use doorbell_client::{self as client, Api};
use doorbell_protocol::{RuntimeId, RuntimeRecord, WorkspaceId};

use super::CommandError;
use crate::output;

/// What may identify a runtime beside its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// For a command that removes: what a type means changes with every runtime that comes or goes.
    Name,
    NameOrType,
}

/// The runtime with this id, which needs no call, or the one that `name` identifies. Case is ignored.
///
/// # Errors
/// No runtime or several have it, or the list cannot be read.
pub(super) async fn runtime(
    api: &Api,
    name: &str,
    by: By,
    workspace: Option<WorkspaceId>,
) -> Result<RuntimeId, CommandError> {
    match parse_id(name) {
        Some(id) => Ok(id),
        None => Ok(find(&client::runtimes(api, workspace).await?, name, by)?.id),
    }
}

/// The id of a text that is one, in any case.
pub(super) fn parse_id(text: &str) -> Option<RuntimeId> {
    text.to_ascii_lowercase().parse().ok()
}

/// The record of the runtime with this id, name or type, from the list. Case is ignored.
///
/// # Errors
/// No runtime or several have it, or the list cannot be read.
pub(super) async fn record(
    api: &Api,
    name: &str,
    workspace: Option<WorkspaceId>,
) -> Result<RuntimeRecord, CommandError> {
    let runtimes = client::runtimes(api, workspace).await?;
    let Some(id) = parse_id(name) else { return find(&runtimes, name, By::NameOrType).cloned() };
    let found = runtimes.into_iter().find(|runtime| runtime.id == id);
    found.ok_or_else(|| CommandError::NoSuchName { what: "id", name: id.to_string() })
}

type RuntimeFilter<'a> = &'a dyn Fn(&RuntimeRecord) -> bool;

/// An exact name precedes a name in another case, which precedes a type: a name may be the type of another runtime.
fn find<'a>(runtimes: &'a [RuntimeRecord], name: &str, by: By) -> Result<&'a RuntimeRecord, CommandError> {
    let folded = name.to_lowercase();
    let matches = |text: &str| text.to_lowercase() == folded;
    let filters: [(&str, RuntimeFilter<'_>); 3] = [
        ("name", &|runtime| runtime.name == name),
        ("name", &|runtime| matches(&runtime.name)),
        ("type", &|runtime| by == By::NameOrType && matches(&runtime.provider)),
    ];
    for (what, is_match) in filters {
        let candidates: Vec<&RuntimeRecord> = runtimes.iter().filter(|runtime| is_match(runtime)).collect();
        match candidates.as_slice() {
            [] => {}
            [one] => return Ok(one),
            several => {
                return Err(CommandError::AmbiguousName {
                    count: several.len(),
                    what,
                    name: name.to_owned(),
                    candidates: output::candidates(several),
                });
            }
        }
    }
    let what = match by {
        By::Name => "name",
        By::NameOrType => "name or type",
    };
    Err(CommandError::NoSuchName { what, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `(name, type)` of each; the last digit of an id is its index.
    fn runtimes(named: &[(&str, &str)]) -> Vec<RuntimeRecord> {
        let time = "2026-11-22T03:41:07.123Z";
        let record = |(place, (name, provider)): (usize, &(&str, &str))| {
            let id = format!("00000000-0000-5000-8000-{place:012}");
            let record = json!({
                "id": id, "workspace_id": "00000000-0000-4000-8000-00000000000a", "daemon_id": "box",
                "name": name, "provider": provider, "status": "online",
                "last_seen_at": time, "created_at": time, "updated_at": time,
            });
            serde_json::from_value(record).unwrap()
        };
        named.iter().enumerate().map(record).collect()
    }

    fn place(named: &[(&str, &str)], name: &str) -> usize {
        let runtimes = runtimes(named);
        let id = find(&runtimes, name, By::NameOrType).unwrap().id;
        runtimes.iter().position(|runtime| runtime.id == id).unwrap()
    }

    #[test]
    fn exact_name_precedes_other_case() {
        assert_eq!(place(&[("codex", "a"), ("Codex", "b")], "Codex"), 1);
    }

    #[test]
    fn name_in_any_case_precedes_type() {
        assert_eq!(place(&[("Work", "codex"), ("CODEX", "b")], "codex"), 1);
    }

    #[test]
    fn finds_type_in_any_case() {
        assert_eq!(place(&[("Work", "codex"), ("Home", "opencode")], "OpenCode"), 1);
        assert_eq!(place(&[("Ünïcode", "x")], "üNÏCODE"), 0);
    }

    #[test]
    fn by_name_ignores_types() {
        let named = runtimes(&[("Work", "codex"), ("OPENCODE", "x")]);
        let error = find(&named, "codex", By::Name).unwrap_err();
        assert_eq!(error.to_string(), "no runtime has the name \"codex\"");
        assert_eq!(find(&named, "opencode", By::Name).unwrap().id, named[1].id);
    }

    #[test]
    fn ambiguous_name_lists_candidates_on_one_line_each() {
        let named = [("Codex", "a\nforged"), ("Codex", "b"), ("codex", "c")];
        let error = find(&runtimes(&named), "Codex", By::NameOrType).unwrap_err();
        assert_eq!(error.to_string(), "2 runtimes have the name \"Codex\"");
        let hint = error.hint().unwrap();
        assert_eq!(
            hint.lines().collect::<Vec<_>>(),
            [
                "give the id of one of them",
                "  00000000-0000-5000-8000-000000000000  Codex  a forged  online  box",
                "  00000000-0000-5000-8000-000000000001  Codex  b         online  box",
            ]
        );
    }

    #[test]
    fn ambiguous_type_names_the_type() {
        let error = find(&runtimes(&[("a", "codex"), ("b", "codex")]), "Codex", By::NameOrType).unwrap_err();
        assert_eq!(error.to_string(), "2 runtimes have the type \"Codex\"");
    }

    #[test]
    fn unknown_name_is_an_error() {
        let error = find(&runtimes(&[("a", "codex")]), "other", By::NameOrType).unwrap_err();
        assert_eq!(error.to_string(), "no runtime has the name or type \"other\"");
    }
}
