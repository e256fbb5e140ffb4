//! The Lambda function `authorizer`. It answers with no HTTP response, so it stands on the runtime directly.

use std::sync::Arc;

use doorbell_authorizer::AuthorizerEvent;
use doorbell_authorizer::oidc::Oidc;
use lambda_http::Error;
use lambda_http::lambda_runtime::{LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let backend = Arc::new(doorbell_shared::lambda::backend()?);
    let oidc = Arc::new(Oidc::from_environment()?);
    run(service_fn(|event: LambdaEvent<AuthorizerEvent>| {
        let (backend, oidc) = (Arc::clone(&backend), Arc::clone(&oidc));
        async move {
            let answer = doorbell_authorizer::handle(&backend, oidc.as_ref().as_ref(), &event.payload).await;
            answer.map_err(Error::from)
        }
    }))
    .await
}
