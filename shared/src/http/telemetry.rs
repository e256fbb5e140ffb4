//! One line of log for every call, and the words for what failed.
//!
//! Fields are ids, statuses and durations. What a caller sent or is answered never comes here, so it cannot be logged.

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

use super::ApiError;
use crate::clock::Stopwatch;

/// A call that is being answered.
#[derive(Debug)]
pub struct Call {
    function: &'static str,
    /// API Gateway's id of the call.
    gateway_request_id: Option<String>,
    runtime_id: Option<String>,
    request_id: Option<String>,
    started: Stopwatch,
}

impl Call {
    /// Starts the clock.
    pub fn start(function: &'static str, request: &Request) -> Self {
        let gateway_request_id = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
            _ => None,
        };
        // Only what is an id: a path could carry anything.
        let runtime_id = super::input::runtime(request).ok().map(|id| id.to_string());
        let request_id = super::input::request_id(request).ok().map(|id| id.to_string());
        Self { function, gateway_request_id, runtime_id, request_id, started: Stopwatch::start() }
    }

    /// Logs how it went: what is the caller's fault as information, what is ours as an error.
    pub fn finish(self, status: u16, error: Option<&ApiError>) {
        let Self { function, gateway_request_id, runtime_id, request_id, started } = self;
        let duration_ms = started.elapsed_ms();
        let cause = error.map(cause);
        if status >= 500 && !matches!(error, Some(ApiError::RuntimeOffline)) {
            tracing::error!(
                function,
                status,
                duration_ms,
                gateway_request_id,
                runtime_id,
                request_id,
                cause,
                "failed"
            );
        } else {
            tracing::info!(
                function,
                status,
                duration_ms,
                gateway_request_id,
                runtime_id,
                request_id,
                cause,
                "answered"
            );
        }
    }
}

fn cause(error: &ApiError) -> String {
    match error {
        ApiError::Store(_, error) => error.to_string(),
        other => other.parts().1.into_owned(),
    }
}
