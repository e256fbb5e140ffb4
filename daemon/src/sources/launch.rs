//! How a known agent program is started: which file, with which environment.
//!
//! An agent program runs other programs and code of strangers, so it gets neither the daemon's token nor another agent's API
//! key: see [`AgentEnvironment`].

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::ModelSource;
use super::process::Program;
use crate::agents::environment::{Environment, is_bare_name};

/// The prefix of the daemon's own variables.
const DAEMON_PREFIX: &str = "DOORBELL_";

/// Systemd's directory of the daemon's secrets.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// An agent program that the daemon can ask for its models. Each is a constant `PROGRAM` in a file of its own, and a line in
/// [`KNOWN`](crate::agents::known::KNOWN).
#[derive(Debug)]
pub(crate) struct KnownProgram {
    /// The type in registrations and in the configuration, such as `claude`.
    pub(crate) provider: &'static str,
    /// The name for display, such as `Claude Code`.
    pub(crate) name: &'static str,
    /// Names on `PATH`. The first that is found counts.
    pub(crate) executables: &'static [&'static str],
    /// Environment variables with its own API keys. Only programs that name a variable here get it.
    pub(crate) keys: &'static [&'static str],
    /// Creates the source. Runs nothing.
    pub(crate) source: fn(&Launch) -> Arc<dyn ModelSource>,
}

impl PartialEq for KnownProgram {
    fn eq(&self, other: &Self) -> bool {
        self.provider == other.provider
    }
}

impl Eq for KnownProgram {}

/// A program and its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    /// An absolute path, or a bare name that was not on `PATH`.
    pub(crate) program: PathBuf,
    pub(crate) environment: AgentEnvironment,
}

impl Launch {
    /// The program with `arguments`, in the home directory. Agent programs read the configuration of their working directory, which
    /// may name plugins and servers to start, and the daemon may have been started in a folder of strangers.
    pub(crate) fn with(&self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Program {
        let program = self.here(arguments);
        // A relative path starts at the working directory of this process.
        let home = self.home().filter(|_| self.program.is_absolute() || is_bare_name(&self.program));
        match home {
            Some(home) => program.in_directory(home),
            None => program,
        }
    }

    /// The program with `arguments` of the machine's owner, which may have relative paths: in the working directory of this process.
    pub(crate) fn here(&self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Program {
        Program::new(self.program.clone(), arguments).in_environment(self.environment.clone())
    }

    fn home(&self) -> Option<PathBuf> {
        let home = self.environment.value("HOME").map(PathBuf::from);
        home.filter(|home| home.is_absolute() && home.is_dir())
    }

    /// A program without variables but those of this process, for tests.
    #[cfg(test)]
    pub(crate) fn of(program: impl Into<PathBuf>) -> Self {
        let environment = AgentEnvironment::new(&Environment::of_process(), |_| false);
        Self { program: program.into(), environment }
    }
}

/// The environment of an agent program: the daemon's, without `DOORBELL_*`, `CREDENTIALS_DIRECTORY` and the API keys of other
/// agents.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AgentEnvironment(Arc<[(String, OsString)]>);

/// Shows names only: values may be secrets.
impl fmt::Debug for AgentEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl AgentEnvironment {
    /// The variables of `environment` that are neither the daemon's nor `of_another`.
    pub(crate) fn new(environment: &Environment, of_another: impl Fn(&str) -> bool) -> Self {
        let variables = environment.variables().filter(|(name, _)| !is_of_daemon(name) && !of_another(name));
        let mut variables: Vec<_> = variables.map(|(name, value)| (name.to_owned(), value)).collect();
        variables.sort_unstable();
        Self(variables.into())
    }

    /// A variable as it is.
    pub(crate) fn value(&self, name: &str) -> Option<&OsString> {
        self.variables().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Names and values.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&String, &OsString)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

/// Whether a variable is the daemon's own. Windows ignores the case of names.
pub(crate) fn is_of_daemon(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.starts_with(DAEMON_PREFIX) || name == CREDENTIALS_DIRECTORY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::script::executable;

    #[tokio::test]
    async fn program_gets_no_variable_of_daemon_or_other_agent() {
        let folder = tempfile::tempdir().unwrap();
        let program = executable(folder.path(), "agent", "export -p");
        let path = std::env::var("PATH").unwrap();
        let environment = Environment::of([
            ("PATH", path.as_str()),
            ("DOORBELL_TOKEN", "secret-1"),
            ("doorbell_token", "secret-2"),
            ("CREDENTIALS_DIRECTORY", "/secret-3"),
            ("OTHER_API_KEY", "secret-4"),
            ("MY_API_KEY", "mine"),
        ]);
        let environment = AgentEnvironment::new(&environment, |name| name == "OTHER_API_KEY");
        let launch = Launch { program, environment };
        let output = launch.with(["x"]).run().await.unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        assert!(output.contains("MY_API_KEY") && !output.contains("secret"), "{output}");
    }

    async fn working_directory(program: Program) -> PathBuf {
        String::from_utf8(program.run().await.unwrap().stdout).unwrap().trim_end().into()
    }

    #[tokio::test]
    async fn program_runs_in_home_unless_arguments_are_the_owners() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().canonicalize().unwrap();
        let program = executable(&home, "agent", "pwd");
        let launch = |home: &str| {
            let path = std::env::var("PATH").unwrap();
            let environment = Environment::of([("PATH", path.as_str()), ("HOME", home)]);
            let environment = AgentEnvironment::new(&environment, |_| false);
            Launch { program: program.clone(), environment }
        };
        let here = std::env::current_dir().unwrap();
        let launched = launch(home.to_str().unwrap());
        assert_eq!(working_directory(launched.with(["x"])).await, home);
        assert_eq!(working_directory(launched.here(["x"])).await, here);
        for missing in ["/no/such", "relative", ""] {
            assert_eq!(working_directory(launch(missing).with(["x"])).await, here, "{missing}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let environment = AgentEnvironment::new(&Environment::of([("KEY", "secret")]), |_| false);
        assert_eq!(format!("{environment:?}"), r#"["KEY"]"#);
    }
}
