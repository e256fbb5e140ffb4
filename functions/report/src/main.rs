//! The Lambda function `report`.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    doorbell_shared::lambda::serve(|backend, request| async move {
        doorbell_report::handle(&backend, &request).await
    })
    .await
}
