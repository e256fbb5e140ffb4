//! The Lambda function `authorizer`. Its response is not an HTTP response, so it runs on the Lambda runtime directly.

use std::sync::Arc;

use doorbell_functions::auth::oidc::Oidc;
use doorbell_functions::auth::{AuthorizerEvent, handle};
use doorbell_shared::lambda;
use lambda_http::Error;
use lambda_http::lambda_runtime::{LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let state = Arc::new(lambda::app_state(lambda::table)?);
    let oidc = Arc::new(Oidc::from_environment()?);
    run(service_fn(|event: LambdaEvent<AuthorizerEvent>| {
        let state = Arc::clone(&state);
        let oidc = Arc::clone(&oidc);
        // Boxed: with the SDK's futures inside the runtime's, the type is too deep for the compiler.
        Box::pin(
            async move { handle(&state, oidc.as_ref().as_ref(), &event.payload).await.map_err(Error::from) },
        )
    }))
    .await
}
