//! Qwen Code: ACP. With another `--auth-type` it has no models since its free tier ended.

use super::acp::AcpProgram;
use super::launch::KnownProgram;

/// The type `qwen`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "qwen",
    name: "Qwen Code",
    executables: &["qwen"],
    keys: &["OPENAI_API_KEY", "DASHSCOPE_API_KEY", "BAILIAN_CODING_PLAN_API_KEY"],
    source: |launch| ACP.source(launch),
};

const ACP: AcpProgram = AcpProgram { login: "auth", ..AcpProgram::new(&["--auth-type=openai", "--acp"]) };
