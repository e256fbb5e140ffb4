//! Captures the log of the functions.
//!
//! One global subscriber writes to the capture of the current thread. A subscriber for each test was tried: creating and
//! dropping them in parallel changes tracing's global cache of enabled callsites, and tests missed lines.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::Value;
use tracing_subscriber::filter::LevelFilter;

thread_local! {
    static CAPTURE: RefCell<Option<CapturedLog>> = const { RefCell::new(None) };
}

static SUBSCRIBER: LazyLock<()> = LazyLock::new(|| {
    let subscriber = doorbell_shared::http::access_log::subscriber(LevelFilter::TRACE, || ThreadWriter);
    tracing::subscriber::set_global_default(subscriber).unwrap();
});

/// The log of this thread while the guard lives, in the format of Lambda, at level TRACE.
#[derive(Clone, Debug, Default)]
pub struct CapturedLog(Arc<Mutex<Vec<u8>>>);

/// Ends a capture when it is dropped.
#[derive(Debug)]
pub struct CaptureGuard;

impl Drop for CaptureGuard {
    fn drop(&mut self) {
        CAPTURE.set(None);
    }
}

impl CapturedLog {
    /// Starts to capture.
    pub fn capture() -> (Self, CaptureGuard) {
        LazyLock::force(&SUBSCRIBER);
        let log = Self::default();
        CAPTURE.set(Some(log.clone()));
        (log, CaptureGuard)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines with `message`.
    pub fn lines(&self, message: &str) -> Vec<Value> {
        let lines = self.text();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["message"] == message).collect()
    }
}

/// Writes to the capture of the current thread, if there is one.
struct ThreadWriter;

impl Write for ThreadWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        CAPTURE.with_borrow(|capture| {
            if let Some(log) = capture {
                log.0.lock().unwrap().extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
