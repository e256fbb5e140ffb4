//! The Lambda function `initiate`.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    doorbell_shared::lambda::serve(|backend, request| async move {
        doorbell_initiate::handle(&backend, &request).await
    })
    .await
}
