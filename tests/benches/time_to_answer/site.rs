//! The API as `doorbell dev` serves it: its gateway and its functions on the embedded engine, on loopback, with the
//! machine's own clock.

use doorbell_cli::gateway::{self, Callers, DAEMON_A, DevToken, Gateway, Origins, USER_A};
use doorbell_daemon::api::{Api, http_client};
use doorbell_shared::clock::{Clock as _, SystemClock};
use doorbell_shared::http::Backend;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use tokio::net::TcpListener;

/// A served API, as its callers see it.
#[derive(Clone)]
pub(crate) struct Site {
    /// With a daemon's token.
    pub(crate) daemon: Api,
    /// With a person's.
    pub(crate) person: Api,
}

impl Site {
    /// Serves until the runtime ends.
    pub(crate) async fn start() -> Self {
        let store = EmbeddedDynamoDb::start().await.unwrap().store();
        gateway::issue_dev_tokens(&store, SystemClock.now()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let callers = Callers::of_tokens(Backend::new(store.clone()));
        let gateway = Gateway { backend: Backend::new(store), callers, origins: Origins::default() };
        tokio::spawn(gateway::serve(listener, gateway, std::future::pending()));
        let api = |of: DevToken| Api::new(http_client().unwrap(), url.parse().unwrap(), of.token);
        Self { daemon: api(DAEMON_A), person: api(USER_A) }
    }
}
