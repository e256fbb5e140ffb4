//! Gemini CLI: ACP. It lists models once it has a login or a key.

use super::acp::AcpProgram;
use super::launch::KnownProgram;

/// The type `gemini`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "gemini",
    name: "Gemini CLI",
    executables: &["gemini"],
    keys: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    source: |launch| ACP.source(launch),
};

const ACP: AcpProgram = AcpProgram { maker: Some("google"), ..AcpProgram::new(&["--acp"]) };
