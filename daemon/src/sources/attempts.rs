//! Two ways to ask a program: as its current version is asked, and as older versions are.

use std::future::Future;
use std::time::Duration;

use doorbell_protocol::ModelListResult;

use super::SourceError;

/// The time limit of a conversation that an older version may not understand. It leaves a second way that needs no
/// conversation a third of [`TIMEOUT`](super::TIMEOUT).
const CONVERSATION_TIMEOUT: Duration = Duration::from_secs(10);

type Listed = Result<ModelListResult, SourceError>;

/// The result of `first`, or of `second` if `first` fails for another reason than the machine's state.
pub(super) async fn first_or(
    first: impl Future<Output = Listed>,
    second: impl Future<Output = Listed>,
) -> Listed {
    match first.await {
        Ok(list) => Ok(list),
        Err(error) if is_state_of_machine(&error) => Err(error),
        Err(error) => {
            tracing::debug!(%error, "an agent program is asked in the older way");
            second.await
        }
    }
}

/// The result of a conversation with the program `name`, or an error early enough for a second way.
pub(super) async fn answer_in_time(name: &str, conversation: impl Future<Output = Listed>) -> Listed {
    let timed_out =
        |_| SourceError::TimedOut { name: name.to_owned(), seconds: CONVERSATION_TIMEOUT.as_secs() };
    tokio::time::timeout(CONVERSATION_TIMEOUT, conversation).await.map_err(timed_out)?
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
    async fn conversation_without_answer_is_followed_by_second_way() {
        let first = answer_in_time("agent", pending());
        assert_eq!(first_or(first, async { list(false) }).await, list(false));
    }

    #[tokio::test]
    async fn missing_login_is_not_asked_twice() {
        let error = || SourceError::NotLoggedIn { program: program(), login: "agent login".to_owned() };
        assert_eq!(first_or(async { Err(error()) }, async { list(false) }).await, Err(error()));
    }
}
