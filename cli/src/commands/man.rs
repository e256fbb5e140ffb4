//! `doorbell man`: a page for each command, with sections for notes and examples.

use std::fs;
use std::io;
use std::path::Path;

use clap::builder::{Resettable, StyledStr};
use clap::{Command, CommandFactory as _};
use clap_mangen::roff::{Roff, roman};

use super::CommandError;
use crate::arguments::{Arguments, Man};

/// How the examples of a help text begin.
const EXAMPLES: &str = "Examples:\n";

/// Writes the pages. Replaces those of an earlier version.
pub(super) fn run(arguments: &Man) -> Result<(), CommandError> {
    let directory = &arguments.directory;
    let failed = |error: io::Error| {
        let text = format!("the man pages cannot be written to {}: {error}", directory.display());
        io::Error::new(error.kind(), text)
    };
    write_all(directory).map_err(failed)?;
    Ok(())
}

fn write_all(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for (name, page) in pages()? {
        fs::write(directory.join(name), page)?;
    }
    Ok(())
}

/// The pages of all commands, by file name.
fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    // The page of `doorbell help` would repeat the others.
    let mut root = Arguments::command().disable_help_subcommand(true);
    // Gives subcommands their full names and the global options.
    root.build();
    let mut pages = Vec::new();
    add_pages(root, &mut pages)?;
    Ok(pages)
}

fn add_pages(command: Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for subcommand in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        add_pages(subcommand.clone(), pages)?;
    }
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    // `clap_mangen` would fill the help text into paragraphs, under the heading EXTRA.
    let man = clap_mangen::Man::new(command.after_help(Resettable::<StyledStr>::Reset))
        .manual("Doorbell")
        .source(concat!("doorbell ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render(&mut page)?;
    let (notes, examples) = help.split_once(EXAMPLES).unwrap_or((&help, ""));
    as_written("NOTES", notes).to_writer(&mut page)?;
    as_written("EXAMPLES", examples).to_writer(&mut page)?;
    pages.push((man.get_filename(), page));
    Ok(())
}

/// A section whose lines stay as they are; nothing without text.
fn as_written(heading: &str, text: &str) -> Roff {
    let mut section = Roff::new();
    if text.trim().is_empty() {
        return section;
    }
    section.control("SH", [heading]).control("nf", []);
    for line in text.trim_end().lines() {
        section.text([roman(line)]);
    }
    section.control("fi", []);
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(name: &str) -> String {
        let pages = pages().unwrap();
        let (_, page) = pages.into_iter().find(|(page, _)| page == name).unwrap();
        String::from_utf8(page).unwrap()
    }

    /// The file names of the pages of `command` and of its subcommands, from the names that users type.
    fn expected(command: &Command, path: &str) -> Vec<String> {
        let subcommands = command
            .get_subcommands()
            .flat_map(|subcommand| expected(subcommand, &format!("{path}-{}", subcommand.get_name())));
        [format!("{path}.1")].into_iter().chain(subcommands).collect()
    }

    #[test]
    fn every_command_has_a_page() {
        let mut names: Vec<_> = pages().unwrap().into_iter().map(|(name, _)| name).collect();
        let mut expected = expected(&Arguments::command(), "doorbell");
        names.sort();
        expected.sort();
        assert_eq!(names, expected);
    }

    #[test]
    fn every_command_and_option_is_described() {
        for (name, page) in pages().unwrap() {
            let page = String::from_utf8(page).unwrap();
            let (_, description) = page.split_once(".SH DESCRIPTION\n").unwrap();
            let paragraph = description.lines().next().unwrap_or_default();
            assert!(!paragraph.starts_with('.') && !paragraph.is_empty(), "{name}: no description");
            // `.TP`, the option or command, and its text.
            for entry in description.split(".TP\n").skip(1) {
                let mut lines = entry.lines();
                let term = lines.next().unwrap_or_default();
                let text = lines.next().unwrap_or_default();
                assert!(!text.starts_with('.') && !text.is_empty(), "{name}: {term} has no text");
            }
        }
    }

    #[test]
    fn examples_keep_their_lines() {
        let page = page("doorbell-runtimes.1");
        let (_, examples) = page.split_once(".SH EXAMPLES\n.nf\n").unwrap();
        let examples: Vec<_> = examples.lines().take_while(|line| *line != ".fi").collect();
        assert!(examples.contains(&"  doorbell runtimes \\-\\-json"), "{examples:?}");
        assert!(!page.contains("Examples:"), "{page}");
    }

    #[test]
    fn notes_come_before_examples() {
        let page = page("doorbell-daemon.1");
        let (_, notes) = page.split_once(".SH NOTES\n").unwrap();
        let (notes, _) = notes.split_once(".SH EXAMPLES\n").unwrap();
        assert!(notes.contains("\n  [[agent]]\n"), "{notes}");
    }

    #[test]
    fn footer_has_the_version() {
        let source = concat!("\"doorbell ", env!("CARGO_PKG_VERSION"), "\" Doorbell\n");
        for name in ["doorbell.1", "doorbell-token-create.1"] {
            let page = page(name);
            let title = page.lines().find(|line| line.starts_with(".TH ")).unwrap();
            assert!(format!("{title}\n").ends_with(source), "{title}");
        }
    }

    #[test]
    fn names_variables_of_environment() {
        assert!(page("doorbell-daemon.1").contains("\\fBDOORBELL_WORKSPACE\\fR environment variable"));
    }
}
