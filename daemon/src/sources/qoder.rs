//! Qoder CLI: ACP.

use super::acp::AcpProgram;
use super::launch::KnownProgram;

/// The type `qoder`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "qoder",
    name: "Qoder",
    executables: &["qodercli"],
    keys: &["QODER_PERSONAL_ACCESS_TOKEN"],
    source: |launch| ACP.source(launch),
};

const ACP: AcpProgram = AcpProgram::new(&["--acp"]);
