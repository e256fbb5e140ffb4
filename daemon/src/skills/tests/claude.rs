//! Plugins of Claude Code.

use doorbell_protocol::SkillRoot;
use serde_json::json;

use super::{Fixture, shown};

impl Fixture {
    /// An installed and enabled plugin of Claude Code.
    pub(super) fn claude_plugins(&self, names: &[&str]) {
        let path = |name: &str| self.path(&format!(".claude/plugins/cache/market/{name}/1.0.0"));
        let id = |name: &&str| format!("{name}@market");
        let install = |name: &&str| (id(name), json!([{"scope": "user", "installPath": path(name)}]));
        let installed: serde_json::Map<_, _> = names.iter().map(install).collect();
        self.json(".claude/plugins/installed_plugins.json", &json!({"version": 2, "plugins": installed}));
        let enabled: serde_json::Map<_, _> = names.iter().map(|name| (id(name), json!(true))).collect();
        self.json(".claude/settings.json", &json!({"enabledPlugins": enabled}));
    }
}

#[test]
fn claude_plugins_name_skills_and_servers() {
    let home = Fixture::new();
    home.claude_plugins(&["review", "whole", "unread"]);
    let cache = ".claude/plugins/cache/market";
    let review = format!("{cache}/review/1.0.0");
    home.json(
        &format!("{review}/.claude-plugin/plugin.json"),
        &json!({"name": "rv", "skills": ["./extra", "./more/one", "../../../escape"], "mcpServers": "./m.json"}),
    );
    home.json(&format!("{review}/m.json"), &json!({"mcpServers": {"path": {"type": "sse"}}}));
    home.json(&format!("{review}/.mcp.json"), &json!({"flat": {"url": "x"}, "path": {"command": "x"}}));
    for skill in ["skills/check", "skills/check/inner", "extra/ex", "more/one", "more/one/inner", "more/two"]
    {
        home.skill(&format!("{review}/{skill}"));
    }
    home.skill(".claude/plugins/cache/escape");
    home.file(&format!("{cache}/whole/1.0.0/SKILL.md"), "---\nname: other\n---\n");
    home.skill(&format!("{cache}/whole/1.0.0/inner"));
    home.skill(&format!("{cache}/review/0.9.0/skills/old"));
    home.skill(".claude/skills/check");
    let skills = home.list("claude").skills;
    let expected = [
        ("check", "check", None),
        ("rv:check", "rv:check", Some("review@market")),
        ("rv:ex", "rv:ex", Some("review@market")),
        ("rv:one", "rv:one", Some("review@market")),
        ("whole:whole", "whole:whole", Some("whole@market")),
    ];
    assert_eq!(skills.iter().map(shown).collect::<Vec<_>>(), expected);
    assert_eq!(skills[1].root, Some(SkillRoot::Plugin));
    assert_eq!(skills[1].source_path, format!("~/{review}/skills/check"));
    let servers = json!([
        {"name": "flat", "transport": "http", "source": "Claude Plugin · rv", "enabled": true},
        {"name": "path", "transport": "sse", "source": "Claude Plugin · rv", "enabled": true},
    ]);
    assert_eq!(home.servers("claude"), servers);
}

#[test]
fn claude_marketplace_declares_skills_without_manifest() {
    let home = Fixture::new();
    home.claude_plugins(&["docs", "art"]);
    for plugin in ["docs", "art"] {
        for skill in ["pdf", "xlsx", "paint"] {
            home.skill(&format!(".claude/plugins/cache/market/{plugin}/1.0.0/skills/{skill}"));
        }
    }
    home.json(
        ".claude/plugins/known_marketplaces.json",
        &json!({"market": {"installLocation": home.path("market")}}),
    );
    home.json(
        "market/.claude-plugin/marketplace.json",
        &json!({"plugins": [
            {"name": "docs", "skills": ["./skills/pdf", "./skills/xlsx"], "mcpServers": {"s": {"command": "x"}}},
            {"name": "art", "skills": ["./skills/paint"]},
        ]}),
    );
    assert_eq!(home.keys("claude"), ["art:paint", "docs:pdf", "docs:xlsx"]);
    assert_eq!(home.servers("claude")[0]["source"], "Claude Plugin · docs");
}

#[test]
fn disabled_or_missing_claude_plugins_are_not_listed() {
    let home = Fixture::new();
    home.claude_plugins(&["off", "unset", "gone"]);
    for plugin in ["off", "unset"] {
        home.skill(&format!(".claude/plugins/cache/market/{plugin}/1.0.0/skills/s"));
    }
    let enabled = json!({"off@market": false, "gone@market": true, "other@market": true});
    home.json(".claude/settings.json", &json!({"enabledPlugins": enabled}));
    assert!(home.keys("claude").is_empty());
}

#[test]
fn broken_plugin_loses_only_itself() {
    let home = Fixture::new();
    home.claude_plugins(&["broken", "whole"]);
    home.json(".claude.json", &json!({"mcpServers": {"user": {"command": "x"}}}));
    let cache = ".claude/plugins/cache/market";
    home.file(&format!("{cache}/broken/1.0.0/.claude-plugin/plugin.json"), "{");
    home.file(&format!("{cache}/broken/1.0.0/.mcp.json"), "[]");
    home.skill(&format!("{cache}/whole/1.0.0/skills/s"));
    assert_eq!(home.keys("claude"), ["whole:s"]);
    assert_eq!(home.servers("claude")[0]["name"], "user");
}
