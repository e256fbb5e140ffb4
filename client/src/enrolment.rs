//! Enrolment codes: an administrator creates one, and a machine redeems it for a token of its own.

use std::time::Duration;

use doorbell_protocol::{EnrolmentBody, EnrolmentResponse, RedeemBody, RedeemResponse};
use reqwest::Method;

use crate::api::Api;
use crate::error::{CallError, ClientError};

const PATH: &str = "/api/enrolments";

/// Between the tries of a redemption. With three times [`TIMEOUT`](crate::TIMEOUT) they stay within the minute for which the
/// server answers the same code and daemon again.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Of a `Retry-After`, for the same minute.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Creates an enrolment code. The token of `api` needs the scope `admin`.
///
/// # Errors
/// [`ClientError`] of the call; 404 `workspace not found`.
pub async fn enrol(api: &Api, body: &EnrolmentBody) -> Result<EnrolmentResponse, ClientError> {
    api.post(PATH, body).await
}

/// Redeems an enrolment code. The token of `api` is not sent, because the route needs none.
///
/// The call is repeated up to twice after a network error, a 5xx or a 429: the server may have redeemed the code, and the
/// response may be lost.
///
/// # Errors
/// [`ClientError`] of the last call; 404 `enrolment not found`.
pub async fn redeem(api: &Api, body: &RedeemBody) -> Result<RedeemResponse, ClientError> {
    let mut pauses = PAUSES.into_iter();
    loop {
        let request = api.request_without_token(Method::POST, &format!("{PATH}/redeem")).json(body);
        let CallError { error, retry_after } = match api.call(request).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let pause = pauses.next().filter(|_| error.is_fault() || error.is_rate_limit());
        let Some(pause) = pause else { return Err(error) };
        tokio::time::sleep(retry_after.unwrap_or(pause).min(PAUSE_MAX)).await;
    }
}
