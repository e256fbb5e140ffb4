//! The SDK's HTTP connector, with an engine at the other end instead of a socket.
//!
//! Calls run inline: the engine answers in microseconds, and a test's virtual time must not advance meanwhile, which
//! it would if the work were on another thread.

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

use super::dispatch::{Answer, dispatch, operation};
use super::tap::{Call, Passage, Tap};
use super::{CONTENT_TYPE, TARGET_HEADER};

#[derive(Clone)]
pub(super) struct Connector {
    database: Database,
    tap: Option<Arc<dyn Tap>>,
}

impl Connector {
    pub(super) fn new(database: Database, tap: Option<Arc<dyn Tap>>) -> Self {
        Self { database, tap }
    }

    async fn answer(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let operation = operation(request.headers().get(TARGET_HEADER).unwrap_or_default()).to_owned();
        let body = request.body().bytes().unwrap_or_default();
        let Some(tap) = &self.tap else { return respond(dispatch(&self.database, &operation, body, false)) };

        let passage = tap.pass(&operation);
        match passage {
            Passage::Unreachable => return Err(broken()),
            Passage::Refused(failure) => return respond(Answer::failure(failure)),
            Passage::Delayed(delay) => tokio::time::sleep(delay).await,
            _ => {}
        }
        let asked = tap.asked(&operation, body);
        let mut answer = dispatch(&self.database, &operation, &asked, true);
        tap.answered(Call {
            operation: operation.clone(),
            units: answer.units,
            asked_bytes: asked.len(),
            answered_bytes: answer.body.len(),
        });
        answer.body = tap.answer(&operation, answer.body);
        match passage {
            Passage::AnswerLost => return Err(broken()),
            Passage::AnswerReplaced(failure) => return respond(Answer::failure(failure)),
            Passage::AnswerDelayed(delay) => tokio::time::sleep(delay).await,
            Passage::AnswerCut => answer.body.truncate(answer.body.len() / 2),
            _ => {}
        }
        respond(answer)
    }
}

fn broken() -> ConnectorError {
    ConnectorError::io("the connection was closed".into())
}

fn respond(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let status =
        StatusCode::try_from(answer.status).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    response.headers_mut().insert("content-type", CONTENT_TYPE);
    Ok(response)
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().answer(request))
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
