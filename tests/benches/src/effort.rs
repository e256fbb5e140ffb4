//! How much a bench does, by cargo's own convention: `cargo bench` passes `--bench`, `cargo test` does not.

/// How much a bench does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Enough for figures: `cargo bench`.
    Full,
    /// Everything once and small, to see that it still runs: `cargo test`. Its figures mean nothing.
    Brief,
}

impl Effort {
    /// As the command line asks.
    pub fn asked() -> Self {
        if std::env::args().any(|argument| argument == "--bench") { Self::Full } else { Self::Brief }
    }

    /// One of two, by how much is done.
    pub fn pick<T>(self, full: T, brief: T) -> T {
        match self {
            Self::Full => full,
            Self::Brief => brief,
        }
    }
}
