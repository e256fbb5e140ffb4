//! CodeBuddy Code: ACP.

use super::acp::AcpProgram;
use super::launch::KnownProgram;

/// The type `codebuddy`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "codebuddy",
    name: "CodeBuddy",
    executables: &["codebuddy"],
    keys: &["CODEBUDDY_API_KEY"],
    source: |launch| ACP.source(launch),
};

const ACP: AcpProgram = AcpProgram::new(&["--acp"]);
