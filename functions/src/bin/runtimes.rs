//! The Lambda function `runtimes`.

use doorbell_functions::runtimes::handle;
use doorbell_shared::lambda;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::serve(lambda::table, |state, request| async move { handle(&state, &request).await }).await
}
