//! The Lambda function `presence`. Its event comes from a rule of IoT Core, so it runs on the Lambda runtime directly.

use std::sync::Arc;

use doorbell_functions::presence::{DisconnectedEvent, handle};
use doorbell_shared::lambda;
use lambda_http::Error;
use lambda_http::lambda_runtime::{LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let recorder = lambda::recorder()?;
    let state = Arc::new(lambda::app_state(lambda::push)?);
    run(service_fn(|event: LambdaEvent<DisconnectedEvent>| {
        let state = Arc::clone(&state);
        // Boxed: with the SDK's futures inside the runtime's, the type is too deep for the compiler.
        Box::pin(async move {
            let ended = handle(&state, &event.payload).await;
            recorder.write(std::io::stdout());
            ended.map_err(Error::from)
        })
    }))
    .await
}
