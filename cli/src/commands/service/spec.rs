//! What a service runs, whatever runs it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The user of a service of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) home: PathBuf,
}

#[derive(Clone, Debug, Default)]
pub(super) struct ServiceSpec {
    /// Of the machine, not of a user.
    pub(super) is_system: bool,
    /// This program.
    pub(super) program: String,
    /// The options of `doorbell daemon`.
    pub(super) options: Vec<String>,
    pub(super) environment: BTreeMap<&'static str, String>,
    /// The file with the token, for a service that cannot read it itself.
    pub(super) credential: Option<PathBuf>,
    pub(super) account: Option<Account>,
    /// The home of the installing user.
    pub(super) home: Option<PathBuf>,
    /// Where the daemon of the installing user keeps its state.
    pub(super) state_directory: Option<PathBuf>,
}

impl ServiceSpec {
    /// The program and its arguments.
    pub(super) fn command(&self) -> impl Iterator<Item = &str> {
        [self.program.as_str(), "daemon"].into_iter().chain(self.options.iter().map(String::as_str))
    }
}

/// The variables that say where the server is and how to reach it, and no secret. The token's variable is not one of them: every
/// user can read a unit.
const VARIABLES: [&str; 12] = [
    "DOORBELL_URL",
    "DOORBELL_WORKSPACE",
    "DOORBELL_DAEMON_ID",
    "DOORBELL_ALLOW_HTTP",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// The variables that only a user's own service gets: a service of the machine has its own directories.
const USER_VARIABLES: [&str; 6] = [
    "DOORBELL_STATE_DIR",
    "DOORBELL_TOKEN_FILE",
    "XDG_STATE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
];

/// Whether a variable holds a URL, which may have a password.
fn is_url(name: &str) -> bool {
    name == "DOORBELL_URL" || name.to_ascii_uppercase().ends_with("_PROXY")
}

/// The environment of a service: `PATH`, with which agent programs are found, and where the server is. A server or a proxy with a
/// password is left out.
pub(super) fn environment(
    is_system: bool,
    variable: impl Fn(&str) -> Option<OsString>,
) -> BTreeMap<&'static str, String> {
    let user: &[&str] = if is_system { &[] } else { &USER_VARIABLES };
    let names = VARIABLES.iter().chain(user);
    let value = |name: &str| variable(name)?.into_string().ok().filter(|value| !value.is_empty());
    let is_public = |name: &str, value: &str| !(is_url(name) && value.contains('@'));
    let mut environment: BTreeMap<_, _> =
        names.filter_map(|&name| Some((name, value(name).filter(|value| is_public(name, value))?))).collect();
    if let Some(path) = variable("PATH") {
        let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
        let path = std::env::join_paths(folders).ok().and_then(|path| path.into_string().ok());
        environment.extend(path.filter(|path| !path.is_empty()).map(|path| ("PATH", path)));
    }
    environment
}

/// The options whose value is a path, which would depend on the folder where the service starts.
const PATHS: [&str; 3] = ["--config", "--file", "--token-file"];

/// `options` with absolute paths.
pub(super) fn with_absolute_paths(options: Vec<String>, folder: &Path) -> Vec<String> {
    let absolute = |path: &str| folder.join(path).to_string_lossy().into_owned();
    let mut is_path = false;
    let map = |option: String| {
        if std::mem::take(&mut is_path) {
            return absolute(&option);
        }
        is_path = PATHS.contains(&option.as_str());
        match option.split_once('=') {
            Some((name, path)) if PATHS.contains(&name) => format!("{name}={}", absolute(path)),
            _ => option,
        }
    };
    options.into_iter().map(map).collect()
}

/// Takes `--token-file` out of `options`.
pub(super) fn take_token_file(options: &mut Vec<String>) -> Option<PathBuf> {
    const NAME: &str = "--token-file";
    let index = options.iter().position(|option| option.split('=').next() == Some(NAME))?;
    let option = options.remove(index);
    match option.split_once('=') {
        Some((_, path)) => Some(path.into()),
        None if index < options.len() => Some(options.remove(index).into()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(options: &[&str]) -> Vec<String> {
        options.iter().map(|option| (*option).to_owned()).collect()
    }

    fn captured(is_system: bool, variables: &[(&str, &str)]) -> BTreeMap<&'static str, String> {
        let value =
            |name: &str| variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value);
        environment(is_system, |name| value(name).map(OsString::from))
    }

    #[test]
    fn paths_do_not_depend_on_the_folder() {
        let options = ["--config", "a.toml", "--file=b.json", "--token-file", "/c", "--command", "d e"];
        let expected =
            ["--config", "/x/a.toml", "--file=/x/b.json", "--token-file", "/c", "--command", "d e"];
        assert_eq!(with_absolute_paths(owned(&options), Path::new("/x")), expected);
    }

    #[test]
    fn takes_token_file_out_of_the_options() {
        for options in [
            &["--no-push", "--token-file", "/t", "--url", "u"][..],
            &["--no-push", "--token-file=/t", "--url", "u"],
        ] {
            let mut options = owned(options);
            assert_eq!(take_token_file(&mut options), Some(PathBuf::from("/t")));
            assert_eq!(options, ["--no-push", "--url", "u"]);
        }
        assert_eq!(take_token_file(&mut owned(&["--no-push"])), None);
    }

    #[test]
    fn environment_has_no_secret() {
        let variables = [
            ("DOORBELL_TOKEN", "dbd_example"),
            ("OPENAI_API_KEY", "example"),
            ("HTTPS_PROXY", "http://me:secret@proxy:3128"),
            ("HTTP_PROXY", "http://proxy:3128"),
            ("DOORBELL_URL", "https://doorbell.example.com"),
        ];
        let expected = [
            ("DOORBELL_URL", "https://doorbell.example.com".to_owned()),
            ("HTTP_PROXY", "http://proxy:3128".to_owned()),
        ];
        assert_eq!(captured(false, &variables), expected.into());
    }

    /// Homes of users of a directory service have one: `/home/alice@example.com`.
    #[test]
    fn environment_keeps_at_sign_outside_of_urls() {
        let variables =
            [("DOORBELL_DAEMON_ID", "alice@laptop"), ("XDG_STATE_HOME", "/home/alice@example.com/.state")];
        let expected = variables.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(captured(false, &variables), expected.into());
    }

    #[test]
    fn path_has_absolute_folders_only() {
        let environment = captured(true, &[("PATH", "/a/bin:.:bin::/usr/bin")]);
        assert_eq!(environment, [("PATH", "/a/bin:/usr/bin".to_owned())].into());
    }

    #[test]
    fn service_of_the_machine_has_its_own_directories() {
        let variables = [("DOORBELL_STATE_DIR", "/home/a/state"), ("XDG_STATE_HOME", "/home/a/.state")];
        assert!(captured(true, &variables).is_empty());
        assert_eq!(captured(false, &variables).len(), 2);
    }
}
