//! Lambda's `Invoke` over HTTP on loopback, with the real functions: events and responses are JSON, as they are on AWS.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::routing::post;
use doorbell_client::http_client;
use doorbell_functions::auth::oidc::Oidc;
use doorbell_functions::auth::{self, AuthorizerEvent};
use doorbell_gateway::{DeployedFunctions, Origins, serve_deployed};
use doorbell_shared::http::routes;
use doorbell_shared::http::{AppState, event};
use doorbell_shared::store::{Store, TokenStore};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use tokio::net::TcpListener;

/// The functions' path of `Invoke`, with their names at the end of those of a stack.
const PATH: &str = "/2015-03-31/functions/doorbell-{}/invocations";

struct Functions<S, T> {
    state: AppState<S>,
    tokens: AppState<T>,
}

impl<S: Store, T: TokenStore> Functions<S, T> {
    /// The payload of the function's response to `event`.
    async fn invoke(&self, name: &str, event: &[u8]) -> Vec<u8> {
        if name == "authorizer" {
            let event: AuthorizerEvent = serde_json::from_slice(event).unwrap();
            let response = auth::handle(&self.tokens, None::<&Oidc>, &event).await.unwrap();
            return serde_json::to_vec(&response).unwrap();
        }
        let event: ApiGatewayV2httpRequest = serde_json::from_slice(event).unwrap();
        let function = routes::all().find(|route| route.function.lambda() == name).unwrap().function;
        let request = event::request(event);
        let response = doorbell_gateway::invoke(function, &self.state, &self.tokens, &request).await;
        serde_json::to_vec(&event::response(response)).unwrap()
    }
}

/// Serves the functions; returns their URL with `{}` in place of a name.
pub async fn serve<S: Store + 'static, T: TokenStore + 'static>(
    state: AppState<S>,
    tokens: AppState<T>,
) -> String {
    let functions = Arc::new(Functions { state, tokens });
    let handler = |State(functions): State<Arc<Functions<S, T>>>, Path(name): Path<String>, event: Bytes| async move {
        functions.invoke(name.strip_prefix("doorbell-").unwrap(), &event).await
    };
    let app = Router::new().route(&PATH.replace("doorbell-{}", "{name}"), post(handler));
    let app = app.layer(DefaultBodyLimit::disable()).with_state(functions);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{PATH}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());
    url
}

/// Serves a gateway that invokes the functions at `url`; returns its own URL.
pub async fn serve_gateway(url: &str) -> String {
    let functions = DeployedFunctions::new(http_client().unwrap(), url.parse().unwrap(), None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(serve_deployed(listener, functions, Origins::default(), std::future::pending()));
    format!("http://{addr}")
}
