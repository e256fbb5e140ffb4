//! `doorbell login` and `doorbell logout`: the token of this machine's user.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use doorbell_protocol::WorkspaceId;
use serde::de::IgnoredAny;

use super::credentials::{read_file, state_directory};
use super::{CommandError, connect};
use crate::secret::Secret;
use crate::state::LoginFile;
use crate::{arguments, output};

pub(super) async fn login(arguments: arguments::Login) -> Result<(), CommandError> {
    let arguments::Server { url, allow_http } = arguments.server;
    let directory = state_directory()?;
    let server = url.origin().ascii_serialization();
    // Before the prompt: a token that cannot be sent need not be typed.
    connect::check_encrypted(&url, allow_http)?;
    let token = token(arguments.token_file, &server)?;
    let api = connect::to(&url, token.reveal())?;
    let _: Vec<IgnoredAny> = api.get(&path(arguments.workspace)).await?;
    let file = LoginFile { url, token, workspace: arguments.workspace, allow_http };
    file.store(&directory)?;
    output::note(format!(
        "Logged in to {server}. The token is in {}.",
        directory.file(LoginFile::NAME).display()
    ));
    Ok(())
}

pub(super) fn logout() -> Result<(), CommandError> {
    let was_logged_in = LoginFile::remove(&state_directory()?)?;
    output::note(if was_logged_in { "Logged out." } else { "No user was logged in." });
    Ok(())
}

/// The shortest call that needs a user's token.
fn path(workspace: Option<WorkspaceId>) -> String {
    let workspace = workspace.map(|workspace| format!("&workspace_id={workspace}")).unwrap_or_default();
    format!("/api/runtimes?limit=1{workspace}")
}

fn token(file: Option<PathBuf>, server: &str) -> Result<Secret, CommandError> {
    match file {
        Some(path) => read_file(&path),
        None if io::stdin().is_terminal() => prompt(server),
        None => read_file(Path::new("-")),
    }
}

fn prompt(server: &str) -> Result<Secret, CommandError> {
    let typed = rpassword::prompt_password(format!("Token for {server}: "))?;
    Secret::new(&typed).ok_or(CommandError::NothingTyped)
}
