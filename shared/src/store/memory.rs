//! The promises under one lock, with the lifecycle called literally: the reference the other stores are held against.
//!
//! Good for tests and for trying things out. It forgets everything with the process and is seen by one process only.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Beat, Candidate, Claim, Deregister, Deregistered, Heartbeat, Initiate, Initiated, Poll, Polled, Register,
    Report, Reported, Result, Revoked, Runtimes, TokenAdministration, Tokens,
};
use crate::access::Workspaces;
use crate::id::{ClaimId, RequestId, RuntimeId, WorkspaceId};
use crate::limits::{ATTENTION, RETENTION};
use crate::request::pace::next_ring_due;
use crate::request::{Address, Delivery, Looking, Outcome, Request, State};
use crate::runtime::{Registration, Runtime};
use crate::time::Timestamp;
use crate::token::{TokenHash, TokenRecord};

/// Everything in one map. A clone is another handle on the same one, as another replica would have.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    runtimes: HashMap<RuntimeId, Known>,
    requests: BTreeMap<(RuntimeId, RequestId), Request>,
    tokens: HashMap<TokenHash, TokenRecord>,
    /// When to go through the maps again for what may be forgotten.
    forget_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Known {
    runtime: Runtime,
    attention_until: Option<Timestamp>,
    ring_due_at: Option<Timestamp>,
}

impl MemoryStore {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        // No transition leaves the maps half changed, so what a panicking caller left is still good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn runtime(&mut self, id: RuntimeId, now: Timestamp) -> Option<&mut Known> {
        self.runtimes.get_mut(&id).filter(|known| known.runtime.is_known(now))
    }

    fn request(&mut self, address: Address, now: Timestamp) -> Option<&mut Request> {
        let request = self.requests.get_mut(&(address.runtime, address.request))?;
        (request.address.kind == address.kind && request.is_readable(now)).then_some(request)
    }

    fn allowed_request(&mut self, at: Address, allowed: &Workspaces, now: Timestamp) -> Option<&mut Request> {
        self.request(at, now).filter(|request| allowed.contains(request.workspace))
    }

    /// What retention has ended for is dropped when something new is stored, so the maps cannot grow for ever; but not each
    /// time, or a hundred thousand runtimes would be gone through for every ring.
    fn forget(&mut self, now: Timestamp) {
        if self.forget_at.is_some_and(|at| now < at) {
            return;
        }
        self.forget_at = Some(now + RETENTION);
        self.requests.retain(|_, request| request.is_readable(now));
        self.runtimes.retain(|_, known| known.runtime.is_known(now));
    }
}

impl Initiate for MemoryStore {
    async fn initiate(&self, address: Address, allowed: &Workspaces, now: Timestamp) -> Result<Initiated> {
        let mut contents = self.contents();
        contents.forget(now);
        let asked_before = contents.request(address, now).cloned();
        let known = contents.runtime(address.runtime, now);
        let Some(known) = known.filter(|known| allowed.contains(known.runtime.workspace)) else {
            return Ok(Initiated::Unknown);
        };
        if !known.runtime.is_online(now) {
            return Ok(Initiated::Offline);
        }
        if let Some(request) = asked_before {
            return Ok(Initiated::Enqueued(request));
        }
        match next_ring_due(known.ring_due_at, now) {
            Ok(due) => known.ring_due_at = Some(due),
            Err(too_fast) => return Ok(Initiated::TooFast(too_fast)),
        }
        known.attention_until = Some(now + ATTENTION);
        let request = Request::new(address, known.runtime.workspace, now);
        contents.requests.insert((address.runtime, address.request), request.clone());
        Ok(Initiated::Enqueued(request))
    }
}

impl Poll for MemoryStore {
    async fn poll(&self, address: Address, allowed: &Workspaces, now: Timestamp) -> Result<Polled> {
        let mut contents = self.contents();
        let Some(request) = contents.allowed_request(address, allowed, now) else {
            return Ok(Polled::Unknown);
        };
        let Some(timed_out) = request.timed_out_if_lapsed(now) else {
            return Ok(Polled::Found(request.clone()));
        };
        *request = timed_out.clone();
        Ok(Polled::TimedOut(timed_out))
    }
}

impl Heartbeat for MemoryStore {
    async fn beat(&self, runtime: RuntimeId, allowed: &Workspaces, now: Timestamp) -> Result<Beat> {
        let mut contents = self.contents();
        let Some(known) = contents.runtime(runtime, now) else { return Ok(Beat::Unknown) };
        if !allowed.contains(known.runtime.workspace) {
            return Ok(Beat::Foreign);
        }
        known.runtime.last_seen_at = now;
        known.runtime.deregistered_at = None;
        Ok(Beat::Recorded { attention: known.attention_until.is_some_and(|until| until >= now) })
    }

    async fn look(&self, runtime: RuntimeId, looking: &Looking, now: Timestamp) -> Result<Vec<Candidate>> {
        let contents = self.contents();
        let of_runtime =
            contents.requests.range((runtime, RequestId::MIN)..).take_while(|((of, _), _)| *of == runtime);
        let candidates = of_runtime.filter_map(|((_, id), request)| {
            let delivery = request.delivery(looking, now)?;
            Some(Candidate { request: *id, kind: request.address.kind, delivery })
        });
        Ok(candidates.collect())
    }

