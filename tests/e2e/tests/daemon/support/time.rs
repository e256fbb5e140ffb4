//! Holding virtual time.

use std::sync::mpsc;

/// Virtual time stands still while one of these lives: tokio does not advance it while a blocking task runs.
#[derive(Debug)]
pub(super) struct Hold(
    #[expect(dead_code, reason = "the blocking task ends when it is dropped")] mpsc::Sender<()>,
);

impl Hold {
    pub(super) fn new() -> Self {
        let (hold, dropped) = mpsc::channel();
        tokio::task::spawn_blocking(move || dropped.recv());
        Self(hold)
    }
}
