//! The SDK's HTTP connector, with the engine in place of a socket.
//!
//! Calls run inline. The engine takes microseconds, and a test's virtual time would advance while another thread works.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::Database;

use super::dispatch::{CONTENT_TYPE, EngineResponse, TARGET_HEADER, dispatch, operation};
use super::interceptor::{Fault, Interceptor, RecordedCall};

#[derive(Clone)]
pub(super) struct Connector {
    database: Database,
    interceptor: Option<Arc<dyn Interceptor>>,
}

impl Connector {
    pub(super) fn new(database: Database, interceptor: Option<Arc<dyn Interceptor>>) -> Self {
        Self { database, interceptor }
    }

    async fn respond(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let operation = operation(request.headers().get(TARGET_HEADER).unwrap_or_default()).to_owned();
        let body = request.body().bytes().unwrap_or_default();
        let Some(interceptor) = &self.interceptor else {
            return http_response(dispatch(&self.database, &operation, body, false));
        };

        let fault = interceptor.fault(&operation);
        match fault {
            Fault::Unreachable => return Err(connection_closed()),
            Fault::Rejected(error) => return http_response(EngineResponse::error(error)),
            Fault::Delayed(delay) => tokio::time::sleep(delay).await,
            _ => {}
        }
        let request_body = interceptor.request(&operation, body);
        let mut response = dispatch(&self.database, &operation, &request_body, true);
        interceptor.applied(RecordedCall {
            operation: operation.clone(),
            units: response.units,
            request_bytes: request_body.len(),
            response_bytes: response.body.len(),
        });
        response.body = interceptor.response(&operation, response.body);
        match fault {
            Fault::ResponseLost => return Err(connection_closed()),
            Fault::ResponseReplaced(error) => return http_response(EngineResponse::error(error)),
            Fault::ResponseDelayed(delay) => tokio::time::sleep(delay).await,
            Fault::ResponseCut => response.body.truncate(response.body.len() / 2),
            _ => {}
        }
        http_response(response)
    }
}

fn connection_closed() -> ConnectorError {
    ConnectorError::io("the connection was closed".into())
}

fn http_response(response: EngineResponse) -> Result<HttpResponse, ConnectorError> {
    let status =
        StatusCode::try_from(response.status).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut http = HttpResponse::new(status, SdkBody::from(response.body));
    http.headers_mut().insert("content-type", CONTENT_TYPE);
    Ok(http)
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().respond(request))
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}
