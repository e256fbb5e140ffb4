//! A further built-in kind is one file and two lines on the server, and the same in the daemon: `new_kind/agent_version.patch` adds one.
//!
//! Applied by hand, the patch compiles, and `doorbell ask <runtime> agent_version --wait` answers. This suite shows that it still applies,
//! and that it changes nothing else: no route, no template, no permission, no store.

use std::path::Path;
use std::process::Command;

/// The output of `git apply` with these options on the patch.
fn apply(options: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let patch = "tests/e2e/tests/in_process/new_kind/agent_version.patch";
    let output =
        Command::new("git").current_dir(root).arg("apply").args(options).arg(patch).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn new_kind_applies_to_this_version() {
    apply(&["--check"]);
}

#[test]
fn new_kind_is_two_files_and_their_registration() {
    let expected = "20\t0\tdaemon/src/handlers/agent_version.rs\n2\t0\tdaemon/src/handlers/mod.rs\n\
                    63\t0\tshared/src/kinds/agent_version.rs\n2\t0\tshared/src/kinds/mod.rs\n";
    assert_eq!(apply(&["--numstat"]), expected);
}
