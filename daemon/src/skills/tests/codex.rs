//! Plugins of Codex, and disabled skills.

use serde_json::json;

use super::{Fixture, shown};

#[test]
fn codex_plugins_name_skills_and_servers() {
    let home = Fixture::new();
    let cache = ".codex/plugins/cache/market";
    home.file(
        ".codex/config.toml",
        "[plugins.'a@market']\n[plugins.'b@market']\nenabled = true\n[plugins.'off@market']\nenabled = false\n\
         [plugins.'bare@market']\n[mcp_servers.taken]\nurl = 'x'\n",
    );
    for version in ["0.9.0", "0.10.0"] {
        let plugin = format!("{cache}/a/{version}");
        home.json(&format!("{plugin}/.codex-plugin/plugin.json"), &json!({"name": "aa"}));
        let servers =
            json!({"mcpServers": {"taken": {"command": "x"}, "off": {"command": "x", "enabled": false}}});
        home.json(&format!("{plugin}/.mcp.json"), &servers);
        home.skill(&format!("{plugin}/skills/v{version}"));
    }
    let manifest = json!({"name": "b", "skills": ["./x", "./y"], "mcpServers": {"own": {"url": "x"}}});
    home.json(&format!("{cache}/b/1.0.0/.claude-plugin/plugin.json"), &manifest);
    home.json(&format!("{cache}/b/1.0.0/.mcp.json"), &json!({"unread": {"command": "x"}}));
    for skill in ["skills/unread", "x/one", "y"] {
        home.skill(&format!("{cache}/b/1.0.0/{skill}"));
    }
    home.json(&format!("{cache}/off/1.0.0/.codex-plugin/plugin.json"), &json!({"name": "off"}));
    for plugin in ["off", "bare", "unset"] {
        home.skill(&format!("{cache}/{plugin}/1.0.0/skills/s"));
    }
    let skills = home.list("codex").skills;
    let expected = [
        ("a@market:skills/v0.10.0", "aa:v0.10.0", Some("a@market")),
        ("b@market:x/one", "b:one", Some("b@market")),
        ("b@market:y", "b:y", Some("b@market")),
    ];
    assert_eq!(skills.iter().map(shown).collect::<Vec<_>>(), expected);
    let servers = json!([
        {"name": "off", "transport": "stdio", "source": "Codex Plugin · aa", "enabled": false},
        {"name": "own", "transport": "http", "source": "Codex Plugin · b", "enabled": true},
        {"name": "taken", "transport": "http", "source": "User config", "enabled": true},
    ]);
    assert_eq!(home.servers("codex"), servers);
}

#[test]
fn codex_feature_disables_all_plugins() {
    let home = Fixture::new();
    home.file(".codex/config.toml", "[features]\nplugins = false\n[plugins.'a@market']\nenabled = true\n");
    home.json(".codex/plugins/cache/market/a/1.0.0/.codex-plugin/plugin.json", &json!({"name": "a"}));
    home.skill(".codex/plugins/cache/market/a/1.0.0/skills/s");
    assert!(home.keys("codex").is_empty());
}

#[test]
fn codex_skills_are_disabled_by_name_or_path() {
    let home = Fixture::new();
    for skill in ["kept", "named", "at", "again"] {
        home.skill(&format!(".codex/skills/{skill}"));
    }
    let path = |skill: &str| home.path(&format!(".codex/skills/{skill}/SKILL.md")).display().to_string();
    let rule = |selector: &str, enabled| format!("[[skills.config]]\n{selector}\nenabled = {enabled}\n");
    let rules = [
        rule("name = 'named'", false),
        rule(&format!("path = '{}'", path("at")), false),
        rule("name = 'again'", false),
        rule(&format!("path = '{}'", path("again")), true),
        rule(&format!("name = 'kept'\npath = '{}'", path("kept")), false),
        rule("name = 'other'", false),
    ];
    home.file(".codex/config.toml", &rules.concat());
    assert_eq!(home.keys("codex"), ["again", "kept"]);
}
