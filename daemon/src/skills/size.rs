//! The size of a result: a larger one would be rejected as a whole.

use doorbell_protocol::LocalSkillsResult;
use doorbell_protocol::limits::RESULT_BYTES;

/// Drops the last descriptions, then the last skills, until the JSON of the result has at most [`RESULT_BYTES`].
pub(super) fn fit(result: &mut LocalSkillsResult) {
    let mut bytes = size(result);
    for index in (0..result.skills.len()).rev() {
        if bytes <= RESULT_BYTES {
            return;
        }
        let skill = &mut result.skills[index];
        let before = size(skill);
        skill.description = None;
        bytes -= before - size(skill);
    }
    while bytes > RESULT_BYTES {
        // The entry and its comma.
        let Some(skill) = result.skills.pop() else { return };
        bytes -= size(&skill) + usize::from(!result.skills.is_empty());
    }
}

fn size(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

#[cfg(test)]
mod tests {
    use doorbell_protocol::SkillEntry;

    use super::*;

    fn result(skills: usize, name: &str, description: &str) -> LocalSkillsResult {
        let skill = SkillEntry {
            key: "k".to_owned(),
            name: name.to_owned(),
            description: Some(description.to_owned()),
            source_path: "~/k".to_owned(),
            provider: "codex".to_owned(),
            root: None,
            plugin: None,
            can_disable: false,
            file_count: 1,
        };
        LocalSkillsResult { skills: vec![skill; skills], supported: true, ..LocalSkillsResult::unsupported() }
    }

    #[test]
    fn small_result_is_unchanged() {
        let small = result(10, "n", "d");
        let mut fitted = small.clone();
        fit(&mut fitted);
        assert_eq!(fitted, small);
    }

    #[test]
    fn last_descriptions_are_dropped_first() {
        let mut fitted = result(1_000, "n", &"\"".repeat(300));
        fit(&mut fitted);
        let described = fitted.skills.iter().take_while(|skill| skill.description.is_some()).count();
        assert_eq!(fitted.skills.len(), 1_000);
        assert!(fitted.skills[described..].iter().all(|skill| skill.description.is_none()));
        assert!((1..1_000).contains(&described), "{described}");
        // One more description would not fit.
        let one = size(&"\"".repeat(300)) + r#","description":"#.len();
        assert!(size(&fitted) <= RESULT_BYTES && size(&fitted) + one > RESULT_BYTES);
    }

    #[test]
    fn last_skills_are_dropped_at_last() {
        let mut fitted = result(1_000, &"n".repeat(1_000), "d");
        fit(&mut fitted);
        let one = size(&fitted.skills[0]) + 1;
        assert!(size(&fitted) <= RESULT_BYTES && size(&fitted) + one > RESULT_BYTES);
    }
}
