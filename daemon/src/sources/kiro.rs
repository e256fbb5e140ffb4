//! Kiro CLI: ACP.

use super::acp::AcpProgram;
use super::launch::KnownProgram;

/// The type `kiro`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "kiro",
    name: "Kiro",
    executables: &["kiro-cli"],
    keys: &["KIRO_API_KEY"],
    source: |launch| ACP.source(launch),
};

const ACP: AcpProgram = AcpProgram { login: "login", ..AcpProgram::new(&["acp"]) };
