//! Skills and MCP servers of Claude Code. Seen in version 2.1.197, whose `initialize` response lists skills and whose
//! `mcp_status` response lists servers.
//!
//! | place | content |
//! |---|---|
//! | `~/.claude/skills/<name>/SKILL.md` | skills; deeper directories are not read |
//! | `~/.claude/settings.json` | `enabledPlugins` by id, `<plugin>@<marketplace>` |
//! | `~/.claude/plugins/installed_plugins.json` | the installations of each plugin; the cache has older ones, too |
//! | `<plugin>/.claude-plugin/plugin.json` | the plugin's `name`, and its `skills` and `mcpServers` besides `skills/` and `.mcp.json` |
//! | `<marketplace>/.claude-plugin/marketplace.json` | the same of a plugin without a manifest; `skills/` is not read if it names skills |
//! | `~/.claude.json` | `mcpServers` of the user |
//!
//! `CLAUDE_CONFIG_DIR` replaces `~/.claude`, and then contains `.claude.json`. What belongs to one project is not listed: a
//! runtime has no project. Claude Code ignores `disabled` and `enabled` of a server.

use std::path::{Path, PathBuf};

use doorbell_protocol::SkillRoot;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::home::Home;
use super::installation::{Installation, PluginNaming, PluginSkills, SkillsDirectory};
use super::problems::Problems;
use super::{mcp, plugin, search};

/// Skills are directories of a skills directory.
const DEPTH: usize = 1;

/// The directory and file of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Claude {
    directory: PathBuf,
    config: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    #[serde(rename = "mcpServers")]
    mcp_servers: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    #[serde(rename = "enabledPlugins")]
    enabled_plugins: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InstalledPlugins {
    plugins: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Marketplace {
    plugins: Vec<Value>,
}

/// What a manifest or a marketplace declares about a plugin.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Manifest {
    name: Value,
    skills: Value,
    #[serde(rename = "mcpServers")]
    mcp_servers: Value,
}

struct Plugin {
    id: String,
    name: String,
    path: PathBuf,
    skills: Vec<PathBuf>,
    mcp_servers: Value,
}

impl Claude {
    pub(super) fn new(home: &Home, config_directory: Option<PathBuf>) -> Self {
        match config_directory {
            Some(directory) => Self { config: directory.join(".claude.json"), directory },
            None => Self { directory: home.join(".claude"), config: home.join(".claude.json") },
        }
    }

    pub(super) fn find(&self, home: &Home, problems: &mut Problems) -> Installation {
        let skills = self.directory.join("skills");
        let mut installation = Installation::default();
        let own = SkillsDirectory { path: skills, root: SkillRoot::Provider, depth: DEPTH, plugin: None };
        installation.directories.extend([own, SkillsDirectory::universal(home)]);
        let config: Config = problems.value(home.read_json(&self.config)).unwrap_or_default();
        for (name, entry) in config.mcp_servers.as_object().into_iter().flatten() {
            installation.servers.extend(mcp::server(name, entry, mcp::USER_CONFIG));
        }
        for plugin in self.plugins(home, problems) {
            let file = plugin.path.join(plugin::MCP_FILE);
            let mut servers = plugin::file_servers(home, &file, problems);
            servers.extend(plugin::servers(home, &plugin.path, &plugin.mcp_servers, problems));
            let source = format!("Claude Plugin · {}", plugin.name);
            let servers = servers.iter().filter_map(|(name, entry)| mcp::server(name, entry, &source));
            installation.servers.extend(servers);
            installation.directories.extend(plugin.directories());
        }
        installation
    }

    /// The enabled plugins that are installed, in the order of their ids.
    fn plugins(&self, home: &Home, problems: &mut Problems) -> Vec<Plugin> {
        let settings: Settings =
            problems.value(home.read_json(&self.directory.join("settings.json"))).unwrap_or_default();
        let is_enabled = |value: &Value| !matches!(value, Value::Bool(false) | Value::Null);
        let enabled = settings.enabled_plugins.into_iter().filter(|(_, value)| is_enabled(value));
        let mut ids: Vec<_> = enabled.map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids.truncate(plugin::PLUGINS);
        if ids.is_empty() {
            return Vec::new();
        }
        let folder = self.directory.join("plugins");
        let installed: InstalledPlugins =
            problems.value(home.read_json(&folder.join("installed_plugins.json"))).unwrap_or_default();
        let marketplaces: Map<String, Value> =
            problems.value(home.read_json(&folder.join("known_marketplaces.json"))).unwrap_or_default();
        let mut plugins = Vec::new();
        for id in ids {
            let Some(path) = installed.plugins.get(&id).and_then(install_path) else { continue };
            let marketplace =
                id.rsplit_once('@').and_then(|(_, name)| marketplaces.get(name)?.get("installLocation"));
            let marketplace = marketplace.and_then(Value::as_str).map(Path::new);
            plugins.push(Plugin::read(id.clone(), path, marketplace, home, problems));
        }
        plugins
    }
}

