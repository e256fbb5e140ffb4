//! Finds the skills below a directory, and counts the files of one.
//!
//! Symbolic links to directories are followed, as both agent programs do: installers link skills that several of them share.
//! The number of entries that are read bounds the time, whatever a link points to.

use std::collections::HashSet;
use std::fs::FileType;
use std::io;
use std::path::{Path, PathBuf};

use super::home::is_missing;

/// The file that makes a directory a skill.
pub(super) const SKILL_FILE: &str = "SKILL.md";

/// The entries that are read of one directory. Codex visits at most 2,000 directories of a skills directory.
const ENTRIES_PER_DIRECTORY: usize = 4_000;

/// A count of files ends here: a larger number is of no use to users.
const FILES_PER_SKILL: u64 = 1_000;

/// How many entries one listing may still read. Codex reads 20,000 of each skills directory
/// (`MAX_SKILLS_ENTRIES_PER_ROOT` in its source).
#[derive(Debug)]
pub(super) struct Budget {
    search: usize,
    count: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { search: 40_000, count: 100_000 }
    }
}

/// Directories with a [`SKILL_FILE`].
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) found: Vec<PathBuf>,
    /// Without links, so that a link to a directory above is not followed for ever.
    visited: HashSet<PathBuf>,
}

impl Search {
    /// Searches `root` and `depth` levels below it, in the order of names. `root` itself may be a skill.
    ///
    /// # Errors
    /// `root` cannot be read. A missing one has no skills. Directories below it that cannot be read are skipped.
    pub(super) fn run(root: &Path, depth: usize, budget: &mut Budget) -> io::Result<Self> {
        let mut search = Self::default();
        match root.read_dir() {
            Ok(_) => search.visit(root, depth, budget),
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(search)
    }

    fn visit(&mut self, directory: &Path, depth: usize, budget: &mut Budget) {
        if !directory.canonicalize().is_ok_and(|path| self.visited.insert(path)) {
            return;
        }
        if directory.join(SKILL_FILE).is_file() {
            self.found.push(directory.to_owned());
        }
        if depth == 0 {
            return;
        }
        for (path, file_type) in entries(directory, &mut budget.search).unwrap_or_default() {
            if file_type.is_dir() || file_type.is_symlink() && path.is_dir() {
                self.visit(&path, depth - 1, budget);
            }
        }
    }
}

/// The number of files in `directory` and below, at most [`FILES_PER_SKILL`]. Links are not followed.
pub(super) fn count_files(directory: &Path, budget: &mut Budget) -> u64 {
    let mut files = 0;
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for (path, file_type) in entries(&directory, &mut budget.count).unwrap_or_default() {
            if file_type.is_dir() {
                directories.push(path);
            } else if file_type.is_file() || path.file_name() == Some(SKILL_FILE.as_ref()) {
                files += 1;
            }
            if files == FILES_PER_SKILL {
                return files;
            }
        }
    }
    files
}

