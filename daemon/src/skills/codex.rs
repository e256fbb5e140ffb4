//! Skills and MCP servers of Codex. Seen in version 0.169.0: `skills/list` of its app server, and `codex mcp list --json`.
//!
//! | place | content |
//! |---|---|
//! | `~/.codex/skills`, `~/.agents/skills` | skills, also inside skills; directories up to six levels deep |
//! | `~/.codex/config.toml` | `[mcp_servers.<name>]`, `[plugins."<plugin>@<marketplace>"]`, `[[skills.config]]` |
//! | `~/.codex/plugins/cache/<marketplace>/<plugin>/<version>` | plugins; the version `local` or the newest one is used |
//! | `<plugin>/.codex-plugin/plugin.json` | the plugin's `name`, and `skills` and `mcpServers` instead of `skills/` and `.mcp.json` |
//!
//! `CODEX_HOME` replaces `~/.codex`. The skills that Codex installs itself, in `skills/.system`, are not listed, and neither is
//! what belongs to one project: a runtime has no project.

use std::path::{Path, PathBuf};

use doorbell_protocol::SkillRoot;
use semver::Version;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::home::Home;
use super::installation::{
    Installation, NESTED_DEPTH, PluginNaming, PluginSkills, RuleSkill, SkillRule, SkillsDirectory,
};
use super::problems::Problems;
use super::{mcp, plugin};

/// The most versions of a plugin that are compared. Codex keeps one.
const VERSIONS: usize = 100;

/// The most rules of `[[skills.config]]` that are read.
const RULES: usize = 1_000;

/// The directory of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Codex {
    directory: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Manifest {
    name: Value,
    skills: Value,
    #[serde(rename = "mcpServers")]
    mcp_servers: Value,
}

impl Codex {
    pub(super) fn new(home: &Home, directory: Option<PathBuf>) -> Self {
        Self { directory: directory.unwrap_or_else(|| home.join(".codex")) }
    }

    pub(super) fn find(&self, home: &Home, problems: &mut Problems) -> Installation {
        let config = problems.value(home.read_toml(&self.directory.join("config.toml"))).unwrap_or_default();
        let mut installation = Installation { rules: rules(&config), ..Installation::default() };
        let own = SkillsDirectory {
            path: self.directory.join("skills"),
            root: SkillRoot::Provider,
            depth: NESTED_DEPTH,
            plugin: None,
        };
        installation.directories.extend([own, SkillsDirectory::universal(home)]);
        add_servers(&mut installation, object(&config, "mcp_servers"), mcp::USER_CONFIG);
        for id in enabled_plugins(&config) {
            self.add_plugin(&mut installation, &id, home, problems);
        }
        installation
    }

    /// Codex skips a plugin without a manifest.
    fn add_plugin(&self, installation: &mut Installation, id: &str, home: &Home, problems: &mut Problems) {
        let Some(path) = self.plugin_path(id) else { return };
        let Some(manifest) = manifest(&path, home, problems) else { return };
        let id_name = id.split('@').next().unwrap_or_default();
        let name = manifest.name.as_str().filter(|name| !name.is_empty()).unwrap_or(id_name);
        let servers = if manifest.mcp_servers.is_null() {
            plugin::file_servers(home, &path.join(plugin::MCP_FILE), problems)
        } else {
            plugin::servers(home, &path, &manifest.mcp_servers, problems)
        };
        add_servers(installation, Some(&servers), &format!("Codex Plugin · {name}"));
        let mut skills = plugin::paths(&path, &manifest.skills);
        if skills.is_empty() {
            skills.push(path.join("skills"));
        }
        let plugin = PluginSkills {
            id: id.to_owned(),
            name: name.to_owned(),
            key_prefix: format!("{id}:"),
            key_base: path,
            naming: PluginNaming::Qualified,
        };
        installation.directories.extend(skills.into_iter().map(|path| SkillsDirectory {
            path,
            root: SkillRoot::Plugin,
            depth: NESTED_DEPTH,
            plugin: Some(plugin.clone()),
        }));
    }

