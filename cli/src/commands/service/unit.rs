//! The systemd unit of `doorbell daemon`.
//!
//! - `service-manager` writes units without sandboxing and joins arguments with blanks, so this unit replaces its own.
//! - The service of a user keeps the home writable: agent programs store logins, sessions and caches there, and some do not start
//!   without. The service of the machine runs as a user without a home, or writes to the home of `--run-as`.
//! - Not restricted, because agent programs or questions need it: memory that is writable and executable (Node.js), devices
//!   (`nvidia-smi`), the network, and other users' processes (`ps`).
//! - The daemon itself never ends because of the network or the server. `Restart=always` without a start limit covers crashes and
//!   the OOM killer.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::spec::{Account, ServiceSpec};

/// systemd's `StateDirectory=` of the service of the machine.
pub(super) const STATE_DIRECTORY: &str = "/var/lib/doorbell";

/// The first version with `RestartSteps=`. Older ones log unknown keys at each reload.
const RESTART_STEPS_SINCE: u32 = 254;

/// What this systemd can do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Features {
    /// The version of systemd.
    pub(super) version: u32,
    /// Whether services may have mount namespaces. Those of a user need unprivileged user namespaces, which some distributions
    /// restrict, and with them a service does not start where they are missing.
    pub(super) namespaces: bool,
}

/// For the service of the user and the machine. They need seccomp or nothing.
const RESTRICTIONS: [&str; 7] = [
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "SystemCallArchitectures=native",
    "UMask=0077",
];

/// They need a mount namespace.
const NAMESPACES: [&str; 4] =
    ["ProtectSystem=strict", "PrivateTmp=yes", "ProtectControlGroups=yes", "ProtectKernelTunables=yes"];

/// For the service of the machine. They take privileges that only root has. Without RestrictNamespaces, because some agent programs
/// have a sandbox of their own.
const PRIVILEGES: [&str; 9] = [
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "RemoveIPC=yes",
    "SystemCallFilter=@system-service",
    "SystemCallErrorNumber=EPERM",
];

/// The unit file.
pub(super) fn unit(spec: &ServiceSpec, features: Features) -> String {
    let mut unit = String::new();
    let mut line = |line: &str| {
        let _ = writeln!(unit, "{line}");
    };
    line(
        "# Written by `doorbell daemon install`, which overwrites it. Own settings belong in a drop-in (`systemctl edit doorbell`).",
    );
    line("[Unit]");
    line("Description=Doorbell daemon: answers questions about the agent programs of this machine");
    if spec.is_system {
        // Only for the order at shutdown: the daemon says goodbye while there is a network. It starts without one.
        line("After=network.target nss-lookup.target");
    }
    line("StartLimitIntervalSec=0");
    line("\n[Service]");
    // A program that cannot be executed fails the start, instead of the next check of its status.
    line("Type=exec");
    let command: Vec<_> = spec.command().map(quoted).collect();
    // The colon switches off variables: a `$` in an option is a `$`.
    line(&format!("ExecStart=:{}", command.join(" ")));
    for (name, value) in &spec.environment {
        line(&format!("Environment={}", quoted(&format!("{name}={value}"))));
    }
    if let Some(path) = &spec.credential {
        line(&format!("LoadCredential=doorbell-token:{}", escaped(&path.to_string_lossy())));
    }
    line("Restart=always");
    line("RestartSec=5");
    if features.version >= RESTART_STEPS_SINCE {
        line("RestartSteps=6");
        line("RestartMaxDelaySec=5min");
    }
    // The daemon ends within 10 s.
    line("TimeoutStopSec=15");
    line("KillMode=control-group");
    place(spec, &mut line);
    line("");
    RESTRICTIONS.iter().for_each(|restriction| line(restriction));
    if features.namespaces || spec.is_system {
        NAMESPACES.iter().for_each(|restriction| line(restriction));
        for path in writable(spec) {
            line(&format!("ReadWritePaths=-{}", quoted(&path.to_string_lossy())));
        }
    }
    if spec.is_system {
        PRIVILEGES.iter().for_each(|restriction| line(restriction));
    }
    line("\n[Install]");
    line(if spec.is_system { "WantedBy=multi-user.target" } else { "WantedBy=default.target" });
    unit
}

/// User, home and state.
fn place(spec: &ServiceSpec, line: &mut impl FnMut(&str)) {
    match (spec.is_system, &spec.account) {
        (false, _) => line("WorkingDirectory=~"),
        (true, Some(account)) => {
            line(&format!("User={}", escaped(&account.name)));
            line("WorkingDirectory=~");
        }
        (true, None) => {
            line("DynamicUser=yes");
            line("ProtectHome=read-only");
            // Agent programs look for their configuration there.
            line(&format!("Environment=HOME={STATE_DIRECTORY}"));
            line(&format!("WorkingDirectory={STATE_DIRECTORY}"));
        }
    }
    if spec.is_system {
        line("StateDirectory=doorbell");
        line("StateDirectoryMode=0700");
    }
}

fn writable(spec: &ServiceSpec) -> Vec<PathBuf> {
    let home = match (&spec.account, spec.is_system) {
        (Some(Account { home, .. }), true) => Some(home.clone()),
        (None, true) => None,
        (_, false) => spec.home.clone(),
    };
    let state = spec.state_directory.clone().filter(|state| !is_in(state, home.as_deref()));
    home.into_iter().chain(state).collect()
}

fn is_in(path: &Path, folder: Option<&Path>) -> bool {
    folder.is_some_and(|folder| path.starts_with(folder))
}

/// A word of a unit file, with the quoting and without the specifiers of systemd ("systemd.syntax", "Quoting").
fn quoted(word: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in word.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '%' => quoted.push_str("%%"),
            letter if letter.is_ascii_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// A value that systemd does not split into words.
fn escaped(value: &str) -> String {
    value.replace('%', "%%")
}

#[cfg(test)]
mod tests;
