//! What an operation is asked on: a scene with a request in it, ids that are the same when it is asked again, and what
//! everybody sees of it afterwards.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_protocol::Scope;
use doorbell_protocol::Timestamp;
use doorbell_shared::id_gen;
use doorbell_shared::request::LeaseToken;
use doorbell_shared::request::{Address, Request, State};
use doorbell_shared::runtime::ShortText;
use doorbell_shared::store::conformance::{Replicas, Scene};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, TABLE};
use doorbell_shared::store::{Poll as _, PollOutcome, Runtimes as _, TokenStore as _};
use doorbell_shared::token::TokenRecord;

use crate::operations::Before;

/// How much later than the last question it is seen.
const LATER: Duration = Duration::from_millis(1);

pub(crate) struct Stage {
    pub(crate) scene: Scene<DynamoDbStore>,
    /// The request that was asked before.
    pub(crate) asked: Request,
    /// Where nothing was asked before.
    pub(crate) fresh: Address,
    pub(crate) claim: LeaseToken,
    pub(crate) token: TokenRecord,
    engine: EmbeddedDynamoDb,
}

impl Stage {
    pub(crate) async fn new(engine: &EmbeddedDynamoDb, before: Before) -> Self {
        let scene = Scene::new(Replicas { here: engine.store(), there: engine.store() }).await;
        let mut asked = scene.ring(scene.start).await;
        if before == Before::HandedOut {
            asked = scene.claim(asked.address, scene.start).await;
        }
        let (fresh, claim, token) = (scene.address(scene.at(6)), scene.lease_token(), token(&scene));
        if before == Before::Issued {
            scene.here.issue_token(&token).await.unwrap();
        }
        Self { scene, asked, fresh, claim, token, engine: engine.clone() }
    }

    /// Everything that can be seen at `now`, without what differs from scene to scene.
    pub(crate) async fn seen(&self, now: Timestamp) -> Vec<String> {
        let (scene, now) = (&self.scene, now + LATER);
        let runtimes = scene.there.runtimes(scene.workspace, now).await.unwrap();
        let mut seen: Vec<_> =
            runtimes.iter().map(|runtime| format!("online {}", runtime.is_online(now))).collect();
        seen.push(format!("pending {}", scene.look(&scene.there, now).await.len()));
        seen.push(format!("undelivered {}", scene.look_without(&[], &scene.there, now).await.len()));
        seen.push(format!("tokens {}", scene.there.tokens(scene.workspace, now).await.unwrap().len()));
        seen.push(format!("next ring due {:?}", self.ring_due().await));
        for address in [self.asked.address, self.fresh] {
            seen.push(match scene.there.poll(address, &scene.allowed, now).await.unwrap() {
                PollOutcome::Found(request) | PollOutcome::TimedOut(request) => self.shape(&request),
                PollOutcome::NotFound => "no request".to_owned(),
            });
        }
        seen
    }

    fn shape(&self, request: &Request) -> String {
        let attempt = match request.state {
            State::Running(run) => run.attempt,
            _ => 0,
        };
        let changed = request.updated_at.since(self.scene.start);
        format!("{} {attempt} {changed:?}", request.state.status().as_str())
    }

    /// The pace, which no operation shows.
    async fn ring_due(&self) -> i64 {
        let key = |name: &str, value: String| (name.to_owned(), AttributeValue::S(value));
        let key = [key("pk", format!("runtime#{}", self.scene.runtime)), key("sk", "runtime".to_owned())];
        let get = self.engine.client(None).get_item().table_name(TABLE).set_key(Some(key.into()));
        let item = get.send().await.unwrap().item.unwrap();
        item["ring_due_at"].as_n().unwrap().parse::<i64>().unwrap() - self.scene.start.millis()
    }
}

/// A token of the scene's workspace that nobody has issued.
fn token(scene: &Scene<DynamoDbStore>) -> TokenRecord {
    let token = id_gen::token(Scope::Daemon).unwrap();
    TokenRecord {
        hash: token.hash(),
        subject: ShortText::try_from("build machine".to_owned()).unwrap(),
        scopes: [Scope::Daemon].into(),
        workspaces: scene.allowed.clone(),
        created_at: scene.start,
        expires_at: None,
        last_four: token.last_four(),
    }
}
