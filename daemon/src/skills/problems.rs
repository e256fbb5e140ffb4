//! Files that cannot be used. They are logged, and reported only if nothing can be listed.

use super::error::SkillsError;

#[derive(Debug, Default)]
pub(super) struct Problems(Vec<SkillsError>);

impl Problems {
    /// The value, or the default if there is none.
    pub(super) fn value<T: Default>(&mut self, result: Result<T, SkillsError>) -> T {
        result.unwrap_or_else(|error| {
            tracing::warn!(%error, "a file with local skills or MCP servers is skipped");
            self.0.push(error);
            T::default()
        })
    }

    pub(super) fn first(self) -> Option<SkillsError> {
        self.0.into_iter().next()
    }
}
