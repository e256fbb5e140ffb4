//! Deployed functions, called with Lambda's API `Invoke`: on AWS, LocalStack, `sam local start-lambda` or `cargo lambda watch`.
//!
//! A call that fails gets API Gateway's response ([`IntegrationError`]). The reason is in the log only, as on AWS.

mod event;
mod invocation;
mod response;
mod signer;
mod url;

use std::collections::HashMap;

use doorbell_protocol::Timestamp;
use doorbell_shared::clock::{Clock as _, SystemClock};
use doorbell_shared::http;
use doorbell_shared::http::routes::Function;
use doorbell_shared::id_gen::{IdGenerator as _, RandomIdGenerator};
use lambda_http::aws_lambda_events::apigw::{ApiGatewayRequestAuthorizer, ApiGatewayV2httpRequest};
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;

use crate::admission::Admission;
use crate::dispatch::{Dispatch, IntegrationError, Rejection};

use invocation::InvokeError;
pub use signer::{Signer, SignerError};
pub use url::{FunctionsUrl, InvalidFunctionsUrl};

const AUTHORIZER: &str = "authorizer";

/// The functions of a stack, by their names.
pub struct DeployedFunctions {
    http: Client,
    url: FunctionsUrl,
    signer: Option<Signer>,
    id_gen: RandomIdGenerator,
}

/// The authorizer's response in payload format 2.0, simple (AWS, "Control access to HTTP APIs with AWS Lambda authorizers").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authorization {
    is_authorized: bool,
    #[serde(default)]
    context: HashMap<String, Value>,
}

impl DeployedFunctions {
    /// The functions at `url`, called through `http` without redirects. Without `signer`, calls are not signed: AWS rejects them,
    /// emulators accept them.
    pub fn new(http: Client, url: FunctionsUrl, signer: Option<Signer>) -> Self {
        Self { http, url, signer, id_gen: RandomIdGenerator::default() }
    }

    /// The authorizer's own response, of which a newer one may have fields that are unknown here.
    async fn authorization(&self, event: &ApiGatewayV2httpRequest) -> Result<Authorization, InvokeError> {
        let response = self.invoke(AUTHORIZER, &event::of_authorizer(event)?).await?;
        serde_json::from_slice(&response).map_err(|_| InvokeError::MalformedResponse)
    }

    async fn respond(
        &self,
        function: &str,
        event: &ApiGatewayV2httpRequest,
    ) -> Result<http::Response, InvokeError> {
        response::of_function(&self.invoke(function, &event::of_function(event)?).await?)
    }
}

impl Dispatch for DeployedFunctions {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn gateway_request_id(&self) -> String {
        self.id_gen.lease_token().to_string()
    }

    fn admission(&self) -> Option<Admission> {
        None
    }

    async fn authorize(
        &self,
        event: &ApiGatewayV2httpRequest,
    ) -> Result<ApiGatewayRequestAuthorizer, Rejection> {
        let authorization = self.authorization(event).await.map_err(|error| {
            tracing::warn!(function = AUTHORIZER, %error, "invocation failed");
            // API Gateway's response to any failure of an authorizer.
            Rejection::Integration(IntegrationError::Failed)
        })?;
        if !authorization.is_authorized {
            return Err(Rejection::Integration(IntegrationError::Forbidden));
        }
        let mut authorizer = ApiGatewayRequestAuthorizer::default();
        authorizer.fields = authorization.context;
        Ok(authorizer)
    }

    async fn call(
        &self,
        function: Function,
        event: ApiGatewayV2httpRequest,
    ) -> Result<http::Response, Rejection> {
        let function = function.lambda();
        self.respond(function, &event).await.map_err(|error| {
            tracing::warn!(function, %error, "invocation failed");
            Rejection::Integration(error.integration_error())
        })
    }
}
