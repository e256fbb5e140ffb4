//! The layout of JSON text. Numbers and strings keep their spelling, which a parsed value would lose (1.10, 1e400).

use std::fmt::Write as _;

use doorbell_protocol::is_layout_control;

/// With one member or element a line.
pub(super) fn pretty(json: &str) -> String {
    lay_out(json, true)
}

/// On one line.
pub(super) fn compact(json: &str) -> String {
    lay_out(json, false)
}

/// Characters that could control a terminal are escaped, which does not change the value. `json` is well-formed, so that they are
/// inside of strings.
fn lay_out(json: &str, with_lines: bool) -> String {
    let mut text = String::with_capacity(json.len());
    let mut depth = 0;
    let mut in_string = false;
    let mut is_escaped = false;
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        if in_string {
            push_escaped(&mut text, letter);
            in_string = is_escaped || letter != '"';
            is_escaped = letter == '\\' && !is_escaped;
            continue;
        }
        match letter {
            ' ' | '\t' | '\r' | '\n' => {}
            '{' | '[' => {
                text.push(letter);
                while letters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(close) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    text.push(close);
                } else {
                    depth += 1;
                    break_line(&mut text, depth, with_lines);
                }
            }
            '}' | ']' => {
                depth -= 1;
                break_line(&mut text, depth, with_lines);
                text.push(letter);
            }
            ',' => {
                text.push(letter);
                break_line(&mut text, depth, with_lines);
            }
            ':' => text.push_str(if with_lines { ": " } else { ":" }),
            _ => {
                in_string = letter == '"';
                text.push(letter);
            }
        }
    }
    text
}

fn break_line(text: &mut String, depth: usize, with_lines: bool) {
    if with_lines {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    }
}

/// Every control and layout character is in the Basic Multilingual Plane, so one escape is enough.
fn push_escaped(text: &mut String, letter: char) {
    if letter.is_control() || is_layout_control(letter) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\\u{:04x}", u32::from(letter));
    } else {
        text.push(letter);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const TEXT: &str = "{ \"a\" :[1.10 ,1e400,{}, [ ]],\n\"b\\\\\":\"x,\\\"{:\\\\\", \"c\":{\"d\":null}}";

    #[test]
    fn pretty_has_one_value_a_line() {
        let expected = "\
{
  \"a\": [
    1.10,
    1e400,
    {},
    []
  ],
  \"b\\\\\": \"x,\\\"{:\\\\\",
  \"c\": {
    \"d\": null
  }
}";
        assert_eq!(pretty(TEXT), expected);
    }

    #[test]
    fn compact_has_one_line() {
        assert_eq!(compact(TEXT), "{\"a\":[1.10,1e400,{},[]],\"b\\\\\":\"x,\\\"{:\\\\\",\"c\":{\"d\":null}}");
        assert_eq!([compact(" 1 "), pretty("\"a b\"")], ["1", "\"a b\""]);
    }

    #[test]
    fn control_characters_are_escaped_without_changing_value() {
        let text = "[\"\u{7f}\u{9b}31m\u{202e}\u{2028}ü🙂\"]";
        let escaped = compact(text);
        assert_eq!(escaped, "[\"\\u007f\\u009b31m\\u202e\\u2028ü🙂\"]");
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(value(&escaped), value(text));
    }
}
