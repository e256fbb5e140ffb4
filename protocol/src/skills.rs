//! Local skills and MCP servers of an agent program (kind `local_skills`): the report of a daemon, and what is stored of it.
//!
//! Entries have exactly the contract's fields. Unknown fields of a report are dropped, so that a command, URL, header or
//! environment variable that a daemon sends with an MCP server is never stored.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::limits::{LOCAL_SKILL_TEXT_CHARS, LOCAL_SKILLS_PER_REPORT, MCP_SERVERS_PER_REPORT};

/// A skill of an agent program: a directory with a `SKILL.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillEntry {
    /// Identifies the skill among those of its runtime.
    pub key: String,
    /// The display name.
    pub name: String,
    /// What the skill is for, unless the text is empty.
    #[serde(default, deserialize_with = "non_empty", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The skill's directory, with the home directory as `~`.
    pub source_path: String,
    /// The type of the runtime.
    pub provider: String,
    /// The kind of directory that the skill was found in.
    #[serde(default, deserialize_with = "known_root", skip_serializing_if = "Option::is_none")]
    pub root: Option<SkillRoot>,
    /// The id of the plugin that the skill is part of.
    #[serde(default, deserialize_with = "non_empty", skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Whether the daemon can run the agent program without the skill.
    #[serde(default, deserialize_with = "or_false", skip_serializing_if = "is_false")]
    pub can_disable: bool,
    /// The number of files in the skill's directory.
    pub file_count: u64,
}

/// The kind of directory that a skill was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SkillRoot {
    /// The agent program's own.
    Provider,
    /// `~/.agents/skills`, which several agent programs share.
    Universal,
    /// A plugin of the agent program.
    Plugin,
}

/// An MCP server in an agent program's configuration. Never its command, URL, headers or environment: they contain secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpServer {
    /// The name in the configuration.
    pub name: String,
    /// How the agent program talks to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<McpTransport>,
    /// The configuration that declares the server, for users.
    #[serde(default, deserialize_with = "non_empty", skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether the configuration enables the server.
    pub enabled: bool,
}

/// How an agent program talks to an MCP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum McpTransport {
    /// A program of the machine, over its standard input and output.
    Stdio,
    /// Streamable HTTP.
    Http,
    /// Server-sent events.
    Sse,
    /// Any other.
    #[serde(other)]
    Unknown,
}

/// Body of `POST /api/daemon/runtimes/{runtimeId}/local-skills/{requestId}/result`. Any `status` but `completed` is a failure.
///
/// Daemons use [`SkillEntry`]s and [`McpServer`]s. The server reads [`RawLocalSkillsReport`]s, because a malformed entry fails
/// the request, and the rest of its report must be readable for that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocalSkillsReport<S = SkillEntry, M = McpServer> {
    /// `completed` or `failed`.
    pub status: String,
    /// The skills of a completed report. `null` means none.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub skills: Option<Vec<S>>,
    /// Whether the daemon can list skills of the agent program. Older daemons omit it, which means `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supported: Option<bool>,
    /// The MCP servers of a completed report. `null` means none.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub mcp_servers: Option<Vec<M>>,
    /// Whether the daemon can list MCP servers of the agent program. Older daemons omit it, which means `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_supported: Option<bool>,
    /// The error text of a failed report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A report whose entries have not been checked.
pub type RawLocalSkillsReport = LocalSkillsReport<Box<RawValue>, Box<RawValue>>;

/// The result of a completed report. The server stores its JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalSkillsResult {
    /// The skills, in the daemon's order.
    pub skills: Vec<SkillEntry>,
    /// Whether the daemon can list skills of the agent program.
    pub supported: bool,
    /// The MCP servers, in the daemon's order.
    #[serde(default)]
    pub mcp_servers: Vec<McpServer>,
    /// Whether the daemon can list MCP servers of the agent program.
    #[serde(default)]
    pub mcp_supported: bool,
}

impl LocalSkillsResult {
    /// The result for an agent program whose skills and MCP servers the daemon cannot list.
    pub fn unsupported() -> Self {
        Self { skills: Vec::new(), supported: false, mcp_servers: Vec::new(), mcp_supported: false }
    }

