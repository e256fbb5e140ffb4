//! A process that ends at one of its await points.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Drives `process` until it is done, or until it has waited so many times: then it is dropped, as it stands.
pub(crate) async fn until_crash<F: Future>(process: F, waits: Option<u64>) -> Option<F::Output> {
    let Some(waits) = waits else { return Some(process.await) };
    UntilCrash { process: Box::pin(process), waits }.await
}

struct UntilCrash<F> {
    process: Pin<Box<F>>,
    waits: u64,
}

impl<F: Future> Future for UntilCrash<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.process.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.waits == 0 => Poll::Ready(None),
            Poll::Pending => {
                self.waits -= 1;
                Poll::Pending
            }
        }
    }
}
