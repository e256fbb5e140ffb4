//! Two ways to ask a program: as its current version is asked, and as older versions are.

use std::future::Future;
use std::time::Duration;

use doorbell_protocol::ModelListResult;

use super::SourceError;

/// The time limit of the first way. It leaves the second one a third of [`TIMEOUT`](super::TIMEOUT).
const FIRST_TIMEOUT: Duration = Duration::from_secs(10);

type Listed = Result<ModelListResult, SourceError>;

/// The result of `first`, or of `second` if `first` fails or takes too long for another reason than the machine's state.
pub(super) async fn first_or(
    first: impl Future<Output = Listed>,
    second: impl Future<Output = Listed>,
) -> Listed {
    match tokio::time::timeout(FIRST_TIMEOUT, first).await {
        Ok(Ok(list)) => return Ok(list),
        Ok(Err(error)) if is_state_of_machine(&error) => return Err(error),
        Ok(Err(error)) => tracing::debug!(%error, "an agent program is asked in the older way"),
        Err(_) => tracing::debug!("an agent program is asked in the older way, because it did not answer"),
    }
    second.await
}

/// Whether the error names what the machine's owner can change. No other way of asking helps then.
fn is_state_of_machine(error: &SourceError) -> bool {
    matches!(
        error,
        SourceError::NotInstalled { .. }
            | SourceError::NotInstalledAt { .. }
            | SourceError::NotRunnable { .. }
            | SourceError::NotLoggedIn { .. }
            | SourceError::NoModels { .. }
    )
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    fn list(supported: bool) -> Listed {
        Ok(ModelListResult { models: Vec::new(), supported, fallback: false })
    }

    fn program() -> String {
        "agent".to_owned()
    }

    #[tokio::test]
    async fn result_of_first_way_is_returned() {
        assert_eq!(first_or(async { list(true) }, pending()).await, list(true));
    }

    #[tokio::test]
    async fn failure_is_followed_by_second_way() {
        let first = async { Err(SourceError::InvalidOutput { program: program() }) };
        assert_eq!(first_or(first, async { list(false) }).await, list(false));
    }

    #[tokio::test(start_paused = true)]
    async fn hanging_program_is_asked_the_second_way() {
        assert_eq!(first_or(pending(), async { list(false) }).await, list(false));
    }

    #[tokio::test]
    async fn missing_login_is_not_asked_twice() {
        let error = || SourceError::NotLoggedIn { program: program(), login: "agent login".to_owned() };
        assert_eq!(first_or(async { Err(error()) }, async { list(false) }).await, Err(error()));
    }
}
