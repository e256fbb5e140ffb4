//! A store that is timed, operation by operation, and the engine behind it.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use doorbell_shared::access::Workspaces;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::id::{ClaimId, RuntimeId, WorkspaceId};
use doorbell_shared::request::{Address, Delivery, Looking, Outcome};
use doorbell_shared::runtime::{Registration, Runtime};
use doorbell_shared::store::dynamodb::embedded::{Call, Passage, Tap};
use doorbell_shared::store::{
    Beat, Candidate, Claim, Deregister, Deregistered, Heartbeat, Initiate, Initiated, Poll, Polled, Register,
    Report, Reported, Result, Runtimes, Tokens,
};
use doorbell_shared::time::Timestamp;
use doorbell_shared::token::{TokenHash, TokenRecord};

use crate::clocked::{in_engine, in_store};

/// Each operation lets the other calls that are under way go first, as one that waits for a table would.
#[derive(Debug)]
pub(crate) struct Timed<S>(pub(crate) S);

async fn timed<T>(operation: impl Future<Output = T> + Send) -> T {
    // Boxed, because each future that has another within moves it about: the SDK's would weigh on the call's own time.
    let operation = Box::pin(operation);
    let waiting = async {
        tokio::task::yield_now().await;
        operation.await
    };
    in_store(waiting).await
}

impl<S: Initiate> Initiate for Timed<S> {
    async fn initiate(&self, at: Address, allowed: &Workspaces, now: Timestamp) -> Result<Initiated> {
        timed(self.0.initiate(at, allowed, now)).await
    }
}

impl<S: Poll> Poll for Timed<S> {
    async fn poll(&self, at: Address, allowed: &Workspaces, now: Timestamp) -> Result<Polled> {
        timed(self.0.poll(at, allowed, now)).await
    }
}

impl<S: Heartbeat> Heartbeat for Timed<S> {
    async fn beat(&self, runtime: RuntimeId, allowed: &Workspaces, now: Timestamp) -> Result<Beat> {
        timed(self.0.beat(runtime, allowed, now)).await
    }

    async fn look(&self, runtime: RuntimeId, looking: &Looking, now: Timestamp) -> Result<Vec<Candidate>> {
        timed(self.0.look(runtime, looking, now)).await
    }

    async fn claim(&self, at: Address, delivery: Delivery, claim: ClaimId, now: Timestamp) -> Result<Claim> {
        timed(self.0.claim(at, delivery, claim, now)).await
    }
}

impl<S: Report> Report for Timed<S> {
    async fn report(
        &self,
        at: Address,
        allowed: &Workspaces,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Reported> {
        timed(self.0.report(at, allowed, outcome, now)).await
    }
}

impl<S: Register> Register for Timed<S> {
    async fn register(&self, registration: Registration, now: Timestamp) -> Result<Runtime> {
        timed(self.0.register(registration, now)).await
    }
}

impl<S: Deregister> Deregister for Timed<S> {
    async fn deregister(
        &self,
        runtime: RuntimeId,
        allowed: &Workspaces,
        now: Timestamp,
    ) -> Result<Deregistered> {
        timed(self.0.deregister(runtime, allowed, now)).await
    }
}

impl<S: Runtimes> Runtimes for Timed<S> {
    async fn runtimes(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<Runtime>> {
        timed(self.0.runtimes(workspace, now)).await
    }
}

impl<S: Tokens> Tokens for Timed<S> {
    async fn token(&self, hash: TokenHash, now: Timestamp) -> Result<Option<TokenRecord>> {
        timed(self.0.token(hash, now)).await
    }
}

/// Times the engine, of one call at a time.
#[derive(Debug, Default)]
pub(crate) struct EngineTime(Mutex<Option<Stopwatch>>);

impl EngineTime {
    fn replace(&self, stopwatch: Option<Stopwatch>) -> Option<Stopwatch> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), stopwatch)
    }
}

impl Tap for EngineTime {
    fn pass(&self, _operation: &str) -> Passage {
        Passage::Through
    }

    fn asked<'b>(&self, _operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        self.replace(Some(Stopwatch::start()));
        Cow::Borrowed(body)
    }

    fn answered(&self, _call: Call) {
        if let Some(started) = self.replace(None) {
            in_engine(started.elapsed());
        }
    }
}
