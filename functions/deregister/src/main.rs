//! The Lambda function `deregister`.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    doorbell_shared::lambda::serve(|backend, request| async move {
        doorbell_deregister::handle(&backend, &request).await
    })
    .await
}
