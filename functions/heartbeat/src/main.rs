//! The Lambda function `heartbeat`.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    doorbell_shared::lambda::serve(|backend, request| async move {
        doorbell_heartbeat::handle(&backend, &request).await
    })
    .await
}
