//! Where the contract suite runs, and how time passes there.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_shared::clock::{Clock, SystemClock};

use crate::{Client, TestApi, TestClock, stack};

/// On a deployed stack, latency and clock skew shift a deadline as seen by the client by less than this.
const TOLERANCE: Duration = Duration::from_secs(4);
/// The resolution of all times of the contract.
const TICK: Duration = Duration::from_millis(1);

/// An API with its clock.
#[derive(Debug)]
pub struct Target {
    client: Client,
    time: Time,
}

#[derive(Debug)]
enum Time {
    Virtual(Arc<TestClock>),
    Real,
}

impl Target {
    /// The functions in this process, in virtual time.
    pub async fn in_process() -> Self {
        Self::of(TestApi::start().await)
    }

    /// The functions behind Lambda's `Invoke`, in virtual time.
    pub async fn invoked() -> Self {
        Self::of(TestApi::start_deployed().await)
    }

    fn of(api: TestApi) -> Self {
        Self { client: Client::clone(&api), time: Time::Virtual(api.clock) }
    }

    /// The stack that the environment names, in real time.
    pub async fn deployed() -> Self {
        Self { client: stack::client(), time: Time::Real }
    }

    /// The time `duration` from now.
    pub fn after(&self, duration: Duration) -> Timestamp {
        self.now() + duration
    }

    /// Lets `duration` pass: sleeps in real time.
    pub async fn advance(&self, duration: Duration) {
        match &self.time {
            Time::Virtual(clock) => clock.advance(duration),
            Time::Real => tokio::time::sleep(duration).await,
        }
    }

    /// Advances to a moment at which `deadline` has not passed: in virtual time, the deadline itself.
    pub async fn advance_to(&self, deadline: Timestamp) {
        let tolerance = if self.is_virtual() { Duration::ZERO } else { TOLERANCE };
        self.advance((deadline - tolerance).since(self.now())).await;
    }

    /// Advances to a moment at which `deadline` has passed: in virtual time, one millisecond later.
    pub async fn advance_past(&self, deadline: Timestamp) {
        let tolerance = if self.is_virtual() { TICK } else { TOLERANCE };
        self.advance((deadline + tolerance).since(self.now())).await;
    }

    fn is_virtual(&self) -> bool {
        matches!(self.time, Time::Virtual(_))
    }

    fn now(&self) -> Timestamp {
        match &self.time {
            Time::Virtual(clock) => clock.now(),
            Time::Real => SystemClock.now(),
        }
    }
}

impl Deref for Target {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
