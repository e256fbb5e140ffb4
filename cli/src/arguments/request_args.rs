//! The arguments of a request: `--args` and `--arg`.

use doorbell_protocol::Json;
use serde_json::value::RawValue;

/// Any JSON value.
pub(super) fn args(text: &str) -> Result<Json, String> {
    text.parse().map_err(|error| format!("not a JSON value such as {{\"path\":\"/srv\"}}: {error}"))
}

/// A key, and a value that is JSON unless it is a JSON string or no JSON at all.
pub(super) fn arg(text: &str) -> Result<(String, Json), String> {
    let (key, value) = text.split_once('=').ok_or("not of the form key=value")?;
    if key.is_empty() {
        return Err("the key is empty".to_owned());
    }
    let raw = match serde_json::from_str::<Box<RawValue>>(value) {
        Ok(raw) if !raw.get().starts_with('"') => raw,
        _ => serde_json::value::to_raw_value(value).map_err(|error| error.to_string())?,
    };
    Ok((key.to_owned(), raw.try_into().map_err(|error| format!("{key} is {error}"))?))
}

/// The members as an object, in their order.
pub(super) fn object(members: &[(String, Json)]) -> Result<Json, String> {
    let mut texts: Vec<String> = Vec::new();
    for (index, (key, value)) in members.iter().enumerate() {
        if members.iter().take(index).any(|(earlier, _)| earlier == key) {
            return Err(format!("the argument '{key}' is given twice"));
        }
        texts.push(format!("{}:{}", serde_json::Value::from(key.as_str()), value.as_str()));
    }
    format!("{{{}}}", texts.join(",")).parse().map_err(|error: serde_json::Error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arg_is_json_or_string() {
        for (text, value) in [
            ("n=2", "2"),
            ("n=1e400", "1e400"),
            ("n=-0.10", "-0.10"),
            ("b=true", "true"),
            ("b=null", "null"),
            ("a=[1, {\"b\":2}]", "[1, {\"b\":2}]"),
            ("s=/srv", "\"/srv\""),
            ("s=", "\"\""),
            ("s=a=b", "\"a=b\""),
            ("s=\"quoted\"", r#""\"quoted\"""#),
            ("s=[1", "\"[1\""),
            ("s=2 apples", "\"2 apples\""),
            ("s=ünï\u{1}", r#""ünï\u0001""#),
        ] {
            let (key, json) = arg(text).unwrap();
            assert_eq!((key.as_str(), json.as_str()), (&text[..1], value), "{text}");
        }
    }
}
