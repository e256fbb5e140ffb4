//! Enrolment codes: an administrator creates one, and a machine redeems it for a token of its own.

use std::time::Duration;

use doorbell_protocol::{EnrolmentBody, EnrolmentResponse, RedeemBody, RedeemResponse};
use rand::RngExt as _;
use reqwest::Method;

use crate::api::Api;
use crate::error::{CallError, ClientError};

const PATH: &str = "/api/enrolments";

/// Between the tries of a redemption. With three times [`TIMEOUT`](crate::TIMEOUT) they stay within the minute for which the
/// server answers the same code and daemon again.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Of a `Retry-After`, for the same minute.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The waits of a redemption that a rate limit rejects, all together: it has not been made, so the minute does not count. The route takes
/// 5 calls a second, with which 1,000 machines that join at once are done in less than four minutes.
const LIMITED_MAX: Duration = Duration::from_secs(5 * 60);

/// The longest random part of such a wait, over which machines that join at once come back.
const LIMITED_SPREAD: Duration = Duration::from_secs(20);

/// Creates an enrolment code. The token of `api` needs the scope `admin`.
///
/// # Errors
/// [`ClientError`] of the call; 404 `workspace not found`.
pub async fn enrol(api: &Api, body: &EnrolmentBody) -> Result<EnrolmentResponse, ClientError> {
    api.post(PATH, body).await
}

/// Redeems an enrolment code. The token of `api` is not sent, because the route needs none.
///
/// The call is repeated up to twice after a network error or a 5xx: the server may have redeemed the code, and the response may be lost.
/// After a 429 it is repeated for five minutes.
///
/// # Errors
/// [`ClientError`] of the last call; 404 `enrolment not found`.
pub async fn redeem(api: &Api, body: &RedeemBody) -> Result<RedeemResponse, ClientError> {
    let mut pauses = PAUSES.into_iter();
    let mut limited = Duration::ZERO;
    loop {
        let request = api.request_without_token(Method::POST, &format!("{PATH}/redeem")).json(body);
        let CallError { error, retry_after } = match api.call(request).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let asked = retry_after.map(|pause| pause.min(PAUSE_MAX));
        let pause = if error.is_rate_limit() {
            let pause = asked.unwrap_or_default() + part_of(LIMITED_SPREAD);
            limited += pause;
            Some(pause).filter(|_| limited <= LIMITED_MAX)
        } else {
            pauses.next().filter(|_| error.is_fault()).map(|pause| asked.unwrap_or(pause))
        };
        let Some(pause) = pause else { return Err(error) };
        tokio::time::sleep(pause).await;
    }
}

fn part_of(time: Duration) -> Duration {
    time.mul_f64(rand::rng().random::<f64>())
}
