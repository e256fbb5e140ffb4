//! Grok: ACP.

use super::acp::AcpProgram;
use super::launch::KnownProgram;

/// The type `grok`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "grok",
    name: "Grok",
    executables: &["grok"],
    keys: &["XAI_API_KEY", "GROK_API_KEY"],
    source: |launch| ACP.source(launch),
};

const ACP: AcpProgram =
    AcpProgram { login: "login", maker: Some("xai"), ..AcpProgram::new(&["agent", "stdio"]) };
