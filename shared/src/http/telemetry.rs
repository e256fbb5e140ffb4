//! One line of log for every call, and the words for what failed.
//!
//! Fields are ids, statuses and durations. What a caller sent or is answered never comes here, so it cannot be logged.

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use tracing::field::display;

use super::{ApiError, input};
use crate::clock::Stopwatch;
use crate::id::{RequestId, RuntimeId};

/// A call that is being answered.
#[derive(Debug)]
pub struct Call<'r> {
    function: &'static str,
    /// API Gateway's id of the call.
    gateway_request_id: Option<&'r str>,
    runtime_id: Option<RuntimeId>,
    request_id: Option<RequestId>,
    started: Stopwatch,
}

impl<'r> Call<'r> {
    /// Starts the clock.
    pub fn start(function: &'static str, request: &'r Request) -> Self {
        let gateway_request_id = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.request_id.as_deref(),
            _ => None,
        };
        // Only what is an id: a path could carry anything.
        let (runtime_id, request_id) = (input::runtime(request).ok(), input::request_id(request).ok());
        Self { function, gateway_request_id, runtime_id, request_id, started: Stopwatch::start() }
    }

    /// Logs how it went: what is the caller's fault as information, what is ours as an error.
    pub fn finish(self, status: u16, error: Option<&ApiError>) {
        let Self { function, gateway_request_id, runtime_id, request_id, started } = self;
        let (runtime_id, request_id) = (runtime_id.map(display), request_id.map(display));
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
