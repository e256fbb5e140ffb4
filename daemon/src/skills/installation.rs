//! Where an agent program keeps its skills, and which MCP servers it uses.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use doorbell_protocol::limits::{LOCAL_SKILL_TEXT_CHARS, LOCAL_SKILLS_PER_REPORT, TEXT_CHARS};
use doorbell_protocol::{McpServer, SkillEntry, SkillRoot};

use super::home::Home;
use super::problems::Problems;
use super::search::{Budget, SKILL_FILE, Search, count_files};
use super::skill_file::Frontmatter;
use super::text::{is_visible, one_line};

/// The longest description in a list. Agent Skills' limit; longer ones are shortened.
const DESCRIPTION_CHARS: usize = 1_024;

/// How deep Codex searches a skills directory (`MAX_SCAN_DEPTH` in its source).
pub(super) const NESTED_DEPTH: usize = 6;

/// What an agent program has on this machine.
#[derive(Debug, Default)]
pub(super) struct Installation {
    /// In the order of precedence.
    pub(super) directories: Vec<SkillsDirectory>,
    /// In the order of precedence.
    pub(super) servers: Vec<McpServer>,
    /// The later rule counts.
    pub(super) rules: Vec<SkillRule>,
}

/// A directory with skills.
#[derive(Debug)]
pub(super) struct SkillsDirectory {
    pub(super) path: PathBuf,
    pub(super) root: SkillRoot,
    /// How many levels below the directory are searched.
    pub(super) depth: usize,
    pub(super) plugin: Option<PluginSkills>,
}

/// How the skills of a plugin are named.
#[derive(Clone, Debug)]
pub(super) struct PluginSkills {
    pub(super) id: String,
    pub(super) name: String,
    /// Where keys start: `<key_prefix><path from key_base>`.
    pub(super) key_prefix: String,
    pub(super) key_base: PathBuf,
    pub(super) naming: PluginNaming,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PluginNaming {
    /// The key.
    Key,
    /// The skill's own name after the plugin's.
    Qualified,
}

/// Enables or disables one skill.
#[derive(Debug)]
pub(super) struct SkillRule {
    pub(super) skill: RuleSkill,
    pub(super) enabled: bool,
}

#[derive(Debug)]
pub(super) enum RuleSkill {
    Named(String),
    /// The `SKILL.md` without links.
    At(PathBuf),
}

/// A skill that was found.
struct Found<'a> {
    directory: &'a SkillsDirectory,
    path: PathBuf,
    /// The `SKILL.md` without links.
    file: PathBuf,
}

impl Installation {
    /// The enabled skills in the order of their keys. The first skill of a key counts, and so does the first path to a file: both
    /// agent programs load a linked skill once.
    pub(super) fn skills(&self, provider: &str, home: &Home, problems: &mut Problems) -> Vec<SkillEntry> {
        let mut budget = Budget::default();
        let mut found = BTreeMap::new();
        let mut files = HashSet::new();
        for directory in &self.directories {
            let search = Search::run(&directory.path, directory.depth, &mut budget);
            let search = search.map_err(|error| home.unreadable(&directory.path, &error));
            for path in problems.value(search).found {
                let Ok(file) = path.join(SKILL_FILE).canonicalize() else { continue };
                let Some(key) = directory.key(&path) else { continue };
                if files.insert(file.clone()) {
                    found.entry(key).or_insert(Found { directory, path, file });
                }
            }
        }
        let mut skills = Vec::new();
        for (key, Found { directory, path, file }) in found {
            if skills.len() == LOCAL_SKILLS_PER_REPORT {
                break;
            }
            let Some(entry) = directory.entry(key, &path, provider, home, problems) else { continue };
            if self.is_enabled(&entry.name, &file) {
                skills.push(SkillEntry { file_count: count_files(&path, &mut budget), ..entry });
            }
        }
        skills
    }

    fn is_enabled(&self, name: &str, file: &Path) -> bool {
        let is_about = |rule: &&SkillRule| match &rule.skill {
            RuleSkill::Named(skill) => skill == name,
            RuleSkill::At(path) => path == file,
        };
        self.rules.iter().rev().find(is_about).is_none_or(|rule| rule.enabled)
    }
}

impl SkillsDirectory {
    /// The directory that several agent programs share.
    pub(super) fn universal(home: &Home) -> Self {
        let path = home.join(".agents/skills");
        Self { path, root: SkillRoot::Universal, depth: NESTED_DEPTH, plugin: None }
    }

    /// The key of the skill at `path`. Only a directory of a plugin may be a skill itself.
    fn key(&self, path: &Path) -> Option<String> {
        let Some(plugin) = &self.plugin else {
            return slashes(path.strip_prefix(&self.path).ok()?);
        };
        let key = match slashes(path.strip_prefix(&plugin.key_base).ok()?) {
            Some(key) => key,
            None => plugin.name.clone(),
        };
        Some(format!("{}{key}", plugin.key_prefix))
    }

    /// `None` if the file cannot be read, or a text that identifies the skill cannot be shown unchanged.
    fn entry(
        &self,
        key: String,
        path: &Path,
        provider: &str,
        home: &Home,
        problems: &mut Problems,
    ) -> Option<SkillEntry> {
        let file = path.join(SKILL_FILE);
        let frontmatter = Frontmatter::read(&file).map(Some).map_err(|error| home.unreadable(&file, &error));
        let Frontmatter { name, description } = problems.value(frontmatter)?;
        let own_name = name.as_deref().and_then(|name| one_line(name, TEXT_CHARS));
        let own_name = own_name.or_else(|| one_line(path.file_name()?.to_str()?, TEXT_CHARS))?;
        let name = match &self.plugin {
            None => own_name,
            Some(plugin) if plugin.naming == PluginNaming::Key => one_line(&key, TEXT_CHARS)?,
            Some(plugin) => one_line(&format!("{}:{own_name}", plugin.name), TEXT_CHARS)?,
        };
        Some(SkillEntry {
            key: Some(key).filter(|key| is_identity(key))?,
            name,
            description: description.and_then(|text| one_line(&text, DESCRIPTION_CHARS)),
            source_path: Some(home.display(path)).filter(|path| is_identity(path))?,
            provider: provider.to_owned(),
            root: Some(self.root),
            plugin: self.plugin.as_ref().and_then(|plugin| one_line(&plugin.id, TEXT_CHARS)),
            // The daemon starts no agent program, so it cannot leave out a skill.
            can_disable: false,
            file_count: 0,
        })
    }
}

fn is_identity(text: &str) -> bool {
    is_visible(text) && text.chars().count() <= LOCAL_SKILL_TEXT_CHARS
}

/// The path with slashes on every system; `None` if it is empty.
fn slashes(path: &Path) -> Option<String> {
    let names: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
    Some(names.join("/")).filter(|path| !path.is_empty())
}
