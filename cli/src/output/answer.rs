//! Results, progress and questions of machines.

use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal as _, Write as _};

use doorbell_protocol::{AnyRequestRecord, Json, is_layout_control};
use serde_json::{Map, Value};

use super::{json_text, written};

/// The longest progress that is shown, in characters. It shares its line with the status and the time.
const PROGRESS_CHARS: usize = 50;

/// The arguments that are listed for a question.
const LISTED_ARGS: usize = 12;

/// Prints a result: the text alone of `{"text":…}`, as of a program that prints no JSON, otherwise JSON.
pub fn result(result: &Json) {
    let text = match only_text(result) {
        Some(text) if io::stdout().is_terminal() => printable(&text),
        Some(text) => text,
        None => json_text::pretty(result.as_str()),
    };
    // Not through anstream, which would remove escapes from a text for a program.
    written(writeln!(io::stdout(), "{}", text.strip_suffix('\n').unwrap_or(&text)));
}

/// Not by way of a struct, which serde also reads from an array.
fn only_text(result: &Json) -> Option<String> {
    let mut members: HashMap<String, String> = result.parse().ok()?;
    let text = members.remove("text")?;
    members.is_empty().then_some(text)
}

/// Foreign text for a terminal, with its lines and tabs.
fn printable(text: &str) -> String {
    let is_unsafe =
        |letter: char| !matches!(letter, '\n' | '\t') && (letter.is_control() || is_layout_control(letter));
    text.replace("\r\n", "\n").replace(is_unsafe, "\u{fffd}")
}

/// Prints JSON on one line.
pub fn json_line(value: &impl serde::Serialize) {
    if let Ok(json) = serde_json::to_string(value) {
        written(writeln!(io::stdout(), "{}", json_text::compact(&json)));
    }
}

/// The status of an open request, with its progress.
pub(super) fn progress(record: &AnyRequestRecord) -> String {
    let status = super::status(record.status);
    let Some(progress) = &record.progress else { return status.to_owned() };
    let text = progress.parse::<String>().unwrap_or_else(|_| json_text::compact(progress.as_str()));
    let mut shown: String = super::cell(&text).chars().take(PROGRESS_CHARS).collect();
    if shown.chars().count() < text.chars().count() {
        shown.push('…');
    }
    format!("{}: {shown}", record.status.as_str())
}

/// The arguments of a question in one line, from the properties of its schema: `path=string [depth=integer]`.
pub(super) fn args_summary(schema: &Json) -> String {
    let Ok(Value::Object(schema)) = schema.parse::<Value>() else { return String::new() };
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return type_name(&schema);
    };
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let required: HashSet<_> = required.filter_map(Value::as_str).collect();
    let member = |(name, schema): (&String, &Value)| {
        let type_name = schema.as_object().map(type_name).unwrap_or_default();
        let member = if type_name.is_empty() { name.clone() } else { format!("{name}={type_name}") };
        if required.contains(name.as_str()) { member } else { format!("[{member}]") }
    };
    let mut members: Vec<_> = properties.iter().take(LISTED_ARGS).map(member).collect();
    if properties.len() > LISTED_ARGS {
        members.push("…".to_owned());
    }
    members.join(" ")
}

/// The values of an enumeration, or the types.
fn type_name(schema: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let texts: Vec<_> = match (schema.get("enum"), schema.get("type")) {
        (Some(Value::Array(values)), _) | (None, Some(Value::Array(values))) => {
            values.iter().take(LISTED_ARGS).map(text).collect()
        }
        (_, Some(Value::String(name))) => vec![name.clone()],
        _ => Vec::new(),
    };
    texts.join("|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(progress: &str) -> AnyRequestRecord {
        let record = format!(
            r#"{{"id":"0193510a2b3c7d4e8f90a1b2c3d4e5f6","runtime_id":"5f0c1b52-6c0e-5d0a-9a5e-0d9f7a1c2b3d",
                "kind":"a","status":"running","created_at":"2026-11-22T03:41:07.123Z",
                "updated_at":"2026-11-22T03:41:07.123Z"{progress}}}"#
        );
        serde_json::from_str(&record).unwrap()
    }

    #[test]
    fn progress_is_one_short_line() {
        let shown = |json: &str| progress(&record(&format!(",\"progress\":{json}")));
        assert_eq!(progress(&record("")), "running: the runtime is working");
        assert_eq!(shown("\"copying\\n\\u001b[2J\""), "running: copying \u{fffd}[2J");
        assert_eq!(shown(r#"{"percent": 5}"#), r#"running: {"percent":5}"#);
        assert_eq!(shown(&format!("\"{}\"", "a".repeat(51))), format!("running: {}…", "a".repeat(50)));
    }

    #[test]
    fn only_text_is_the_single_member_text() {
        let only_text = |json: &str| only_text(&json.parse().unwrap());
        assert_eq!(only_text(r#"{"text":"a"}"#).as_deref(), Some("a"));
        for json in
            [r#"["a"]"#, r#""a""#, r#"{"text":1}"#, r#"{"text":"a","b":"c"}"#, r#"{"b":"c"}"#, "{}", "null"]
        {
            assert_eq!(only_text(json), None, "{json}");
        }
    }

    #[test]
    fn text_for_terminal_keeps_lines_and_tabs() {
        assert_eq!(printable("a\tb\r\nc\rd\u{1b}[2J\u{202e}"), "a\tb\nc\u{fffd}d\u{fffd}[2J\u{fffd}");
    }

    #[test]
    fn args_are_summarized_from_schema() {
        for (schema, summary) in [
            (
                r#"{"type":"object","required":["path"],"properties":{"path":{"type":"string"},"depth":{"type":
                ["integer","null"]},"mode":{"enum":["fast",2]},"any":true}}"#,
                "path=string [depth=integer|null] [mode=fast|2] [any]",
            ),
            (r#"{"type":"array"}"#, "array"),
            (r#"{"type":"object"}"#, "object"),
            ("true", ""),
            ("{}", ""),
        ] {
            assert_eq!(args_summary(&schema.parse().unwrap()), summary, "{schema}");
        }
    }

    #[test]
    fn long_list_of_args_is_cut() {
        let properties: Vec<_> = (0..20).map(|number| format!("\"a{number}\":{{}}")).collect();
        let schema = format!("{{\"properties\":{{{}}}}}", properties.join(","));
        let summary = args_summary(&schema.parse().unwrap());
        assert!(summary.ends_with("[a11] …"), "{summary}");
    }
}
