//! The binary itself. The suites of `tests/e2e` run a second binary of the same library.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

#[test]
fn prints_its_name_and_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_doorbell")).arg("--version").output().unwrap();
    assert!(output.status.success());
    let expected = format!("doorbell {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}