    async fn claim(
        &self,
        address: Address,
        delivery: Delivery,
        claim: ClaimId,
        now: Timestamp,
    ) -> Result<Claim> {
        let mut contents = self.contents();
        let Some(request) = contents.request(address, now) else { return Ok(Claim::Lost) };
        match request.state {
            State::Running(run) if run.claim == claim => return Ok(Claim::Won(request.clone())),
            _ => {}
        }
        let claimed = request.claimed_if_deliverable(delivery, claim, now);
        let Some(claimed) = claimed else { return Ok(Claim::Lost) };
        *request = claimed.clone();
        Ok(Claim::Won(claimed))
    }
}

impl Report for MemoryStore {
    async fn report(
        &self,
        address: Address,
        allowed: &Workspaces,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Reported> {
        let mut contents = self.contents();
        let Some(request) = contents.allowed_request(address, allowed, now) else {
            return Ok(Reported::Unknown);
        };
        let Some(reported) = request.reported_if_open(outcome, now) else {
            return Ok(Reported::of_ended(request, outcome, now));
        };
        *request = reported;
        Ok(Reported::Recorded { created_at: request.created_at })
    }
}

impl Register for MemoryStore {
    async fn register(&self, registration: Registration, now: Timestamp) -> Result<Runtime> {
        let mut contents = self.contents();
        contents.forget(now);
        let known = contents.runtimes.remove(&registration.id).filter(|known| known.runtime.is_known(now));
        let runtime = Runtime::registered(registration, known.as_ref().map(|known| &known.runtime), now);
        let (attention_until, ring_due_at) =
            known.map_or((None, None), |known| (known.attention_until, known.ring_due_at));
        let known = Known { runtime: runtime.clone(), attention_until, ring_due_at };
        contents.runtimes.insert(runtime.id, known);
        Ok(runtime)
    }
}

impl Deregister for MemoryStore {
    async fn deregister(
        &self,
        runtime: RuntimeId,
        allowed: &Workspaces,
        now: Timestamp,
    ) -> Result<Deregistered> {
        let mut contents = self.contents();
        let known = contents.runtime(runtime, now);
        let Some(known) = known.filter(|known| allowed.contains(known.runtime.workspace)) else {
            return Ok(Deregistered::Unknown);
        };
        known.runtime.deregistered_at = Some(now);
        Ok(Deregistered::Done)
    }
}

impl Runtimes for MemoryStore {
    async fn runtimes(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<Runtime>> {
        let contents = self.contents();
        let runtimes = contents.runtimes.values().map(|known| &known.runtime);
        let listed = runtimes.filter(|runtime| runtime.workspace == workspace && runtime.is_known(now));
        Ok(listed.cloned().collect())
    }
}

impl Tokens for MemoryStore {
    async fn token(&self, hash: TokenHash, now: Timestamp) -> Result<Option<TokenRecord>> {
        let contents = self.contents();
        Ok(contents.tokens.get(&hash).filter(|record| record.is_valid(now)).cloned())
    }
}

impl TokenAdministration for MemoryStore {
    async fn issue(&self, record: &TokenRecord) -> Result<()> {
        self.contents().tokens.insert(record.hash, record.clone());
        Ok(())
    }

    async fn tokens(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<TokenRecord>> {
        let contents = self.contents();
        let of_workspace = contents.tokens.values().filter(|record| record.workspaces.contains(workspace));
        Ok(of_workspace.filter(|record| record.is_valid(now)).cloned().collect())
    }

    async fn revoke(&self, workspace: WorkspaceId, hash: TokenHash) -> Result<Revoked> {
        let mut contents = self.contents();
        if !contents.tokens.get(&hash).is_some_and(|record| record.workspaces.contains(workspace)) {
            return Ok(Revoked::Unknown);
        }
        contents.tokens.remove(&hash);
        Ok(Revoked::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::RUNTIME_RETENTION;
    use crate::runtime::Text;

    async fn register(store: &MemoryStore, daemon_id: &str, now: Timestamp) {
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let text = |text: &str| Text::try_from(text.to_owned()).unwrap();
        let id = RuntimeId::derive(workspace, daemon_id, "t", "");
        let (daemon_id, provider, name) = (text(daemon_id), text("t"), text("n"));
        let registration = Registration { id, workspace, daemon_id, provider, name, online: true };
        store.register(registration, now).await.unwrap();
    }

    /// Nobody else calls for it: what is past its retention is not shown, dropped or not.
    #[tokio::test]
    async fn what_nobody_can_see_any_more_is_dropped() {
        let (store, start) = (MemoryStore::default(), Timestamp::from_millis(1_000_000).unwrap());
        for daemon_id in ["a", "b", "c"] {
            register(&store, daemon_id, start).await;
        }
        register(&store, "d", start + RUNTIME_RETENTION + RETENTION).await;
        assert_eq!(store.contents().runtimes.len(), 1);
    }
}
