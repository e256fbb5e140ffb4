//! `doorbell dev --functions`: the local gateway in front of deployed functions.

use doorbell_gateway::{DeployedFunctions, FunctionsUrl, Signer, serve_deployed};
use doorbell_shared::aws;
use reqwest::Url;
use tokio_util::sync::CancellationToken;

use super::origins;
use super::server::Server;
use crate::arguments;
use crate::commands::{CommandError, connect};
use crate::output;

/// Set for emulators as well.
const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";

/// The domains of AWS, the second in China.
const AWS_DOMAINS: [&str; 2] = [".amazonaws.com", ".amazonaws.com.cn"];

/// Serves the API until `stop`.
pub(super) async fn run(
    url: &FunctionsUrl,
    arguments: &arguments::Dev,
    stop: &CancellationToken,
) -> Result<(), CommandError> {
    let example = url.example();
    connect::check_encrypted(example, arguments.allow_http)?;
    let origins = origins(&arguments.cors_origins)?;
    let Some(signer) = stop.run_until_cancelled(signer(example)).await else { return Ok(()) };
    let functions = DeployedFunctions::new(connect::http_client(example)?, url.clone(), signer?);
    let server = Server::start(arguments.addr, |listener, shutdown| {
        serve_deployed(listener, functions, origins, shutdown)
    });
    let server = server.await?;
    output::line(format!("Doorbell listens on {} (functions: {url})", server.base_url()));
    output::line(format!("Page  {}", server.url()?));
    print_next_steps(&server.base_url());
    stop.cancelled().await;
    server.shut_down().await
}

/// AWS rejects unsigned calls and emulators accept them, where a search for credentials would take seconds.
async fn signer(url: &Url) -> Result<Option<Signer>, CommandError> {
    let host = url.host_str().unwrap_or_default();
    let is_aws = AWS_DOMAINS.iter().any(|domain| host.ends_with(domain));
    let has_key = std::env::var_os(ACCESS_KEY).is_some_and(|key| !key.is_empty());
    if !is_aws && !has_key {
        return Ok(None);
    }
    let config = aws::sdk_config().await;
    let region = config.region().ok_or(CommandError::NoRegion)?;
    let Some(provider) = config.credentials_provider() else { return Ok(None) };
    let signer = Signer::new(provider, region.as_ref());
    signer.check().await?;
    Ok(Some(signer))
}

fn print_next_steps(url: &str) {
    output::line(format!(
        "\nTokens are those of the functions' table. Next steps:\n  \
         doorbell token create --store dynamodb --table <TABLE> --scope user\n  \
         doorbell runtimes --url {url} --token <TOKEN>\n  \
         doorbell daemon --url {url} --token <TOKEN>    (one with the scope daemon)\n\
         \nStop with Ctrl-C."
    ));
}
