//! Tokens that are given to a command, in arguments, files and the environment.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use doorbell_gateway::TOKENS;

use crate::arguments::TokenArgs;
use crate::commands::CommandError;
use crate::commands::error::TokenFileProblem;
use crate::output;
use crate::secret::Secret;

/// A token has fewer bytes: API Gateway accepts headers of 10 KB.
const MAX_BYTES: u64 = 16 << 10;

/// The name of the token among the credentials of a systemd unit.
const CREDENTIAL: &str = "doorbell-token";

/// The first of `--token`, `--token-file`, `DOORBELL_TOKEN` and `DOORBELL_TOKEN_FILE`.
pub(super) fn given(arguments: &TokenArgs) -> Result<Option<Secret>, CommandError> {
    if let Some(token) = &arguments.token {
        return Ok(Some(token.clone()));
    }
    if let Some(path) = &arguments.token_file {
        return read_file(path).map(Some);
    }
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(token) = variable("DOORBELL_TOKEN") {
        return Ok(Secret::new(&token.to_string_lossy()));
    }
    variable("DOORBELL_TOKEN_FILE").map(|path| read_file(Path::new(&path))).transpose()
}

/// The credential `doorbell-token` of a systemd unit (systemd.exec, "LoadCredential=").
pub(super) fn of_unit() -> Result<Option<Secret>, CommandError> {
    let directory = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|value: &OsString| !value.is_empty());
    let path = directory.map(|directory| PathBuf::from(directory).join(CREDENTIAL));
    match path.filter(|path| path.exists()) {
        Some(path) => read(&path).map(Some),
        None => Ok(None),
    }
}

/// For a command that runs for long, during which every user of the machine can list its arguments.
pub(super) fn warn_if_visible(arguments: &TokenArgs) {
    let is_public = |token: &Secret| TOKENS.iter().any(|public| public.token == token.reveal());
    if arguments.token.as_ref().is_some_and(|token| !is_public(token)) {
        output::warning(
            "other users of this machine can see the token in the list of processes; use --token-file, DOORBELL_TOKEN_FILE or \
             `doorbell join`",
        );
    }
}

/// The token in a file, or on standard input if `path` is `-`.
pub(in crate::commands) fn read_file(path: &Path) -> Result<Secret, CommandError> {
    if path == Path::new("-") {
        return read_to_limit(&mut io::stdin()).map_err(|problem| error(path, problem));
    }
    read(path)
}

fn read(path: &Path) -> Result<Secret, CommandError> {
    let file = File::open(path).map_err(TokenFileProblem::NotRead);
    file.and_then(|mut file| read_to_limit(&mut file)).map_err(|problem| error(path, problem))
}

fn read_to_limit(reader: &mut impl Read) -> Result<Secret, TokenFileProblem> {
    let mut text = String::new();
    reader.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(TokenFileProblem::NotRead)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(TokenFileProblem::TooLong);
    }
    Secret::new(&text).ok_or(TokenFileProblem::Empty)
}

fn error(path: &Path, problem: TokenFileProblem) -> CommandError {
    CommandError::TokenFile { path: path.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_trimmed_and_bounded() {
        let read = |text: &str| read_to_limit(&mut text.as_bytes());
        assert_eq!(read("dbd_example\n").unwrap().reveal(), "dbd_example");
        assert!(matches!(read(" \n"), Err(TokenFileProblem::Empty)));
        let longest = usize::try_from(MAX_BYTES).unwrap();
        assert_eq!(read(&"a".repeat(longest)).unwrap().reveal().len(), longest);
        assert!(matches!(read(&"a".repeat(longest + 1)), Err(TokenFileProblem::TooLong)));
    }
}
