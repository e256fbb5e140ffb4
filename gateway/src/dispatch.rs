//! Where the functions run: [in this process](crate::Gateway), or [deployed](crate::DeployedFunctions).

use doorbell_functions::auth::AuthorizerEvent;
use doorbell_protocol::Timestamp;
use doorbell_shared::http::routes::Function;
use doorbell_shared::http::{self, ApiError, response::json};
use doorbell_shared::store::{Store, TokenStore};
use lambda_http::aws_lambda_events::apigw::{ApiGatewayRequestAuthorizer, ApiGatewayV2httpRequest};
use lambda_http::http::header;
use serde::Serialize;

use crate::admission::Admission;
use crate::config::Gateway;
use crate::event::authorizer;
use crate::router::invoke;

/// The functions behind the gateway, and the authorizer in front of them.
pub(super) trait Dispatch: Send + Sync + 'static {
    fn now(&self) -> Timestamp;

    /// The id of a call, in its event and in the logs.
    fn gateway_request_id(&self) -> String;

    /// The limits of concurrent calls, if calls over them are rejected.
    fn admission(&self) -> Option<Admission>;

    /// The authorizer's context for the call of `event`, which has none yet.
    ///
    /// # Errors
    /// When the authorizer fails or denies the call.
    fn authorize(
        &self,
        event: &ApiGatewayV2httpRequest,
    ) -> impl Future<Output = Result<ApiGatewayRequestAuthorizer, Rejection>> + Send;

    /// The response of the route's function.
    ///
    /// # Errors
    /// When the function does not respond.
    fn call(
        &self,
        function: Function,
        event: ApiGatewayV2httpRequest,
    ) -> impl Future<Output = Result<http::Response, Rejection>> + Send;
}

/// The gateway's own response, in place of a function's.
#[derive(Debug)]
pub(super) enum Rejection {
    /// With a text of the contract.
    Api(ApiError),
    /// As API Gateway responds when a function does.
    Integration(IntegrationError),
}

impl Rejection {
    pub(super) fn response(self) -> http::Response {
        match self {
            Self::Api(error) => error.response(),
            Self::Integration(error) => error.response(),
        }
    }
}

impl From<ApiError> for Rejection {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

/// What a client of API Gateway sees of a function that cannot be called or fails. HTTP APIs have no other responses for it, and
/// these cannot be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntegrationError {
    /// The authorizer denied the call.
    Forbidden,
    /// The event is larger than a function accepts.
    RequestTooLarge,
    /// The function is missing, may not be invoked, fails, or its response is malformed.
    Failed,
    /// The function is throttled, or does not respond within API Gateway's time limit.
    Unavailable,
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

impl IntegrationError {
    fn response(self) -> http::Response {
        let (status, message) = match self {
            Self::Forbidden => (403, "Forbidden"),
            Self::RequestTooLarge => (413, "Request Entity Too Large"),
            Self::Failed => (500, "Internal Server Error"),
            Self::Unavailable => (503, "Service Unavailable"),
        };
        json(status, &Message { message })
    }
}

impl<S: Store + 'static, T: TokenStore + 'static> Dispatch for Gateway<S, T> {
    fn now(&self) -> Timestamp {
        self.state.clock.now()
    }

    fn gateway_request_id(&self) -> String {
        self.state.id_gen.lease_token().to_string()
    }

    fn admission(&self) -> Option<Admission> {
        Some(Admission::default())
    }

    async fn authorize(
        &self,
        event: &ApiGatewayV2httpRequest,
    ) -> Result<ApiGatewayRequestAuthorizer, Rejection> {
        let authorization = event.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let event = AuthorizerEvent::new(
            authorization.map(|value| (header::AUTHORIZATION.to_string(), value.to_owned())),
        );
        Ok(authorizer(&self.authenticator.caller(&event).await?))
    }

    async fn call(
        &self,
        function: Function,
        event: ApiGatewayV2httpRequest,
    ) -> Result<http::Response, Rejection> {
        let request = http::event::request(event);
        Ok(match function {
            Function::Page => {
                doorbell_functions::page::handle(self.sign_in.as_ref(), &request, self.now()).await
            }
            function => invoke(function, &self.state, &self.authenticator.state, &request).await,
        })
    }
}
