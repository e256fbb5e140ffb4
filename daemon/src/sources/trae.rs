//! Trae CLI: ACP.

use super::acp::AcpProgram;
use super::launch::KnownProgram;

/// The type `trae`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "trae",
    name: "Trae",
    executables: &["traecli"],
    keys: &["TRAE_API_KEY"],
    source: |launch| ACP.source(launch),
};

const ACP: AcpProgram = AcpProgram::new(&["acp", "serve"]);
