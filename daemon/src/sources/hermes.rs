//! Hermes Agent: ACP. A session without a list of models runs the configured one, whatever is chosen.

use super::acp::AcpProgram;
use super::launch::KnownProgram;

/// The type `hermes`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "hermes",
    name: "Hermes",
    executables: &["hermes"],
    keys: &["NOUS_API_KEY", "OPENROUTER_API_KEY"],
    source: |launch| ACP.source(launch),
};

const ACP: AcpProgram = AcpProgram { login: "model", may_ignore_choice: true, ..AcpProgram::new(&["acp"]) };
