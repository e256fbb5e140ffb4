//! Programs for tests: shell scripts that are really run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// An executable of that `name` in `folder`.
///
/// Another process writes it. Written from here, the file could still be open for writing in a child that a test on
/// another thread is just starting, and Linux does not run a file that is open for writing.
pub(crate) fn executable(folder: &Path, name: &str, body: &str) -> PathBuf {
    let path = folder.join(name);
    let write = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#;
    assert!(Command::new("sh").args(["-c", write]).arg(&path).arg(body).status().unwrap().success());
    path
}
