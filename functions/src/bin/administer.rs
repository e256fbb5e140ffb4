//! The Lambda function `administer`.

use doorbell_functions::administer::handle;
use doorbell_shared::lambda;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::serve(lambda::push, |state, request| async move { handle(&state, &request).await }).await
}
