//! Enrol: an administrator creates an enrolment code. `POST /api/enrolments`.

use std::time::Duration;

use doorbell_protocol::limits::{ENROLMENT_DEFAULT_S, ENROLMENT_MAX_S, ENROLMENT_MIN_S};
use doorbell_protocol::{EnrolmentBody, EnrolmentResponse, Scope};
use doorbell_shared::access::loggable;
use doorbell_shared::enrolment::Enrolment;
use doorbell_shared::http::input::{caller, short_text, trimmed};
use doorbell_shared::http::response::{Operation, secret};
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond_with};
use doorbell_shared::id_gen;
use doorbell_shared::store::TokenStore;

use super::{FUNCTION, check_member, lifetime, required_workspace};

pub(super) async fn handle<S: TokenStore>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond_with(FUNCTION, |_| Operation::Enrol, request, enrol(state, request), secret).await
}

async fn enrol<S: TokenStore>(
    state: &AppState<S>,
    request: &HttpRequest,
) -> Result<EnrolmentResponse, ApiError> {
    let caller = caller(request, Scope::Admin)?;
    input::limit_body(request)?;
    let body: EnrolmentBody = input::body(request)?;
    let workspace = required_workspace(body.workspace_id)?;
    let subject = trimmed(body.subject).map(|subject| short_text("subject", subject)).transpose()?;
    let lifetime = lifetime(body.expires_in_s, ENROLMENT_MIN_S..=ENROLMENT_MAX_S)?;
    let lifetime = lifetime.unwrap_or(Duration::from_secs(ENROLMENT_DEFAULT_S.into()));
    check_member(&caller, workspace)?;

    let now = state.clock.now();
    let code = id_gen::enrolment_code().map_err(Operation::Enrol.without_random())?;
    let enrolment = Enrolment {
        hash: code.hash(),
        workspace,
        subject,
        created_at: now,
        expires_at: now + lifetime,
        redemption: None,
    };
    state.store.create_enrolment(&enrolment).await.map_err(Operation::Enrol.failed())?;
    tracing::info!(
        enrolment_id = enrolment.hash.id(),
        subject = enrolment.subject.as_ref().map(|subject| loggable(subject.as_str())),
        workspace = %workspace,
        expires_at = %enrolment.expires_at,
        "enrolment created"
    );
    Ok(EnrolmentResponse { code: code.reveal(), workspace_id: workspace, expires_at: enrolment.expires_at })
}