/// The installation for the user, or the last one. Older files have one installation instead of an array.
fn install_path(installed: &Value) -> Option<PathBuf> {
    let all = installed.as_array().map_or_else(|| std::slice::from_ref(installed), Vec::as_slice);
    let of_user = |install: &&Value| install.get("scope").and_then(Value::as_str) == Some("user");
    let path = all.iter().rfind(of_user).or_else(|| all.last())?.get("installPath")?.as_str()?;
    Some(PathBuf::from(path)).filter(|path| path.is_absolute())
}

impl Plugin {
    fn read(
        id: String,
        path: PathBuf,
        marketplace: Option<&Path>,
        home: &Home,
        problems: &mut Problems,
    ) -> Self {
        let id_name = id.split('@').next().unwrap_or_default();
        let default_skills = path.join("skills");
        let file = path.join(".claude-plugin/plugin.json");
        let manifest: Option<Manifest> = problems.value(home.read_json(&file));
        let has_manifest = manifest.is_some();
        let manifest =
            manifest.or_else(|| declared(id_name, marketplace?, home, problems)).unwrap_or_default();
        let mut skills = plugin::paths(&path, &manifest.skills);
        if skills.is_empty() || has_manifest {
            skills.insert(0, default_skills.clone());
        }
        // A plugin may be one skill.
        if skills == [default_skills.clone()] && !default_skills.is_dir() {
            skills = vec![path.clone()];
        }
        let name = manifest.name.as_str().filter(|name| !name.is_empty()).unwrap_or(id_name).to_owned();
        Self { name, path, skills, mcp_servers: manifest.mcp_servers, id }
    }

    fn directories(self) -> Vec<SkillsDirectory> {
        let Self { id, name, path, skills, .. } = self;
        let directory = |skills: PathBuf| {
            // The key of a directory that is a skill itself has its name.
            let is_skill = skills != path && skills.join(search::SKILL_FILE).is_file();
            let key_base = if is_skill { skills.parent().unwrap_or(&path) } else { &skills };
            let plugin = PluginSkills {
                id: id.clone(),
                name: name.clone(),
                key_prefix: format!("{name}:"),
                key_base: key_base.to_owned(),
                naming: PluginNaming::Key,
            };
            let depth = if skills == path || is_skill { 0 } else { DEPTH };
            SkillsDirectory { path: skills, root: SkillRoot::Plugin, depth, plugin: Some(plugin) }
        };
        skills.into_iter().map(directory).collect()
    }
}

/// What the marketplace declares about the plugin.
fn declared(name: &str, marketplace: &Path, home: &Home, problems: &mut Problems) -> Option<Manifest> {
    let file = marketplace.join(".claude-plugin/marketplace.json");
    let Marketplace { plugins } = problems.value(home.read_json(&file))?;
    let plugin =
        plugins.into_iter().find(|plugin| plugin.get("name").and_then(Value::as_str) == Some(name))?;
    serde_json::from_value(plugin).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn installation_for_user_precedes_the_last_one() {
        let install = |scope, path| json!({"scope": scope, "installPath": path});
        for (installed, path) in [
            (json!([install("user", "/u"), install("project", "/p")]), Some("/u")),
            (json!([install("user", "/old"), install("user", "/u"), install("project", "/p")]), Some("/u")),
            (json!([install("project", "/p"), install("local", "/l")]), Some("/l")),
            (json!({"installPath": "/o"}), Some("/o")),
            (json!([install("user", "relative")]), None),
            (json!([]), None),
            (json!([{}]), None),
        ] {
            assert_eq!(install_path(&installed), path.map(PathBuf::from), "{installed}");
        }
    }
}
