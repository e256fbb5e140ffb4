//! The Lambda function `page`.

use std::sync::Arc;

use doorbell_functions::page::{SignIn, handle};
use doorbell_shared::clock::{Clock as _, SystemClock};
use doorbell_shared::lambda;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let sign_in = Arc::new(SignIn::from_environment()?);
    lambda::serve_without_state(|request| {
        let sign_in = Arc::clone(&sign_in);
        async move { handle(sign_in.as_ref().as_ref(), &request, SystemClock.now()).await }
    })
    .await
}
