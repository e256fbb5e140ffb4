//! How much memory a process holds, as Linux tells it.

use crate::support::process::Running;

/// The field with what is resident now.
pub(crate) const NOW: &str = "VmRSS:";
/// The field with the most that ever was.
pub(crate) const PEAK: &str = "VmHWM:";

/// In KiB.
pub(crate) fn resident(process: &Running, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
