//! Reasonix: ACP.

use super::acp::AcpProgram;
use super::launch::KnownProgram;

/// The type `reasonix`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "reasonix",
    name: "Reasonix",
    executables: &["reasonix"],
    keys: &["DEEPSEEK_API_KEY"],
    source: |launch| ACP.source(launch),
};

const ACP: AcpProgram = AcpProgram::new(&["acp"]);
