//! The Lambda function `cancel`.

use doorbell_functions::cancel::handle;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    doorbell_shared::lambda::serve(|state, request| async move { handle(&state, &request).await }).await
}
