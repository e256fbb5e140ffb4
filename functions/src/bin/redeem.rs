//! The Lambda function `redeem`.

use doorbell_functions::redeem::handle;
use doorbell_shared::lambda;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::serve(lambda::table, |state, request| async move { handle(&state, &request).await }).await
}
