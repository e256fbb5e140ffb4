//! MCP servers in the configuration of an agent program, without their secrets.

use doorbell_protocol::limits::TEXT_CHARS;
use doorbell_protocol::{McpServer, McpTransport};
use serde_json::{Map, Value};

use super::text::one_line;

/// The source of an MCP server that the user has configured, for users. The text of the reference server's daemon.
pub(super) const USER_CONFIG: &str = "User config";

/// The server that `entry` declares; `None` if it declares none. Reads the presence of commands and URLs, never their values.
pub(super) fn server(name: &str, entry: &Value, source: &str) -> Option<McpServer> {
    let entry = entry.as_object()?;
    Some(McpServer {
        name: one_line(name, TEXT_CHARS)?,
        transport: Some(transport(entry)),
        source: one_line(source, TEXT_CHARS),
        enabled: true,
    })
}

fn transport(entry: &Map<String, Value>) -> McpTransport {
    match entry.get("type").and_then(Value::as_str) {
        Some("stdio") => McpTransport::Stdio,
        Some("http" | "streamable-http" | "streamable_http") => McpTransport::Http,
        Some("sse") => McpTransport::Sse,
        Some(_) => McpTransport::Unknown,
        None if entry.contains_key("command") => McpTransport::Stdio,
        None if entry.contains_key("url") => McpTransport::Http,
        None => McpTransport::Unknown,
    }
}

/// The servers of a `.mcp.json`: an object by name, on its own or as `mcpServers`.
pub(super) fn of_file(file: &Map<String, Value>) -> Map<String, Value> {
    if let Some(servers) = file.get("mcpServers") {
        return servers.as_object().cloned().unwrap_or_default();
    }
    let is_server = |entry: &Value| ["command", "url", "type"].iter().any(|field| entry.get(field).is_some());
    file.iter()
        .filter(|(_, entry)| is_server(entry))
        .map(|(name, entry)| (name.clone(), entry.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(entry: &Value) -> Option<String> {
        server("s", entry, USER_CONFIG).map(|server| json!(server).to_string())
    }

    #[test]
    fn transport_follows_type_or_present_field() {
        for (entry, transport) in [
            (json!({"command": "x"}), "stdio"),
            (json!({"type": "stdio"}), "stdio"),
            (json!({"url": "x"}), "http"),
            (json!({"type": "http", "url": "x"}), "http"),
            (json!({"type": "sse", "url": "x"}), "sse"),
            (json!({"type": "ws", "url": "x"}), "unknown"),
            (json!({}), "unknown"),
        ] {
            let text = format!(r#""transport":"{transport}""#);
            assert!(shown(&entry).unwrap().contains(&text), "{entry}");
        }
    }

    #[test]
    fn shows_no_value_of_the_entry() {
        let entry = json!({
            "type": "SECRET", "command": "SECRET", "args": ["SECRET"], "url": "SECRET", "cwd": "SECRET",
            "headers": {"SECRET": "SECRET"}, "env": {"SECRET": "SECRET"}, "bearer_token_env_var": "SECRET",
        });
        let shown = shown(&entry).unwrap();
        assert!(!shown.contains("SECRET"), "{shown}");
    }

    #[test]
    fn other_values_are_no_servers() {
        for entry in [json!(null), json!("x"), json!(["x"])] {
            assert_eq!(shown(&entry), None);
        }
        assert_eq!(server(" \n", &json!({}), USER_CONFIG), None);
    }

    #[test]
    fn file_has_servers_with_or_without_wrapper() {
        let servers = json!({"a": {"command": "x"}, "b": {"type": "http"}});
        let wrapped = json!({"mcpServers": servers, "other": {"url": "x"}});
        assert_eq!(json!(of_file(wrapped.as_object().unwrap())), servers);
        assert_eq!(json!(of_file(servers.as_object().unwrap())), servers);
        let one = json!({"command": "x", "env": {"KEY": "x"}});
        assert!(of_file(one.as_object().unwrap()).is_empty());
        assert!(of_file(json!({"mcpServers": 1}).as_object().unwrap()).is_empty());
    }
}
