//! The environment of a cold start: Lambda's runtime API and DynamoDB over TLS, both on loopback, for one function process at
//! a time.
//!
//! Prints one line of JSON: both addresses, and the CA bundle that functions must trust. `GET /prepare/NAME/CALLS/exit`
//! creates a table and CALLS events for the next process and ends it after the last event. `hold` instead of `exit` keeps the
//! process, so that its memory can be read. `GET /outcome` is answered 200 after all calls have succeeded.

mod dynamodb;
mod runtime_api;
mod table;

use doorbell_bench::emit;
use serde_json::json;
use tokio::net::TcpListener;

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let folder = std::env::args().nth(1).ok_or("usage: lambda_host FOLDER, which gets the CA bundle")?;
    let bundle = std::path::Path::new(&folder).join("ca-bundle.pem");
    let dynamodb = dynamodb::start(&bundle).await?;
    let sockets = TcpListener::bind("127.0.0.1:0").await?;
    emit(&json!({
        "runtime_api": sockets.local_addr()?.to_string(),
        "dynamodb": dynamodb.url,
        "bundle": bundle,
    }));
    Ok(axum::serve(sockets, runtime_api::router(dynamodb.engine)).await?)
}
