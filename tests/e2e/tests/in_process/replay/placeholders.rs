//! Placeholders for what differs between two runs.
//!
//! | placeholder | received | sent |
//! |---|---|---|
//! | `<id 1>` | the first UUID with hyphens, except those of workspaces | that id |
//! | `<request 1>` | the first UUIDv7 without hyphens | that id |
//! | `<cursor 1>` | the first cursor of a link, which is opaque for clients | that cursor |
//! | `<time +5001 ms>` | a time in RFC 3339 with milliseconds, since the start | |
//! | `<new daemon>` | | a unique daemon id |
//! | `<daemon 1>` | the first of these ids | |
//! | `<3 × "ab">` | | `ababab` |
//! | `<hex ff>` | | the byte 0xff |
//!
//! Numbers count in order of appearance.

use doorbell_protocol::Timestamp;
use doorbell_test_support::client::new_daemon_id;

/// In masks, `x` is a hex digit in lower case and `0` is a decimal digit.
const ID: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
const REQUEST: &str = "xxxxxxxxxxxx7xxxxxxxxxxxxxxxxxxx";
const DAEMON: &str = "daemon-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
const TIME: &str = "0000-00-00T00:00:00.000Z";

const CURSOR: &str = "cursor=";

pub(crate) struct Placeholders {
    start: Timestamp,
    workspaces: [&'static str; 2],
    ids: Vec<String>,
    requests: Vec<String>,
    daemons: Vec<String>,
    cursors: Vec<String>,
}

impl Placeholders {
    pub(crate) fn new(start: Timestamp, workspaces: [&'static str; 2]) -> Self {
        let [ids, requests, daemons, cursors] = Default::default();
        Self { start, workspaces, ids, requests, daemons, cursors }
    }

    /// A received header or body with placeholders.
    pub(crate) fn normalize(&mut self, received: &str) -> String {
        let mut normalized = String::with_capacity(received.len());
        let mut rest = received;
        while let Some(first) = rest.chars().next() {
            let is_start = !normalized.ends_with(|last: char| last.is_ascii_alphanumeric());
            let (length, placeholder) = if is_start { self.placeholder(rest) } else { None }
                .unwrap_or_else(|| (first.len_utf8(), first.to_string()));
            normalized.push_str(&placeholder);
            rest = &rest[length..];
        }
        normalized
    }

    /// The length of the value that `text` begins with, and its placeholder.
    fn placeholder(&mut self, text: &str) -> Option<(usize, String)> {
        if let Some(cursor) = text.strip_prefix(CURSOR) {
            let cursor = cursor.split(['&', '>']).next()?;
            let number = number(&mut self.cursors, cursor);
            return Some((CURSOR.len() + cursor.len(), format!("{CURSOR}<cursor {number}>")));
        }
        if let Some(id) = matching(text, ID).filter(|id| !self.workspaces.contains(id)) {
            return Some((id.len(), format!("<id {}>", number(&mut self.ids, id))));
        }
        if let Some(request) = matching(text, REQUEST) {
            return Some((request.len(), format!("<request {}>", number(&mut self.requests, request))));
        }
        if let Some(daemon) = matching(text, DAEMON) {
            return Some((daemon.len(), format!("<daemon {}>", number(&mut self.daemons, daemon))));
        }
        let time = matching(text, TIME)?;
        let parsed: Timestamp = serde_json::from_value(time.into()).ok()?;
        Some((time.len(), format!("<time {:+} ms>", parsed.millis() - self.start.millis())))
    }

    /// A path or body to send, without placeholders. A `<` that begins none stays.
    ///
    /// # Panics
    /// When a placeholder's value has not been received.
    pub(crate) fn expand(&self, sent: &str) -> Vec<u8> {
        let mut expanded = Vec::with_capacity(sent.len());
        let mut rest = sent;
        while let Some((before, after)) = rest.split_once('<') {
            expanded.extend(before.bytes());
            rest = match self.value(after) {
                Some((value, after)) => {
                    expanded.extend(value);
                    after
                }
                None => {
                    expanded.push(b'<');
                    after
                }
            };
        }
        expanded.extend(rest.bytes());
        expanded
    }

    /// The value of the placeholder that `text` is the rest of, and what follows it.
    fn value<'t>(&self, text: &'t str) -> Option<(Vec<u8>, &'t str)> {
        if let Some((count, rest)) = text.split_once(" × \"")
            && let Ok(count) = count.parse()
        {
            let (repeated, after) = rest.split_once("\">")?;
            return Some((repeated.repeat(count).into(), after));
        }
        let (placeholder, after) = text.split_once('>')?;
        let (name, argument) = placeholder.split_once(' ')?;
        let value = match name {
            "id" => received(&self.ids, placeholder, argument),
            "request" => received(&self.requests, placeholder, argument),
            "cursor" => received(&self.cursors, placeholder, argument),
            "new" => new_daemon_id().into(),
            "hex" => bytes(argument),
            _ => return None,
        };
        Some((value, after))
    }
}

/// The number of `value` in order of appearance, from 1.
fn number(values: &mut Vec<String>, value: &str) -> usize {
    let index = values.iter().position(|known| known == value).unwrap_or_else(|| {
        values.push(value.to_owned());
        values.len() - 1
    });
    index + 1
}

fn received(values: &[String], placeholder: &str, number: &str) -> Vec<u8> {
    let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let value = index.and_then(|index| values.get(index));
    value.unwrap_or_else(|| panic!("<{placeholder}> has not been received")).as_bytes().to_vec()
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    hex.as_bytes().chunks(2).map(byte).collect()
}

/// What `text` begins with, if it matches `mask` and no letter or digit follows.
fn matching<'t>(text: &'t str, mask: &str) -> Option<&'t str> {
    let (value, after) = text.split_at_checked(mask.len())?;
    let is_end = !after.starts_with(|next: char| next.is_ascii_alphanumeric());
    let matches = value.bytes().zip(mask.bytes()).all(|(byte, mask)| match mask {
        b'x' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        b'0' => byte.is_ascii_digit(),
        _ => byte == mask,
    });
    (is_end && matches).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "00000000-0000-4000-8000-00000000000a";

    fn placeholders() -> Placeholders {
        let start = Timestamp::from_millis(1_795_318_867_120).unwrap();
        Placeholders::new(start, [WORKSPACE, WORKSPACE])
    }

    #[test]
    fn replaces_ids_cursors_and_times() {
        let received = "11111111-2222-4333-8444-555555555555 01930000000070008000000000000001 \
            daemon-0193000000007000800000000000000a 2026-11-22T03:41:08.121Z <?cursor=x.y> \
            01930000000070008000000000000002 01930000000070008000000000000001";
        let expected =
            "<id 1> <request 1> <daemon 1> <time +1001 ms> <?cursor=<cursor 1>> <request 2> <request 1>";
        assert_eq!(placeholders().normalize(received), expected);
    }

    /// Another spelling is a difference.
    #[test]
    fn keeps_everything_else() {
        for other in [
            WORKSPACE,
            "11111111-2222-4333-8444-55555555555A",
            "11111111222243338444555555555555",
            "01930000000070008000000000000001a",
            "2026-11-22T03:41:07Z",
            "2026-11-22T03:41:07.1234Z",
            "2026-11-22T03:41:07.123+00:00",
            "2026-13-22T03:41:07.123Z",
            "null ü 𝄞",
        ] {
            assert_eq!(placeholders().normalize(other), other);
        }
    }

    #[test]
    fn expands_what_normalize_has_replaced() {
        let mut placeholders = placeholders();
        let id = "11111111-2222-4333-8444-555555555555";
        placeholders.normalize(id);
        let sent = placeholders.expand(r#"["<id 1>",<2 × "{"c":1},">0,"<b>"]"#);
        assert_eq!(String::from_utf8(sent).unwrap(), format!(r#"["{id}",{{"c":1}},{{"c":1}},0,"<b>"]"#));
        assert_eq!(placeholders.expand("a<hex fffe>"), b"a\xff\xfe");
    }
}
