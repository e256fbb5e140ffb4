//! Homes as Claude Code 2.1.197 and Codex 0.169.0 read them.

use std::fs;
use std::path::{Path, PathBuf};

use doorbell_protocol::SkillEntry;
use doorbell_protocol::limits::{LOCAL_SKILLS_PER_REPORT, RESULT_BYTES};
use serde_json::{Value, json};

use super::*;

mod broken;
mod claude;
mod codex;

/// A home directory with files.
struct Fixture {
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn file(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn json(&self, path: &str, content: &Value) {
        self.file(path, &content.to_string());
    }

    /// A skill with the name of its directory.
    fn skill(&self, directory: &str) {
        let name = directory.rsplit('/').next().unwrap();
        let file = format!("{directory}/SKILL.md");
        self.file(&file, &format!("---\nname: {name}\ndescription: About {name}\n---\n"));
    }

    fn skills(&self, provider: &str) -> LocalSkills {
        let none = Environment::new(|_| None);
        LocalSkills::new(provider, self.directory.path().to_owned(), &none)
    }

    fn list(&self, provider: &str) -> LocalSkillsResult {
        self.skills(provider).list().unwrap()
    }

    fn keys(&self, provider: &str) -> Vec<String> {
        self.list(provider).skills.into_iter().map(|skill| skill.key).collect()
    }

    fn servers(&self, provider: &str) -> Value {
        json!(self.list(provider).mcp_servers)
    }
}

fn shown(skill: &SkillEntry) -> (&str, &str, Option<&str>) {
    (&skill.key, &skill.name, skill.plugin.as_deref())
}

#[test]
fn lists_skills_of_each_program() {
    for (provider, directory) in [("claude", ".claude"), ("codex", ".codex")] {
        let home = Fixture::new();
        home.skill(&format!("{directory}/skills/plain"));
        home.file(&format!("{directory}/skills/plain/scripts/run.sh"), "");
        home.skill(".agents/skills/shared");
        let skills = json!(home.list(provider).skills);
        let expected = json!([
            {
                "key": "plain", "name": "plain", "description": "About plain",
                "source_path": format!("~/{directory}/skills/plain"), "provider": provider, "root": "provider",
                "file_count": 2,
            },
            {
                "key": "shared", "name": "shared", "description": "About shared",
                "source_path": "~/.agents/skills/shared", "provider": provider, "root": "universal",
                "file_count": 1,
            },
        ]);
        assert_eq!(skills, expected);
    }
}

#[test]
fn other_programs_are_not_supported() {
    let home = Fixture::new();
    home.skill(".agents/skills/shared");
    for provider in ["opencode", "openai", ""] {
        assert_eq!(home.list(provider), LocalSkillsResult::unsupported());
    }
}

#[test]
fn empty_home_has_empty_lists() {
    let empty = LocalSkillsResult {
        skills: Vec::new(),
        supported: true,
        mcp_servers: Vec::new(),
        mcp_supported: true,
    };
    for provider in ["claude", "codex"] {
        assert_eq!(Fixture::new().list(provider), empty);
    }
}

#[test]
fn texts_are_bounded_lines() {
    let home = Fixture::new();
    let long = "x".repeat(5_000);
    home.file(
        ".codex/skills/a/SKILL.md",
        &format!("---\nname: {long}\ndescription: |\n  \u{1b}[7m one\n  {long}\n---\n"),
    );
    let result = home.list("codex");
    let skill = &result.skills[0];
    assert_eq!(skill.name.chars().count(), 200);
    let description = skill.description.as_deref().unwrap();
    assert_eq!(description.chars().count(), 1_024);
    assert!(description.starts_with("[7m one x"), "{description}");
    assert!(result.is_within_limits());
}

#[test]
fn directory_names_are_keys_unless_they_hold_controls() {
    let home = Fixture::new();
    for name in ["two  blanks ", "ünïcode", "bell\u{7}", "turned\u{202e}"] {
        home.skill(&format!(".codex/skills/{name}"));
    }
    assert_eq!(home.keys("codex"), ["two  blanks ", "ünïcode"]);
}

#[test]
fn provider_skill_precedes_universal_one() {
    let home = Fixture::new();
    home.skill(".codex/skills/plain");
    home.skill(".agents/skills/plain");
    let skills = home.list("codex").skills;
    assert_eq!(skills.len(), 1);
    assert_eq!(skills[0].source_path, "~/.codex/skills/plain");
}

#[test]
fn claude_reads_one_level_and_codex_six() {
    let home = Fixture::new();
    for directory in [".claude/skills", ".codex/skills"] {
        home.skill(&format!("{directory}/plain"));
        home.skill(&format!("{directory}/plain/inner"));
        home.skill(&format!("{directory}/1/2/3/4/5/deep"));
        home.skill(&format!("{directory}/1/2/3/4/5/6/deeper"));
        home.skill(&format!("{directory}/.system/hidden"));
        home.file(&format!("{directory}/SKILL.md"), "---\nname: no skill\n---\n");
    }
    assert_eq!(home.keys("claude"), ["plain"]);
    assert_eq!(home.keys("codex"), ["1/2/3/4/5/deep", "plain", "plain/inner"]);
}

#[cfg(unix)]
#[test]
fn linked_skills_are_listed_once() {
    use std::os::unix::fs::symlink;

    let home = Fixture::new();
    home.skill("elsewhere/linked");
    home.skill(".codex/skills/own");
    symlink(home.path("elsewhere/linked"), home.path(".codex/skills/link")).unwrap();
    symlink(home.path(".codex/skills"), home.path(".codex/skills/loop")).unwrap();
    symlink(home.path(".codex"), home.path("elsewhere/linked/up")).unwrap();
    fs::create_dir_all(home.path(".agents/skills/file")).unwrap();
    symlink(home.path("elsewhere/linked"), home.path(".agents/skills/again")).unwrap();
    symlink(home.path("elsewhere/linked/SKILL.md"), home.path(".agents/skills/file/SKILL.md")).unwrap();
    assert_eq!(home.keys("codex"), ["link", "own"]);
}

#[test]
fn environment_moves_configuration() {
    let home = Fixture::new();
    for directory in [".claude", ".codex", "moved"] {
        home.skill(&format!("{directory}/skills/of{directory}"));
    }
    home.json("moved/.claude.json", &json!({"mcpServers": {"moved": {"command": "x"}}}));
    home.json(".claude.json", &json!({"mcpServers": {"default": {"command": "x"}}}));
    home.file("moved/config.toml", "[mcp_servers.moved]\ncommand = 'x'\n");
    for (provider, variable) in [("claude", "CLAUDE_CONFIG_DIR"), ("codex", "CODEX_HOME")] {
        let moved = home.path("moved").into_os_string();
        let environment = Environment::new(move |name| (name == variable).then(|| moved.clone()));
        let result =
            LocalSkills::new(provider, home.directory.path().to_owned(), &environment).list().unwrap();
        assert_eq!(result.skills[0].source_path, "~/moved/skills/ofmoved");
        assert_eq!((result.skills.len(), result.mcp_servers.len()), (1, 1));
        assert_eq!(result.mcp_servers[0].name, "moved");
    }
}

#[test]
fn servers_of_user_have_names_transports_and_states() {
    let home = Fixture::new();
    home.json(
        ".claude.json",
        &json!({"mcpServers": {"Web": {"type": "http", "url": "x"}, "files": {"command": "x"}, "bad": 1},
            "projects": {"/p": {"mcpServers": {"local": {"command": "x"}}}}}),
    );
    home.file(
        ".codex/config.toml",
        "[mcp_servers.Web]\nurl = 'x'\n[mcp_servers.files]\ncommand = 'x'\nenabled = false\n",
    );
    let expected = |is_enabled: bool| {
        json!([
            {"name": "files", "transport": "stdio", "source": "User config", "enabled": is_enabled},
            {"name": "Web", "transport": "http", "source": "User config", "enabled": true},
        ])
    };
    assert_eq!(home.servers("claude"), expected(true));
    assert_eq!(home.servers("codex"), expected(false));
}

#[test]
fn no_secret_of_an_mcp_server_is_listed() {
    let home = Fixture::new();
    home.claude_plugins(&["p"]);
    let server = json!({
        "command": "/opt/SECRET", "args": ["--token", "SECRET"], "url": "https://user:SECRET@host/?key=SECRET",
        "headers": {"Authorization": "Bearer SECRET"}, "env": {"API_KEY": "SECRET"}, "cwd": "/SECRET",
        "bearer_token_env_var": "SECRET", "http_headers": {"SECRET": "SECRET"}, "type": "SECRET",
    });
    let servers = json!({"mcpServers": {"s": server}});
    home.json(".claude.json", &servers);
    home.json(".claude/plugins/cache/market/p/1.0.0/.mcp.json", &json!({"mcpServers": {"p": server}}));
    let table = "command = 'SECRET'\nargs = ['SECRET']\nurl = 'SECRET'\nbearer_token_env_var = 'SECRET'\n\
                 [mcp_servers.s.env]\nKEY = 'SECRET'\n[mcp_servers.s.http_headers]\nSECRET = 'SECRET'\n";
    home.file(".codex/config.toml", &format!("[plugins.'p@market']\n[mcp_servers.s]\n{table}"));
    let plugin = ".codex/plugins/cache/market/p/1.0.0";
    home.json(&format!("{plugin}/.codex-plugin/plugin.json"), &json!({"mcpServers": {"p": server}}));
    for provider in ["claude", "codex"] {
        let result = home.list(provider);
        let text = json!(result).to_string();
        assert_eq!(result.mcp_servers.len(), 2, "{text}");
        assert!(!text.contains("SECRET"), "{text}");
    }
}

#[test]
fn huge_home_gives_a_result_within_limits() {
    let home = Fixture::new();
    let description = "x".repeat(1_024);
    for number in 0..=LOCAL_SKILLS_PER_REPORT {
        let file = format!(".codex/skills/skill-{number:04}/SKILL.md");
        home.file(&file, &format!("---\nname: n\ndescription: {description}\n---\n"));
    }
    let servers: String =
        (0..=MCP_SERVERS_PER_REPORT).map(|number| format!("[mcp_servers.s{number}]\nurl = 'x'\n")).collect();
    home.file(".codex/config.toml", &servers);
    let result = home.list("codex");
    assert!(result.is_within_limits());
    assert!(json!(result).to_string().len() <= RESULT_BYTES);
    assert_eq!(result.mcp_servers.len(), MCP_SERVERS_PER_REPORT);
    assert_eq!(result.skills.len(), LOCAL_SKILLS_PER_REPORT);
}

#[test]
fn skill_outside_home_has_its_whole_path() {
    let home = Fixture::new();
    let other = Fixture::new();
    other.skill("codex/skills/a");
    let path = other.path("codex");
    let shown = Path::new(&path).join("skills/a").display().to_string();
    let environment = Environment::new(move |name| (name == "CODEX_HOME").then(|| path.clone().into()));
    let skills =
        LocalSkills::new("codex", home.directory.path().to_owned(), &environment).list().unwrap().skills;
    assert_eq!(skills[0].source_path, shown);
}
