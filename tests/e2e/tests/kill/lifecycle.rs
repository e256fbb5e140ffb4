//! One ring, from a site's start to the judgement.

use std::time::Duration;

use doorbell_protocol::RequestRecord;

use super::client::Person;
use super::ending::{Ending, Evidence};
use super::plan::Plan;
use super::site::Site;

/// Lives it, and says how it ended.
pub(crate) async fn live(number: u32, plan: Plan) -> Ending {
    let mut site = Site::start(number, &plan).await;
    let person = Person::new(&site.url, &site.runtime);
    let Some(record) = ring_and_suffer(&person, &mut site, &plan).await else {
        return Ending::NotAcknowledged;
    };

    site.kill_server(Duration::ZERO).await;
    let again = person.ending(&record).await;
    assert_eq!(again, record, "lifecycle {number}: terminal is for ever");
    let (daemon_log, runs) = site.end().await;
    Evidence { record, daemon_log, runs }.judge(number, &plan)
}

async fn ring_and_suffer(person: &Person, site: &mut Site, plan: &Plan) -> Option<RequestRecord> {
    let ended = async |rung| match rung {
        Some(rung) => Some(person.ending(&rung).await),
        None => None,
    };
    if plan.hits_the_ring {
        return tokio::join!(async { ended(person.ring().await).await }, site.suffer(&plan.kills)).0;
    }
    let rung = person.ring().await;
    assert!(rung.is_some(), "nothing was killed, and the ring was not acknowledged");
    tokio::join!(ended(rung), site.suffer(&plan.kills)).0
}
