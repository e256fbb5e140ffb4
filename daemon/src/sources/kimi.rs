//! Kimi Code CLI: ACP.

use super::acp::AcpProgram;
use super::launch::KnownProgram;

/// The type `kimi`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "kimi",
    name: "Kimi Code",
    executables: &["kimi"],
    keys: &["KIMI_API_KEY", "MOONSHOT_API_KEY"],
    source: |launch| ACP.source(launch),
};

const ACP: AcpProgram = AcpProgram { login: "login", ..AcpProgram::new(&["acp"]) };