    /// The directory of the version in use.
    fn plugin_path(&self, id: &str) -> Option<PathBuf> {
        let (name, marketplace) = id.rsplit_once('@')?;
        if !is_file_name(name) || !is_file_name(marketplace) {
            return None;
        }
        let versions = self.directory.join("plugins/cache").join(marketplace).join(name);
        let entries = versions.read_dir().ok()?.take(VERSIONS).flatten();
        let entries = entries.filter(|entry| entry.file_type().is_ok_and(|file_type| file_type.is_dir()));
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let newest = names.filter(|name| !name.starts_with('.')).max_by_key(|name| rank(name))?;
        Some(versions.join(newest))
    }
}

/// Orders versions: `local` is used before all others.
fn rank(version: &str) -> (bool, Option<Version>, String) {
    (version == "local", Version::parse(version).ok(), version.to_owned())
}

fn is_file_name(name: &str) -> bool {
    Path::new(name).file_name() == Some(name.as_ref())
}

fn manifest(plugin: &Path, home: &Home, problems: &mut Problems) -> Option<Manifest> {
    let files = [".codex-plugin/plugin.json", ".claude-plugin/plugin.json"];
    files.iter().find_map(|file| problems.value(home.read_json(&plugin.join(file))))
}

fn object<'a>(config: &'a Map<String, Value>, field: &str) -> Option<&'a Map<String, Value>> {
    config.get(field)?.as_object()
}

/// `enabled` is `true` if it is missing.
fn is_enabled(entry: &Value) -> bool {
    entry.get("enabled").and_then(Value::as_bool).unwrap_or(true)
}

fn add_servers(installation: &mut Installation, servers: Option<&Map<String, Value>>, source: &str) {
    for (name, entry) in servers.into_iter().flatten() {
        if let Some(mut server) = mcp::server(name, entry, source) {
            server.enabled = is_enabled(entry);
            installation.servers.push(server);
        }
    }
}

/// The ids in the order of names.
fn enabled_plugins(config: &Map<String, Value>) -> Vec<String> {
    let feature = object(config, "features").and_then(|features| features.get("plugins"));
    if feature == Some(&Value::Bool(false)) {
        return Vec::new();
    }
    let plugins = object(config, "plugins").into_iter().flatten();
    let enabled = plugins.filter(|(_, entry)| entry.is_object() && is_enabled(entry));
    let mut ids: Vec<_> = enabled.map(|(id, _)| id.clone()).collect();
    ids.sort_unstable();
    ids.truncate(plugin::PLUGINS);
    ids
}

/// `[[skills.config]]` names a skill, or the path of its file. Codex ignores an entry with both.
fn rules(config: &Map<String, Value>) -> Vec<SkillRule> {
    let entries = object(config, "skills").and_then(|skills| skills.get("config")?.as_array());
    let rule = |entry: &Value| {
        let text = |field| entry.get(field).and_then(Value::as_str).map(str::trim);
        let skill = match (text("name"), text("path")) {
            (Some(name), None) => RuleSkill::Named(name.to_owned()),
            (None, Some(path)) => RuleSkill::At(Path::new(path).canonicalize().ok()?),
            _ => return None,
        };
        Some(SkillRule { skill, enabled: is_enabled(entry) })
    };
    entries.into_iter().flatten().take(RULES).filter_map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_version_precedes_the_newest() {
        let newest = |versions: &[&'static str]| versions.iter().copied().max_by_key(|version| rank(version));
        assert_eq!(newest(&["0.10.0", "0.9.0", "0.10.0-beta"]), Some("0.10.0"));
        assert_eq!(newest(&["a", "0.1.0", "b"]), Some("0.1.0"));
        assert_eq!(newest(&["a", "b"]), Some("b"));
        assert_eq!(newest(&["local", "9.0.0"]), Some("local"));
    }

    #[test]
    fn plugin_ids_are_no_paths() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("plugins/cache/market/review/1.0.0")).unwrap();
        let codex = Codex { directory: home.path().to_owned() };
        assert!(codex.plugin_path("review@market").is_some());
        for id in [
            "../market/review@market",
            "review@../cache/market",
            "review@market/.",
            "..@market",
            "@market",
            "review",
        ] {
            assert_eq!(codex.plugin_path(id), None, "{id}");
        }
    }
}