    /// Whether the result has no more entries than a report may have, and no text longer than
    /// [`LOCAL_SKILL_TEXT_CHARS`]. The size of its JSON is limited separately.
    pub fn is_within_limits(&self) -> bool {
        self.skills.len() <= LOCAL_SKILLS_PER_REPORT
            && self.mcp_servers.len() <= MCP_SERVERS_PER_REPORT
            && self.skills.iter().all(SkillEntry::is_within_limits)
            && self.mcp_servers.iter().all(McpServer::is_within_limits)
    }
}

impl SkillEntry {
    fn is_named(&self) -> bool {
        !self.key.is_empty() && !self.name.is_empty()
    }

    fn is_within_limits(&self) -> bool {
        let optional = [&self.description, &self.plugin].into_iter().flatten();
        let texts = [&self.key, &self.name, &self.source_path, &self.provider].into_iter().chain(optional);
        texts.into_iter().all(|text| is_short(text))
    }
}

impl McpServer {
    fn is_within_limits(&self) -> bool {
        is_short(&self.name) && self.source.as_deref().is_none_or(is_short)
    }
}

fn is_short(text: &str) -> bool {
    text.chars().count() <= LOCAL_SKILL_TEXT_CHARS
}

impl LocalSkillsReport {
    /// The status of a report with a result.
    pub const COMPLETED: &str = "completed";

    /// The report of a result.
    pub fn completed(result: LocalSkillsResult) -> Self {
        Self {
            status: Self::COMPLETED.to_owned(),
            skills: Some(result.skills),
            supported: Some(result.supported),
            mcp_servers: Some(result.mcp_servers),
            mcp_supported: Some(result.mcp_supported),
            error: None,
        }
    }

    /// The report of a failure.
    pub fn failed(error: impl Into<String>) -> Self {
        Self {
            status: "failed".to_owned(),
            skills: None,
            supported: None,
            mcp_servers: None,
            mcp_supported: None,
            error: Some(error.into()),
        }
    }
}

/// Why a report has no local skills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLocalSkills {
    /// The daemon reported a failure, with this error text, which may be empty.
    Failed(String),
    /// One of the entries is malformed.
    InvalidEntry(InvalidSkillEntry),
}

/// Why an entry is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSkillEntry {
    /// A required field is missing or has another type, or the key or name is empty.
    #[error("a skill without a key, name, source path, provider or file count")]
    Skill,
    /// A required field is missing or has another type, or the name is empty.
    #[error("an MCP server without a name or \"enabled\"")]
    McpServer,
}

impl RawLocalSkillsReport {
    /// The result of a completed report. The entries of a failed one are not read.
    ///
    /// # Errors
    /// The daemon's failure, or a malformed entry.
    pub fn into_result(self) -> Result<LocalSkillsResult, NoLocalSkills> {
        if self.status != LocalSkillsReport::COMPLETED {
            return Err(NoLocalSkills::Failed(self.error.unwrap_or_default()));
        }
        let skills = parse(self.skills, SkillEntry::is_named, InvalidSkillEntry::Skill);
        let is_named = |server: &McpServer| !server.name.is_empty();
        let mcp_servers = parse(self.mcp_servers, is_named, InvalidSkillEntry::McpServer);
        Ok(LocalSkillsResult {
            skills: skills.map_err(NoLocalSkills::InvalidEntry)?,
            supported: self.supported.unwrap_or(true),
            mcp_servers: mcp_servers.map_err(NoLocalSkills::InvalidEntry)?,
            mcp_supported: self.mcp_supported.unwrap_or_default(),
        })
    }
}

fn parse<T: for<'de> Deserialize<'de>>(
    entries: Option<Vec<Box<RawValue>>>,
    is_named: impl Fn(&T) -> bool,
    invalid: InvalidSkillEntry,
) -> Result<Vec<T>, InvalidSkillEntry> {
    let entries = entries.unwrap_or_default().into_iter();
    entries
        .map(|entry| serde_json::from_str(entry.get()).ok().filter(|entry| is_named(entry)).ok_or(invalid))
        .collect()
}

/// An empty text is absent: the reference server leaves both out.
fn non_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

fn or_false<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(deserializer)?.unwrap_or_default())
}

/// A root of a newer daemon is absent: clients accept the contract's three only.
fn known_root<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SkillRoot>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Root {
        Known(SkillRoot),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Root::deserialize(deserializer)? {
        Root::Known(root) => Some(root),
        Root::Other(_) => None,
    })
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests;
