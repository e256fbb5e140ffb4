//! Offers an agent program that the daemon does not support: implement [`ModelSource`] and put it into an [`Agent`].
//!
//! ```sh
//! cargo run -- dev --no-daemon
//! export DOORBELL_TOKEN=dbd_dev_a DOORBELL_WORKSPACE=00000000-0000-4000-8000-00000000000a
//! cargo run -p doorbell-daemon --example model_source
//! ```

use std::env::var;
use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use doorbell_client::{Api, http_client};
use doorbell_daemon::agents::Agent;
use doorbell_daemon::sources::{ModelSource, SourceError};
use doorbell_daemon::{Daemon, Settings};
use doorbell_protocol::{Model, ModelEntry, ModelListResult};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
struct MyAgent;

#[async_trait]
impl ModelSource for MyAgent {
    fn name(&self) -> &str {
        "my-agent"
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        let model = Model { id: "my-model".to_owned(), label: "My model".to_owned(), ..Model::default() };
        let invalid = |_| SourceError::InvalidOutput { program: self.name().to_owned() };
        let models = vec![ModelEntry::try_from(&model).map_err(invalid)?];
        Ok(ModelListResult { models, supported: true, fallback: false })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let agent = Agent::new("My agent", "my-agent", Arc::new(MyAgent));
    let api = Api::new(http_client()?, "http://127.0.0.1:3000".parse()?, var("DOORBELL_TOKEN")?);
    let settings = Settings::of_this_machine(var("DOORBELL_WORKSPACE")?.parse()?);
    let daemon = Daemon::new(api, settings, watch::channel(vec![agent]).1);
    Ok(daemon.run(CancellationToken::new()).await?)
}
