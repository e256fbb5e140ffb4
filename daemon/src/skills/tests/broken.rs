//! Broken files, and directories that cannot be read.

use std::fs;

use serde_json::json;

use super::Fixture;

#[test]
fn skill_without_usable_frontmatter_is_listed() {
    for (directory, provider) in [(".claude", "claude"), (".codex", "codex")] {
        let home = Fixture::new();
        for (name, content) in [
            ("bare", b"Just do it.\n".as_slice()),
            ("broken", b"---\nname: [x\n---\n"),
            ("bytes", b"---\nname: \xff\n---\n"),
            ("crlf", b"---\r\nname: Windows\r\ndescription: Line ends\r\n---\r\n"),
            ("undescribed", b"---\nname: u\n---\n"),
        ] {
            let skill = home.path(&format!("{directory}/skills/{name}"));
            fs::create_dir_all(&skill).unwrap();
            fs::write(skill.join("SKILL.md"), content).unwrap();
        }
        let skills = home.list(provider).skills;
        let shown: Vec<_> =
            skills.iter().map(|skill| (skill.name.as_str(), skill.description.as_deref())).collect();
        let expected =
            [("bare", None), ("[x", None), ("\u{fffd}", None), ("Windows", Some("Line ends")), ("u", None)];
        assert_eq!(shown, expected);
    }
}

#[test]
fn broken_configuration_loses_only_itself() {
    let home = Fixture::new();
    home.skill(".claude/skills/kept");
    home.skill(".codex/skills/kept");
    for file in [".claude.json", ".claude/settings.json", ".codex/config.toml"] {
        home.file(file, "{SECRET");
    }
    for provider in ["claude", "codex"] {
        assert_eq!(home.keys(provider), ["kept"]);
        assert_eq!(home.servers(provider), json!([]));
    }
}

#[test]
fn error_names_broken_file_if_nothing_is_listed() {
    let home = Fixture::new();
    home.file(".claude.json", "{\"mcpServers\": {\"s\":\n{\"env\": \"SECRET");
    home.file(".codex/config.toml", "a = 1\nkey = \"SECRET\n");
    for (provider, text) in [
        ("claude", "~/.claude.json is not valid JSON (line 2): correct the file on this machine"),
        ("codex", "~/.codex/config.toml is not valid TOML (line 2): correct the file on this machine"),
    ] {
        assert_eq!(home.skills(provider).list().unwrap_err().to_string(), text);
    }
}

/// A link to itself cannot be read by root either, who runs the tests in containers.
#[cfg(unix)]
#[test]
fn error_names_unreadable_directory_if_nothing_is_listed() {
    let home = Fixture::new();
    fs::create_dir(home.path(".codex")).unwrap();
    std::os::unix::fs::symlink("skills", home.path(".codex/skills")).unwrap();
    let error = home.skills("codex").list().unwrap_err().to_string();
    assert!(error.starts_with("~/.codex/skills cannot be read on this machine: "), "{error}");
    home.skill(".agents/skills/shared");
    assert_eq!(home.keys("codex"), ["shared"]);
}
