//! The Lambda function `connect`. Its event and response are IoT Core's, so it runs on the Lambda runtime directly.

use std::sync::Arc;

use doorbell_functions::connect::{ConnectEvent, ConnectionScope, handle};
use doorbell_shared::lambda;
use lambda_http::Error;
use lambda_http::lambda_runtime::{LambdaEvent, run, service_fn};

/// The beginning of the names of this account's clients and topics. `template.yaml` sets it.
const ARN_PREFIX_VARIABLE: &str = "DOORBELL_PUSH_ARN_PREFIX";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let state = Arc::new(lambda::app_state(lambda::table)?);
    let arn_prefix = lambda::variable(ARN_PREFIX_VARIABLE)?;
    let scope = Arc::new(ConnectionScope { deployment: lambda::deployment()?, arn_prefix });
    run(service_fn(|event: LambdaEvent<ConnectEvent>| {
        let (state, scope) = (Arc::clone(&state), Arc::clone(&scope));
        // Boxed: with the SDK's futures inside the runtime's, the type is too deep for the compiler.
        Box::pin(async move { handle(&state, &scope, &event.payload).await.map_err(Error::from) })
    }))
    .await
}
