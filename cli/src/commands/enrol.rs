//! `doorbell enrol`: creates a code with which a machine joins a workspace.

use std::io::{self, IsTerminal as _};

use doorbell_client as client;
use doorbell_protocol::{EnrolmentBody, EnrolmentResponse};

use super::CommandError;
use super::credentials::{self, Connection};
use crate::{arguments, output};

pub(super) async fn run(arguments: arguments::Enrol) -> Result<(), CommandError> {
    let connection = credentials::administrator(&arguments.server, &arguments.token, arguments.workspace)?;
    let workspace = connection.workspace.ok_or(CommandError::NoWorkspace)?;
    let body = EnrolmentBody {
        workspace_id: Some(workspace.to_string()),
        subject: arguments.subject,
        expires_in_s: Some(arguments.expires),
    };
    let enrolment = client::enrol(&connection.api, &body).await?;
    if arguments.json {
        output::json(&enrolment);
    } else {
        print(&enrolment, &connection);
    }
    Ok(())
}

/// Prints the code alone on standard output, for scripts; a terminal shows the QR code, too.
fn print(enrolment: &EnrolmentResponse, connection: &Connection) {
    let EnrolmentResponse { code, workspace_id, expires_at } = enrolment;
    let join = join_command(code, connection);
    output::line(output::plain(code));
    output::note(output::plain(&format!(
        "One machine can join the workspace {workspace_id} with it until {expires_at}:\n  {join}"
    )));
    if io::stdout().is_terminal() {
        output::qr_code(&join);
    }
}

fn join_command(code: &str, connection: &Connection) -> String {
    let url = connection.url.as_str().trim_end_matches('/');
    let allow_http = if connection.allow_http { " --allow-http" } else { "" };
    format!("doorbell join {code} --url {url}{allow_http}")
}
