//! The binary itself. The suites of `tests/e2e` run a second binary of the same library.

use std::process::Command;

#[test]
fn prints_its_name_and_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_doorbell")).arg("--version").output().unwrap();
    assert!(output.status.success());
    let expected = format!("doorbell {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}
