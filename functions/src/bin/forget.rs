//! The Lambda function `forget`.

use doorbell_functions::forget::handle;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    doorbell_shared::lambda::serve(|state, request| async move { handle(&state, &request).await }).await
}
