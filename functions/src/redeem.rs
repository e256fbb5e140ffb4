//! Redeem: a machine exchanges an enrolment code for a token that is bound to its daemon. `POST /api/enrolments/redeem`.
//!
//! The only route without an authorizer: the code is the credential. It has 80 random bits, lives for an hour at most and works once,
//! and API Gateway throttles the route. A text without the form of a code is rejected without a read.

use doorbell_protocol::{RedeemBody, RedeemResponse, Scope};
use doorbell_shared::access::loggable;
use doorbell_shared::enrolment::EnrolmentCode;
use doorbell_shared::http::input::{short_text, trimmed};
use doorbell_shared::http::response::{Operation, secret};
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond_with};
use doorbell_shared::id_gen;
use doorbell_shared::runtime::ShortText;
use doorbell_shared::store::{RedeemOutcome, TokenStore};

pub async fn handle<S: TokenStore>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond_with("redeem", |_| Operation::Redeem, request, redeem(state, request), secret).await
}

async fn redeem<S: TokenStore>(
    state: &AppState<S>,
    request: &HttpRequest,
) -> Result<RedeemResponse, ApiError> {
    input::limit_body(request)?;
    let body: RedeemBody = input::body(request)?;
    let code = trimmed(body.code).ok_or(ApiError::CodeRequired)?;
    let daemon_id = trimmed(body.daemon_id).ok_or(ApiError::DaemonIdRequired)?;
    let daemon_id = short_text("daemon_id", daemon_id)?;
    let code = EnrolmentCode::parse(&code).ok_or(ApiError::EnrolmentNotFound)?.hash();

    let token = id_gen::token(Scope::Daemon).map_err(Operation::Redeem.without_random())?;
    let redeemed = state.store.redeem_enrolment(code, &daemon_id, &token, state.clock.now()).await;
    let RedeemOutcome::Redeemed(record) = redeemed.map_err(Operation::Redeem.failed())? else {
        return Err(ApiError::EnrolmentNotFound);
    };
    let device_name = body.device_name.as_deref().and_then(ShortText::cleaned);
    let workspace = record.workspaces.iter().next().ok_or(ApiError::EnrolmentNotFound)?;
    tracing::info!(
        enrolment_id = code.id(),
        token_id = %record.hash.id(),
        subject = loggable(record.subject.as_str()),
        workspace = %workspace,
        daemon_id = loggable(daemon_id.as_str()),
        device_name = device_name.map(|name| loggable(name.as_str())),
        "enrolment redeemed"
    );
    Ok(RedeemResponse {
        token: token.reveal().to_owned(),
        workspace_id: workspace,
        daemon_id: daemon_id.to_string(),
    })
}
