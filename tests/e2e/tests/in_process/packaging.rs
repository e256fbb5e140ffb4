//! What is packed: the names in the release workflow, the build script, the metadata of the package and the unit agree.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

const MANIFEST: &str = include_str!("../../../../cli/Cargo.toml");
const SCRIPT: &str = include_str!("../../../../packaging/build.sh");
const WORKFLOW: &str = include_str!("../../../../.github/workflows/release.yml");
const UNIT: &str = include_str!("../../../../packaging/deb/doorbell.service");
const USERS: &str = include_str!("../../../../packaging/deb/doorbell.sysusers");
const VERSION: &str = "1.2.3";

fn metadata(tool: &str) -> Table {
    let manifest: Table = toml::from_str(MANIFEST).unwrap();
    manifest["package"]["metadata"][tool].as_table().unwrap().clone()
}

fn text<'a>(table: &'a Table, key: &str) -> &'a str {
    table[key].as_str().unwrap()
}

/// A template of `cargo binstall` with its variables put in.
fn binstall(key: &str, target: &str) -> String {
    let metadata = metadata("binstall");
    let repository = "https://example.com/repository";
    [
        ("{ repo }", repository),
        ("{ name }", "doorbell"),
        ("{ version }", VERSION),
        ("{ target }", target),
        ("{ bin }", "doorbell"),
        ("{ binary-ext }", ""),
    ]
    .iter()
    .fold(text(&metadata, key).to_owned(), |text, (name, value)| text.replace(name, value))
}

/// A variable of the build script.
fn assigned(name: &str) -> &'static str {
    let assignment = format!("{name}=");
    SCRIPT.lines().find_map(|line| line.strip_prefix(&assignment)).unwrap()
}

/// The name of an archive without its suffix, which is also the directory in it.
fn archive(target: &str) -> String {
    assigned("name").replace("$version", VERSION).replace("$target", target)
}

/// The targets that the workflow builds.
fn targets() -> Vec<String> {
    let workflow: serde_yaml_ng::Value = serde_yaml_ng::from_str(WORKFLOW).unwrap();
    let matrix = workflow["jobs"]["build"]["strategy"]["matrix"]["include"].as_sequence().unwrap();
    matrix.iter().map(|entry| entry["target"].as_str().unwrap().to_owned()).collect()
}

/// The source and the destination of each file in the Debian package.
fn assets() -> Vec<(String, String)> {
    let metadata = metadata("deb");
    let assets = metadata["assets"].as_array().unwrap().iter().map(|asset| asset.as_array().unwrap());
    let path = |value: &Value| value.as_str().unwrap().to_owned();
    assets.map(|asset| (path(&asset[0]), path(&asset[1]))).collect()
}

/// The value of a key that the unit has once.
fn unit(key: &str) -> &'static str {
    let assignment = format!("{key}=");
    let mut values = UNIT.lines().filter_map(|line| line.strip_prefix(&assignment));
    let value = values.next().unwrap_or_else(|| panic!("the unit has no {key}"));
    assert_eq!(values.next(), None, "{key}");
    value
}

fn state_directory() -> String {
    format!("/var/lib/{}", unit("StateDirectory"))
}

#[test]
fn releases_are_for_linux_and_macos_on_both_processors() {
    let mut targets = targets();
    targets.sort();
    let expected = [
        "aarch64-apple-darwin",
        "aarch64-unknown-linux-gnu",
        "x86_64-apple-darwin",
        "x86_64-unknown-linux-gnu",
    ];
    assert_eq!(targets, expected);
}

#[test]
fn binstall_downloads_archive_of_each_target() {
    for target in targets() {
        let release = format!("https://example.com/repository/releases/download/v{VERSION}");
        assert_eq!(binstall("pkg-url", &target), format!("{release}/{}.tar.gz", archive(&target)));
    }
    assert!(SCRIPT.contains(">\"$dist/$name.tar.gz\""));
    assert_eq!(text(&metadata("binstall"), "pkg-fmt"), "tgz");
}

#[test]
fn binstall_finds_binary_in_archive() {
    for target in targets() {
        assert_eq!(binstall("bin-dir", &target), format!("{}/doorbell", archive(&target)));
    }
}

#[test]
fn workflow_publishes_what_script_writes() {
    let dist = assigned("dist");
    for pattern in ["*.tar.gz", "*.deb"] {
        assert!(WORKFLOW.contains(&format!("\n            {dist}/{pattern}\n")), "{pattern}");
    }
}

#[test]
fn files_of_debian_package_exist() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cli");
    for (source, _) in assets() {
        if let Some(binary) = source.strip_prefix("target/release/") {
            assert_eq!(binary, "doorbell");
        } else if let Some(generated) = source.strip_prefix(&format!("../{}/", assigned("dist"))) {
            let path = generated.trim_end_matches("/*.1");
            assert!(SCRIPT.contains(&format!("\"$dist/{path}\"\n")), "the script does not write {source}");
        } else {
            assert!(package.join(&source).is_file(), "{source}");
        }
    }
    let scripts = package.join(text(&metadata("deb"), "maintainer-scripts"));
    for script in ["postinst", "postrm"] {
        // cargo-deb puts the steps of systemd there.
        assert!(fs::read_to_string(scripts.join(script)).unwrap().contains("\n#DEBHELPER#\n"), "{script}");
    }
}

#[test]
fn debian_package_needs_glibc_of_build() {
    let requirement = format!("libc6 (>= {})", assigned("glibc"));
    let metadata = metadata("deb");
    assert!(text(&metadata, "depends").split(", ").any(|package| package == requirement));
}

#[test]
fn installing_starts_no_service() {
    let metadata = metadata("deb");
    let units = metadata["systemd-units"].as_table().unwrap();
    assert_eq!(
        (text(units, "unit-name"), &units["enable"], &units["start"]),
        ("doorbell", &false.into(), &false.into())
    );
}

#[test]
fn unit_runs_installed_binary() {
    let assets = assets();
    let (_, directory) = assets.iter().find(|(source, _)| source == "target/release/doorbell").unwrap();
    assert_eq!(unit("ExecStart"), format!("/{directory}doorbell daemon $DOORBELL_OPTIONS"));
}

#[test]
fn unit_starts_after_enrolment() {
    assert_eq!(unit("ConditionPathExists"), format!("{}/daemon.toml", state_directory()));
}

#[test]
fn user_of_unit_owns_state_directory() {
    let user = unit("User");
    let expected = format!("u {user} - \"Doorbell daemon\" {} /usr/sbin/nologin\n", state_directory());
    assert_eq!(USERS, expected);
    let script = include_str!("../../../../packaging/deb/postinst");
    assert!(script.contains(&format!(
        "install -d -m {} -o {user} -g {user} {}\n",
        unit("StateDirectoryMode"),
        state_directory()
    )));
}

#[test]
fn purging_removes_token() {
    let script = include_str!("../../../../packaging/deb/postrm");
    assert!(script.contains(&format!("[ \"$1\" = purge ]; then\n  rm -rf {}\n", state_directory())));
}
