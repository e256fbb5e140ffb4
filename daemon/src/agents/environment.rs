//! Environment variables, and programs on `PATH`. Tests pass variables of their own.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// Environment variables by name.
#[derive(Clone)]
pub struct Environment {
    lookup: Arc<Lookup>,
    /// What agent programs may inherit.
    names: Arc<[OsString]>,
}

/// Shows no variable: some are API keys.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

impl Environment {
    /// The variables that `lookup` returns. Agent programs inherit those whose names this process has as well.
    pub fn new(lookup: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self { lookup: Arc::new(lookup), names: std::env::vars_os().map(|(name, _)| name).collect() }
    }

    /// The variables of this process.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var_os(name))
    }

    /// Exactly these variables.
    pub fn of<N: Into<OsString>, V: Into<OsString>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let variables: HashMap<OsString, OsString> =
            variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let names = variables.keys().cloned().collect();
        Self { lookup: Arc::new(move |name| variables.get(OsStr::new(name)).cloned()), names }
    }

    /// All variables whose names are UTF-8.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, OsString)> {
        self.names.iter().filter_map(|name| name.to_str()).filter_map(|name| Some((name, self.value(name)?)))
    }

    /// A variable without surrounding blanks, unless it is empty or not UTF-8.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.value(name)?;
        value.to_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A variable with an absolute path. A relative one depends on the folder in which the daemon was started.
    pub(crate) fn directory(&self, name: &str) -> Option<PathBuf> {
        self.value(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// The user's home directory.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.directory("HOME").or_else(std::env::home_dir)
    }

    /// A variable as it is.
    pub(crate) fn value(&self, name: &str) -> Option<OsString> {
        (self.lookup)(name)
    }

    /// [`find_on_path`] with this `PATH`.
    pub(super) fn find_program(&self, name: &Path) -> Option<PathBuf> {
        find_on_path(&self.value("PATH").unwrap_or_default(), name)
    }

    /// The absolute path of a bare name that is on `PATH`; anything else unchanged.
    pub(crate) fn resolve(&self, program: &Path) -> PathBuf {
        let found = if is_bare_name(program) { self.find_program(program) } else { None };
        found.unwrap_or_else(|| program.to_owned())
    }
}

/// The absolute path of the first executable `name` in the folders of `path`. Relative entries are skipped: they depend on
/// the folder in which the daemon was started.
pub(crate) fn find_on_path(path: &OsStr, name: &Path) -> Option<PathBuf> {
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .find_map(|folder| which::which_in_global(name, Some(folder)).ok()?.next())
}

/// Whether a program is a name to search for on `PATH`, not a path.
pub(crate) fn is_bare_name(program: &Path) -> bool {
    Some(program.as_os_str()) == program.file_name()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::sources::script::executable;

    fn with_path(folders: &[&Path]) -> Environment {
        let path = std::env::join_paths(folders).unwrap();
        Environment::new(move |name| (name == "PATH").then(|| path.clone()))
    }

    #[test]
    fn blank_variable_is_unset() {
        let environment = Environment::new(|name| match name {
            "KEY" => Some(" sk-1\n".into()),
            "BLANK" => Some(" ".into()),
            _ => None,
        });
        assert_eq!(environment.text("KEY").as_deref(), Some("sk-1"));
        assert_eq!((environment.text("BLANK"), environment.text("OTHER")), (None, None));
    }

    #[test]
    fn directory_is_absolute() {
        let environment = Environment::new(|name| match name {
            "ABSOLUTE" => Some("/srv/codex".into()),
            "RELATIVE" => Some("codex".into()),
            "BLANK" => Some("".into()),
            _ => None,
        });
        assert_eq!(environment.directory("ABSOLUTE"), Some("/srv/codex".into()));
        for name in ["RELATIVE", "BLANK", "OTHER"] {
            assert_eq!(environment.directory(name), None, "{name}");
        }
    }

    #[test]
    fn process_environment_has_path() {
        assert_eq!(Environment::of_process().value("PATH"), std::env::var_os("PATH"));
    }

    #[test]
    fn finds_first_executable_file_on_path() {
        let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
        let [directory, not_executable, first, second] =
            [0, 1, 2, 3].map(|index: usize| folders[index].path());
        fs::create_dir(directory.join("codex")).unwrap();
        fs::write(not_executable.join("codex"), "").unwrap();
        for folder in [first, second] {
            executable(folder, "codex", "");
        }
        let environment = with_path(&[Path::new("/no/such"), directory, not_executable, first, second]);
        assert_eq!(environment.find_program(Path::new("codex")), Some(first.join("codex")));
        assert_eq!(environment.find_program(Path::new("opencode")), None);
    }

    #[test]
    fn skips_relative_path_entries() {
        let folder = tempfile::tempdir().unwrap();
        executable(folder.path(), "codex", "");
        let to_root: PathBuf = std::env::current_dir().unwrap().components().skip(1).map(|_| "..").collect();
        let relative = to_root.join(folder.path().strip_prefix("/").unwrap());
        assert!(relative.join("codex").is_file());
        assert_eq!(with_path(&[&relative, Path::new("")]).find_program(Path::new("codex")), None);
    }

    #[test]
    fn resolves_bare_names_only() {
        let folder = tempfile::tempdir().unwrap();
        let program = executable(folder.path(), "agent", "");
        let environment = with_path(&[folder.path()]);
        assert_eq!(environment.resolve(Path::new("agent")), program);
        for other in ["missing", "./agent", "bin/agent", "/bin/agent"] {
            assert_eq!(environment.resolve(Path::new(other)), Path::new(other));
        }
    }
}
