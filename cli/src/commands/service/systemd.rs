//! What `service-manager` does not do with systemd: reload, restart, and find out what this systemd can do.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::{io, time::Duration};

use super::error::ServiceError;
use super::unit::Features;

/// The name of the unit.
pub(super) const UNIT: &str = "doorbell.service";

/// The time limit of the sandbox's test. A loaded machine starts a service in less.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether systemd is the service manager of this machine (sd_booted(3)).
pub(super) fn is_running() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Whether services of this user run without a login (loginctl(1), "enable-linger").
pub(super) fn is_lingering() -> bool {
    let user = std::env::var_os("USER").or_else(|| std::env::var_os("LOGNAME"));
    user.is_some_and(|user| Path::new("/var/lib/systemd/linger").join(user).exists())
}

/// `systemctl`, of the user or the machine.
///
/// # Errors
/// It cannot be run, or fails; with the text that it prints.
pub(super) fn systemctl(is_system: bool, arguments: &[&str]) -> Result<(), ServiceError> {
    let mut command = Command::new("systemctl");
    command.args(level(is_system)).args(arguments);
    let output =
        output(&mut command).map_err(|source| ServiceError::Program { program: "systemctl", source })?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ServiceError::Manager(io::Error::other(text)))
}

fn level(is_system: bool) -> Option<&'static str> {
    (!is_system).then_some("--user")
}

fn output(command: &mut Command) -> io::Result<Output> {
    command.stdin(Stdio::null()).output()
}

/// What the systemd of this machine can do for a service of the user or the machine.
pub(super) async fn features(is_system: bool) -> Features {
    Features { version: version(), namespaces: is_system || has_user_namespaces().await }
}

/// 0 if it is unknown.
fn version() -> u32 {
    let printed = output(Command::new("systemctl").arg("--version"));
    printed.map(|output| parse_version(&String::from_utf8_lossy(&output.stdout))).unwrap_or_default()
}

/// The first line is `systemd 252 (252.38-1~deb12u1)`.
fn parse_version(text: &str) -> u32 {
    let number = text.split_whitespace().nth(1).unwrap_or_default();
    let digits = number.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or_default()
}

/// Starts `true` in a sandbox like the service's: whether a user may have one depends on the kernel and its security modules.
async fn has_user_namespaces() -> bool {
    let mut command = tokio::process::Command::new("systemd-run");
    command.args(["--user", "--quiet", "--wait", "--collect", "--service-type=exec"]);
    command.args(["-p", "ProtectSystem=strict", "-p", "PrivateTmp=yes", "-p", "ProtectKernelTunables=yes"]);
    command.arg("true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(PROBE_TIMEOUT, command.status()).await;
    ended.is_ok_and(|status| status.is_ok_and(|status| status.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_the_number_of_the_first_line() {
        for (text, version) in [
            ("systemd 252 (252.38-1~deb12u1)\n+PAM +AUDIT", 252),
            ("systemd 257~rc2 (x)", 257),
            ("systemd", 0),
            ("", 0),
        ] {
            assert_eq!(parse_version(text), version, "{text}");
        }
    }
}
