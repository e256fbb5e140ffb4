//! `doorbell daemon install` and the other commands for the service of this machine.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Service {
    /// Install the daemon as a service and start it
    Install(Install),
    /// Stop the service and remove it; what the daemon stored stays
    Uninstall(Level),
    /// Start the service
    Start(Level),
    /// Stop the service until it is started or the machine boots
    Stop(Level),
    /// Show whether the daemon runs and is connected
    Status(ServiceStatus),
    /// Show the log of the service
    Logs(Logs),
}

/// Whose service it is.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Level {
    /// The service of the machine, which needs root and systemd, instead of the user's
    #[arg(long)]
    pub system: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A user's service runs with the user's home, where agent programs keep their logins, and starts at login; `loginctl enable-linger`
starts it at boot. A service of the machine starts at boot, without a home unless --run-as names a user, and keeps its state in
/var/lib/doorbell. Both get the PATH of this shell. The unit restricts what the daemon and the programs that it starts may do: no
sudo, no changes to the system.

The token comes from `doorbell join` or a file, never from the command line.

Examples:
  doorbell daemon install
  doorbell daemon install --config agents.toml --url https://doorbell.example.com --token-file token
  sudo doorbell daemon install --system --run-as alice")]
pub struct Install {
    #[command(flatten)]
    pub level: Level,

    /// User that the service of the machine runs as [default: one without a home that systemd makes]
    #[arg(long, value_name = "USER", requires = "system")]
    pub run_as: Option<String>,

    /// Do not start it before the next login or boot
    #[arg(long)]
    pub no_start: bool,

    /// Options of `doorbell daemon`, such as --config agents.toml; they come last
    #[arg(value_name = "DAEMON OPTIONS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub options: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 the daemon runs and is connected, 1 it runs and is not connected, 3 it does not run.

Examples:
  doorbell daemon status
  sudo doorbell daemon status --system --json")]
pub struct ServiceStatus {
    #[command(flatten)]
    pub level: Level,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  doorbell daemon logs
  doorbell daemon logs --follow")]
pub struct Logs {
    #[command(flatten)]
    pub level: Level,

    /// Print new lines as they come
    #[arg(short, long)]
    pub follow: bool,
}
