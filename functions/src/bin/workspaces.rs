//! The Lambda function `workspaces`.

use doorbell_functions::workspaces::handle;
use doorbell_shared::lambda;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::serve_without_state(|request| async move { handle(&request).await }).await
}
