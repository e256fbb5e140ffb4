//! The agent programs that the daemon knows. Each has a file in [`sources`](crate::sources) and a line here.

use crate::sources::launch::KnownProgram;
use crate::sources::{
    antigravity, claude, codebuddy, codex, copilot, cursor, gemini, grok, hermes, kimi, kiro, openclaw,
    opencode, pi, qoder, qwen, reasonix, trae,
};

/// In the order of registrations.
pub(crate) const KNOWN: [&KnownProgram; 18] = [
    &claude::PROGRAM,
    &codex::PROGRAM,
    &opencode::PROGRAM,
    &gemini::PROGRAM,
    &qwen::PROGRAM,
    &copilot::PROGRAM,
    &cursor::PROGRAM,
    &pi::PROGRAM,
    &hermes::PROGRAM,
    &kimi::PROGRAM,
    &kiro::PROGRAM,
    &qoder::PROGRAM,
    &grok::PROGRAM,
    &codebuddy::PROGRAM,
    &trae::PROGRAM,
    &reasonix::PROGRAM,
    &antigravity::PROGRAM,
    &openclaw::PROGRAM,
];

/// The program of a type.
pub(crate) fn find(provider: &str) -> Option<&'static KnownProgram> {
    KNOWN.into_iter().find(|program| program.provider == provider)
}

/// Whether a variable holds an API key of known programs, and `program` is none of them.
pub(crate) fn is_key_of_another(program: Option<&KnownProgram>, name: &str) -> bool {
    let has_key = |program: &KnownProgram| program.keys.contains(&name);
    !program.is_some_and(has_key) && KNOWN.into_iter().any(has_key)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn types_and_executables_are_unique() {
        let providers: HashSet<_> = KNOWN.iter().map(|program| program.provider).collect();
        let executables: Vec<_> = KNOWN.iter().flat_map(|program| program.executables).collect();
        assert_eq!(providers.len(), KNOWN.len());
        assert_eq!(executables.iter().collect::<HashSet<_>>().len(), executables.len());
        assert!(KNOWN.iter().all(|program| !program.executables.is_empty()));
    }

    #[test]
    fn key_of_two_programs_is_of_no_other() {
        let [codex, opencode] = ["codex", "opencode"].map(|provider| find(provider).unwrap());
        let both = codex.keys.iter().find(|key| opencode.keys.contains(key)).unwrap();
        assert!([codex, opencode].iter().all(|program| !is_key_of_another(Some(program), both)));
        assert!(is_key_of_another(None, both));
    }
}
