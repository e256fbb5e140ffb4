//! Time that a future is at work, and how much of that is the store's and the engine's.
//!
//! A future is at work while it is polled. What it waits for meanwhile, a turn on a core among others, counts for nobody: so
//! time means the same with one call under way and with many.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use doorbell_shared::clock::Stopwatch;

tokio::task_local! {
    static WITHIN: Cell<Within>;
}

/// What was spent in places that are not to be counted as the call's own.
#[derive(Clone, Copy, Debug, Default)]
struct Within {
    store: Duration,
    engine: Duration,
}

/// Where a call's time went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// All of it.
    pub(crate) whole: Duration,
    /// Of that, in the store.
    pub(crate) store: Duration,
    /// Of that, in the engine behind the store.
    pub(crate) engine: Duration,
}

impl Spent {
    /// What is left without the store.
    pub(crate) fn own(self) -> Duration {
        self.whole.saturating_sub(self.store)
    }

    /// What the store does by itself.
    pub(crate) fn store_alone(self) -> Duration {
        self.store.saturating_sub(self.engine)
    }
}

/// Makes a call, and says where its time went.
pub(crate) async fn spent<T>(call: impl Future<Output = T>) -> (T, Spent) {
    let noted = async {
        let (output, whole) = at_work(call).await;
        let Within { store, engine } = WITHIN.with(Cell::get);
        (output, Spent { whole, store, engine })
    };
    WITHIN.scope(Cell::default(), noted).await
}

/// Notes what an operation takes as the store's.
pub(crate) async fn in_store<T>(operation: impl Future<Output = T>) -> T {
    let (output, took) = at_work(operation).await;
    note(|within| within.store += took);
    output
}

/// Notes what the engine took.
pub(crate) fn in_engine(took: Duration) {
    note(|within| within.engine += took);
}

/// Outside of a call that is being measured nothing is noted.
fn note(change: impl FnOnce(&mut Within)) {
    let _ = WITHIN.try_with(|cell| {
        let mut within = cell.get();
        change(&mut within);
        cell.set(within);
    });
}

async fn at_work<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let mut future = pin!(future);
    let mut spent = Duration::ZERO;
    let output = poll_fn(|context| {
        let started = Stopwatch::start();
        let polled = future.as_mut().poll(context);
        spent += started.elapsed();
        polled
    });
    let output = output.await;
    (output, spent)
}
