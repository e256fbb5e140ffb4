//! Shell scripts as agent programs for tests.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Creates an executable script in `folder`.
///
/// Another process writes it: a child that another test thread is forking would inherit our open file, and Linux does not
/// run a file that is open for writing.
pub(crate) fn executable(folder: &Path, name: &str, body: &str) -> PathBuf {
    let path = folder.join(name);
    let write = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#;
    assert!(Command::new("sh").args(["-c", write]).arg(&path).arg(body).status().unwrap().success());
    path
}
