//! GitHub Copilot CLI: ACP.

use super::acp::AcpProgram;
use super::launch::KnownProgram;

/// The type `copilot`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "copilot",
    name: "GitHub Copilot",
    executables: &["copilot"],
    keys: &["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"],
    source: |launch| ACP.source(launch),
};

const ACP: AcpProgram = AcpProgram { login: "login", ..AcpProgram::new(&["--acp"]) };
