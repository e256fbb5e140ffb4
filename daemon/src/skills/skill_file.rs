//! The frontmatter of a `SKILL.md`: YAML between two lines `---` (Agent Skills, "Specification").
//!
//! Only `name` and `description` are read. Both agent programs accept what is not quite YAML, such as a colon in an unquoted
//! description, so lines are read if the YAML is malformed. The parser's events are read instead of a document, because a
//! document could expand aliases without limit.

use std::io;
use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::home::read_file;

/// How much of a file is read. The largest frontmatter that Codex accepts has 2 KiB of texts; the skill's instructions follow.
const PREFIX_BYTES: u64 = 64 << 10;

/// The fields of a `SKILL.md`, unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frontmatter {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
}

impl Frontmatter {
    /// Reads the beginning of the file.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let bytes = read_file(path, PREFIX_BYTES)?;
        Ok(Self::parse(&String::from_utf8_lossy(&bytes)))
    }

    /// A file without frontmatter has no name and no description.
    fn parse(text: &str) -> Self {
        let Some(yaml) = frontmatter(text) else { return Self::default() };
        Self::from_yaml(&yaml).unwrap_or_else(|| Self::from_lines(&yaml))
    }

    /// The fields of the mapping; `None` if the text is not a YAML mapping.
    fn from_yaml(yaml: &str) -> Option<Self> {
        let mut fields = Self::default();
        let mut depth = 0;
        let mut key = None;
        for event in Parser::new_from_str(yaml) {
            match event.ok()?.0 {
                Event::MappingStart(..) => depth += 1,
                Event::SequenceStart(..) if depth > 0 => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => {
                    depth -= 1;
                    if depth == 1 {
                        fields.add(&mut key, None);
                    }
                }
                Event::Scalar(text, style, ..) if depth == 1 => {
                    let is_null = style == ScalarStyle::Plain && matches!(text.as_ref(), "" | "~" | "null");
                    fields.add(&mut key, if is_null { None } else { Some(text.into_owned()) });
                }
                Event::Alias(_) if depth == 1 => fields.add(&mut key, None),
                Event::SequenceStart(..) | Event::Scalar(..) | Event::Alias(_) if depth == 0 => return None,
                _ => {}
            }
        }
        Some(fields)
    }

    /// Takes the next node of the mapping: keys and values alternate.
    fn add(&mut self, key: &mut Option<String>, node: Option<String>) {
        match key.take() {
            None => *key = Some(node.unwrap_or_default()),
            Some(name) => self.set(&name, node),
        }
    }

    fn set(&mut self, key: &str, value: Option<String>) {
        match key {
            "name" => self.name = value,
            "description" => self.description = value,
            _ => {}
        }
    }

    /// The fields of malformed YAML: a line `key: text`, and the indented lines after it.
    fn from_lines(yaml: &str) -> Self {
        let mut fields = Self::default();
        let mut lines = yaml.lines().peekable();
        while let Some(line) = lines.next() {
            let Some((key, first)) = line.split_once(':') else { continue };
            let mut value = match first.trim() {
                // The indicators of a block scalar.
                "|" | "|-" | "|+" | ">" | ">-" | ">+" => String::new(),
                text => unquoted(text).to_owned(),
            };
            while let Some(more) = lines.next_if(|line| line.is_empty() || line.starts_with([' ', '\t'])) {
                value = value + " " + more.trim();
            }
            fields.set(key, Some(value));
        }
        fields
    }
}

/// The lines between the first line and the next one that are `---`.
fn frontmatter(text: &str) -> Option<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines();
    lines.next().filter(|line| line.trim_end() == "---")?;
    let mut yaml = String::new();
    for line in lines {
        if line.trim_end() == "---" {
            return Some(yaml);
        }
        yaml.push_str(line);
        yaml.push('\n');
    }
    None
}