/// The entries of a directory in the order of names, without hidden ones and those whose name is not Unicode.
fn entries(directory: &Path, budget: &mut usize) -> io::Result<Vec<(PathBuf, FileType)>> {
    let mut entries = Vec::new();
    for entry in directory.read_dir()?.take(ENTRIES_PER_DIRECTORY.min(*budget)) {
        *budget -= 1;
        let Ok(entry) = entry else { continue };
        let is_shown = entry.file_name().to_str().is_some_and(|name| !name.starts_with('.'));
        if let (true, Ok(file_type)) = (is_shown, entry.file_type()) {
            entries.push((entry.path(), file_type));
        }
    }
    entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn skill(root: &Path, path: &str) {
        fs::create_dir_all(root.join(path)).unwrap();
        fs::write(root.join(path).join(SKILL_FILE), "").unwrap();
    }

    fn found(root: &Path, depth: usize) -> Vec<String> {
        let found = Search::run(root, depth, &mut Budget::default()).unwrap().found;
        found.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect()
    }

    #[test]
    fn finds_skills_in_order_down_to_depth() {
        let root = tempfile::tempdir().unwrap();
        for path in ["b", "a", "b/inner", "group/c", ".hidden", "b/.git"] {
            skill(root.path(), path);
        }
        fs::create_dir(root.path().join("empty")).unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        assert_eq!(found(root.path(), 1), ["a", "b"]);
        assert_eq!(found(root.path(), 2), ["a", "b", "b/inner", "group/c"]);
        assert_eq!(found(&root.path().join("b"), 0), [""]);
    }

    #[test]
    fn missing_root_has_no_skills() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        assert!(found(&root.path().join("missing"), 2).is_empty());
        assert!(found(&root.path().join("file"), 2).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn follows_links_but_not_in_circles() {
        use std::os::unix::fs::symlink;

        let shared = tempfile::tempdir().unwrap();
        skill(shared.path(), "a");
        symlink(shared.path(), shared.path().join("a/up")).unwrap();
        let root = tempfile::tempdir().unwrap();
        skill(root.path(), "own");
        for (target, link) in [(shared.path().join("a"), "linked"), (root.path().to_owned(), "own/loop")] {
            symlink(target, root.path().join(link)).unwrap();
        }
        symlink("self", root.path().join("self")).unwrap();
        symlink("/no/such", root.path().join("dangling")).unwrap();
        assert_eq!(found(root.path(), 6), ["linked", "own"]);
    }

    #[test]
    fn huge_directory_does_not_use_up_budget() {
        let root = tempfile::tempdir().unwrap();
        skill(root.path(), "a");
        fs::create_dir(root.path().join("huge")).unwrap();
        for number in 0..=ENTRIES_PER_DIRECTORY {
            fs::write(root.path().join("huge").join(number.to_string()), "").unwrap();
        }
        skill(root.path(), "z");
        let mut budget = Budget::default();
        let search = Search::run(root.path(), 2, &mut budget).unwrap();
        assert_eq!(search.found.len(), 2);
        let read = Budget::default().search - budget.search;
        assert_eq!(read, 3 + 1 + ENTRIES_PER_DIRECTORY + 1);
    }

    #[test]
    fn search_ends_with_its_budget() {
        let root = tempfile::tempdir().unwrap();
        for number in 0..10 {
            skill(root.path(), &number.to_string());
        }
        let mut budget = Budget { search: 4, count: 0 };
        assert_eq!(Search::run(root.path(), 1, &mut budget).unwrap().found.len(), 4);
        assert_eq!(budget.search, 0);
        assert!(Search::run(root.path(), 1, &mut budget).unwrap().found.is_empty());
    }

    #[test]
    fn counts_files_of_all_levels() {
        let root = tempfile::tempdir().unwrap();
        skill(root.path(), "a");
        for path in ["a/scripts/deep", "a/.git"] {
            fs::create_dir_all(root.path().join(path)).unwrap();
        }
        for path in ["a/README", "a/scripts/x.sh", "a/scripts/deep/y", "a/.git/HEAD", "a/.env"] {
            fs::write(root.path().join(path), "").unwrap();
        }
        assert_eq!(count_files(&root.path().join("a"), &mut Budget::default()), 4);
    }

    #[cfg(unix)]
    #[test]
    fn count_follows_no_links() {
        let root = tempfile::tempdir().unwrap();
        skill(root.path(), "a");
        std::os::unix::fs::symlink(root.path(), root.path().join("a/up")).unwrap();
        assert_eq!(count_files(&root.path().join("a"), &mut Budget::default()), 1);
    }

    #[test]
    fn count_is_bounded() {
        let root = tempfile::tempdir().unwrap();
        for number in 0..FILES_PER_SKILL + 5 {
            fs::write(root.path().join(number.to_string()), "").unwrap();
        }
        assert_eq!(count_files(root.path(), &mut Budget::default()), FILES_PER_SKILL);
        assert_eq!(count_files(root.path(), &mut Budget { search: 0, count: 7 }), 7);
    }
}
