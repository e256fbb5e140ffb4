//! Lists the local skills and MCP servers of an agent program, for requests of the kind `local_skills`.
//!
//! [`LocalSkills::list`] reads files and blocks: call it in `tokio::task::spawn_blocking`. It starts no program. The number of
//! directory entries and the sizes of files that it reads are bounded, so its time is, too.
//!
//! - Of an MCP server only its name, transport and state are listed: commands, URLs, headers and environment hold secrets.
//! - What is broken is skipped and logged. It is an error only if there is nothing to list.
//! - A skill without usable frontmatter has the name of its directory and no description, although Codex does not load one without a
//!   description: its owner sees that it is there.
//! - `~/.agents/skills` is listed for each agent program with the root `universal`, as the reference server's daemon does, although
//!   Claude Code does not read it.
//!
//! | module | content |
//! |---|---|
//! | `claude`, `codex` | where an agent program keeps skills and MCP servers |
//! | `plugin`, `mcp` | what both share |
//! | `installation` | skills as entries |
//! | `search`, `skill_file` | directories and their `SKILL.md` |
//! | `home`, `problems`, `text`, `size` | bounded reads, skipped files, texts for clients, the limit of a result |

mod claude;
mod codex;
mod error;
mod home;
mod installation;
mod mcp;
mod plugin;
mod problems;
mod search;
mod size;
mod skill_file;
mod text;

use std::collections::HashSet;
use std::path::PathBuf;

use doorbell_protocol::limits::MCP_SERVERS_PER_REPORT;
use doorbell_protocol::{LocalSkillsResult, McpServer};

use crate::agents::Environment;
use claude::Claude;
use codex::Codex;
use home::Home;
use problems::Problems;

pub use error::SkillsError;

/// The local skills and MCP servers of one agent program.
#[derive(Clone, Debug)]
pub struct LocalSkills {
    provider: String,
    home: Home,
    program: Program,
}

#[derive(Clone, Debug)]
enum Program {
    Claude(Claude),
    Codex(Codex),
    Other,
}

impl LocalSkills {
    /// The skills of the agent program `provider`, a runtime's type, of the user whose home directory is `home`.
    /// `CLAUDE_CONFIG_DIR` and `CODEX_HOME` of `environment` count as they do for the agent programs. Reads no file.
    pub fn new(provider: &str, home: PathBuf, environment: &Environment) -> Self {
        let home = Home::new(home);
        let program = match provider {
            "claude" => Program::Claude(Claude::new(&home, environment.directory("CLAUDE_CONFIG_DIR"))),
            "codex" => Program::Codex(Codex::new(&home, environment.directory("CODEX_HOME"))),
            _ => Program::Other,
        };
        Self { provider: provider.to_owned(), home, program }
    }

    /// Lists what is there now: skills by key, MCP servers by name. Not supported for other agent programs than `claude` and
    /// `codex`. The result is within the limits of a report. Blocks.
    ///
    /// # Errors
    /// A file or directory cannot be used, and there is nothing else to list. The text names it and the remedy.
    pub fn list(&self) -> Result<LocalSkillsResult, SkillsError> {
        let mut problems = Problems::default();
        let installation = match &self.program {
            Program::Claude(claude) => claude.find(&self.home, &mut problems),
            Program::Codex(codex) => codex.find(&self.home, &mut problems),
            Program::Other => return Ok(LocalSkillsResult::unsupported()),
        };
        let skills = installation.skills(&self.provider, &self.home, &mut problems);
        let mcp_servers = by_name(installation.servers);
        if let (true, Some(error)) = (skills.is_empty() && mcp_servers.is_empty(), problems.first()) {
            return Err(error);
        }
        let mut result = LocalSkillsResult { skills, supported: true, mcp_servers, mcp_supported: true };
        size::fit(&mut result);
        Ok(result)
    }
}

/// In the order of names. The first server of a name counts: the user's configuration precedes plugins.
fn by_name(mut servers: Vec<McpServer>) -> Vec<McpServer> {
    let mut names = HashSet::new();
    servers.retain(|server| names.insert(server.name.clone()));
    servers.sort_by_cached_key(|server| (server.name.to_lowercase(), server.name.clone()));
    servers.truncate(MCP_SERVERS_PER_REPORT);
    servers
}

#[cfg(test)]
mod tests;