fn unquoted(text: &str) -> &str {
    let inside = |quote| text.strip_prefix(quote).and_then(|text: &str| text.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn fields(text: &str) -> (Option<String>, Option<String>) {
        let Frontmatter { name, description } = Frontmatter::parse(text);
        (name, description)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn reads_name_and_description() {
        for text in [
            "---\nname: a\ndescription: b c\n---\nbody\nname: x\n",
            "---\r\nname: a\r\ndescription: b c\r\n---\r\nbody\r\n",
            "\u{feff}---\nname: \"a\"\ndescription: 'b c'\n---\n",
            "---  \nmetadata:\n  name: x\n  list: [1, {name: x}]\nname: a # comment\ndescription: b c\n--- \n",
            "---\nname: &n a\nother: *n\n? [name]\n: x\ndescription: !!str b c\n---",
        ] {
            assert_eq!(fields(text), (some("a"), some("b c")), "{text}");
        }
    }

    #[test]
    fn reads_block_scalars() {
        let (_, description) = fields("---\nname: a\ndescription: >-\n  b\n  c\n\n  ---\nmore: d\n---\n");
        assert_eq!(description, some("b c\n---"));
    }

    #[test]
    fn scalars_of_other_types_are_texts() {
        assert_eq!(fields("---\nname: 12\ndescription: true\n---\n"), (some("12"), some("true")));
    }

    #[test]
    fn missing_values_are_absent() {
        for text in [
            "---\nname:\ndescription: ~\n---\n",
            "---\nname: null\n---\n",
            "---\nname: [a]\ndescription: {b: c}\n---\n",
            "---\n---\n",
            "---\n- name: a\n---\n",
            "---\njust text\n---\n",
            "---\nname: a\n",
            "name: a\ndescription: b\n",
            "body",
            "",
        ] {
            assert_eq!(fields(text), (None, None), "{text}");
        }
    }

    #[test]
    fn malformed_yaml_is_read_by_lines() {
        for text in [
            "---\nname: a\ndescription: use when: b c\n---\n",
            "---\nname: 'a'\ndescription: use when: b c\ntools: [\n---\n",
            "---\nname: \"a\"\ndescription: >-\n  use when: b\n\n  c\nbroken: 'x\n---\n",
        ] {
            assert_eq!(fields(text).0, some("a"), "{text}");
            let description = fields(text).1.unwrap();
            let words: Vec<_> = description.split_whitespace().collect();
            assert_eq!(words, ["use", "when:", "b", "c"], "{text}");
        }
    }

    /// A document of this text would have 10^9 nodes.
    #[test]
    fn aliases_are_not_expanded() {
        let mut yaml = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(",");
            yaml += &format!("a{level}: &a{level} [{aliases}]\n");
        }
        let fields = Frontmatter::from_yaml(&(yaml + "name: a\n")).unwrap();
        assert_eq!(fields.name, some("a"));
    }

    /// The parser may give up, but must not overflow the stack.
    #[test]
    fn deep_nesting_is_read() {
        for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
            let yaml = format!("---\nx: {}{}\nname: a\n---\n", open.repeat(10_000), close.repeat(10_000));
            assert_eq!(fields(&yaml).0, some("a"), "{open}");
        }
    }

    #[test]
    fn reads_only_beginning_of_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SKILL.md");
        let body = "x".repeat(10 * PREFIX_BYTES as usize);
        fs::write(&path, format!("---\nname: a\n---\n{body}")).unwrap();
        assert_eq!(Frontmatter::read(&path).unwrap().name, some("a"));
        fs::write(&path, format!("---\nlong: {body}\nname: a\n---\n")).unwrap();
        assert_eq!(Frontmatter::read(&path).unwrap(), Frontmatter::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// A panic of the parser would end the daemon.
        #[test]
        fn any_frontmatter_is_read(yaml in "[-a:?&*!|>'\"%@`#,{}\\[\\] \t\n0~<.é\u{feff}]{0,60}") {
            Frontmatter::parse(&format!("---\n{yaml}\n---\n"));
        }

        #[test]
        fn any_line_with_fields_is_read(text in "[a-z :]{1,40}") {
            let (name, description) = fields(&format!("---\nname: a\ndescription: x{text}\n---\n"));
            prop_assert_eq!(name, some("a"));
            let description = description.map(|description| description.trim().to_owned());
            prop_assert_eq!(description, some(format!("x{text}").trim()));
        }
    }
}
