//! What the plugins of both agent programs share: a directory with a manifest, skills and MCP servers.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::home::Home;
use super::mcp;
use super::problems::Problems;

/// The most plugins that are read. Users enable a few dozen.
pub(super) const PLUGINS: usize = 200;

/// The most paths that are read of one field of a manifest.
const PATHS_PER_FIELD: usize = 200;

/// The MCP servers of a plugin that have a configuration file of their own.
pub(super) const MCP_FILE: &str = ".mcp.json";

/// The paths in a manifest's field, a text or an array of texts. Only paths inside the plugin: a manifest comes from others.
pub(super) fn paths(plugin: &Path, field: &Value) -> Vec<PathBuf> {
    let texts = match field {
        Value::Array(texts) => texts.as_slice(),
        text => std::slice::from_ref(text),
    };
    let texts = texts.iter().filter_map(Value::as_str).filter(|text| !text.is_empty());
    texts.filter_map(|text| inside(plugin, Path::new(text))).take(PATHS_PER_FIELD).collect()
}

fn inside(plugin: &Path, path: &Path) -> Option<PathBuf> {
    let is_inside = |component| matches!(component, Component::CurDir | Component::Normal(_));
    path.components().all(is_inside).then(|| {
        // Without `.`, so that the same directory has the same path.
        let names = path.components().filter(|component| matches!(component, Component::Normal(_)));
        names.fold(plugin.to_owned(), |path, name| path.join(name))
    })
}

/// The MCP servers in a manifest's field: an object by name, a path to a file with one, or an array of both.
pub(super) fn servers(
    home: &Home,
    plugin: &Path,
    field: &Value,
    problems: &mut Problems,
) -> Map<String, Value> {
    match field {
        Value::Object(servers) => servers.clone(),
        Value::Array(fields) => {
            let fields = fields.iter().filter(|field| !field.is_array()).take(PATHS_PER_FIELD);
            fields.flat_map(|field| servers(home, plugin, field, problems)).collect()
        }
        path => {
            let files =
                paths(plugin, path).into_iter().filter(|path| path.extension() == Some("json".as_ref()));
            files.flat_map(|file| file_servers(home, &file, problems)).collect()
        }
    }
}

/// The MCP servers in a file of the plugin.
pub(super) fn file_servers(home: &Home, file: &Path, problems: &mut Problems) -> Map<String, Value> {
    problems.value(home.read_json(file)).as_ref().map(mcp::of_file).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_inside_the_plugin() {
        let field = json!(["./a/", "b/./c", "", "../x", "a/../../x", "/etc", 5]);
        assert_eq!(paths(Path::new("/p"), &field), [Path::new("/p/a"), Path::new("/p/b/c")]);
        assert_eq!(paths(Path::new("/p"), &json!("./a")), [Path::new("/p/a")]);
        assert!(paths(Path::new("/p"), &Value::Null).is_empty());
    }

    #[test]
    fn reads_servers_of_every_shape() {
        let plugin = tempfile::tempdir().unwrap();
        fs::write(plugin.path().join("m.json"), r#"{"mcpServers": {"file": {"command": "x"}}}"#).unwrap();
        // A bundle is a ZIP archive.
        fs::write(plugin.path().join("bundle.mcpb"), b"PK\x03\x04").unwrap();
        let home = Home::new(plugin.path().to_owned());
        let field = json!([{"inline": {"url": "x"}}, "./m.json", "./missing.json", "./bundle.mcpb", 1]);
        let mut problems = Problems::default();
        let servers = servers(&home, plugin.path(), &field, &mut problems);
        assert_eq!(json!(servers), json!({"inline": {"url": "x"}, "file": {"command": "x"}}));
        assert!(problems.first().is_none());
    }
}
