//! A write that was applied and whose answer was lost: the SDK's retry meets its own first try, and has to know it.
//!
//! Time is virtual, so the SDK's back-off takes none.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use doorbell_shared::request::{Delivery, Lapse, Outcome, ResultBody, State};
use doorbell_shared::store::conformance::{Replicas, Scene};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::{
    Beat, Claim, Deregister, Deregistered, Heartbeat, Initiate, Initiated, Poll, Polled, Register, Report,
    Reported,
};
use doorbell_tests::embedded::LoseFirstAnswer;

struct Ambiguous {
    scene: Scene<DynamoDbStore>,
    /// The same table through a connection that loses one answer.
    lossy: DynamoDbStore,
    lost: Arc<LoseFirstAnswer>,
}

async fn losing_the_first(operation: &'static str) -> Ambiguous {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let lost = Arc::new(LoseFirstAnswer::of(operation));
    let scene = Scene::new(Replicas { here: engine.store(), there: engine.store() }).await;
    Ambiguous { scene, lossy: engine.store_through(Arc::<LoseFirstAnswer>::clone(&lost)), lost }
}

impl Ambiguous {
    fn assert_retried(&self) {
        assert_eq!(self.lost.calls(), 2, "the answer was not lost, or the SDK did not try again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_was_applied_is_won_and_not_lost_against_itself() {
    let test = losing_the_first("UpdateItem").await;
    let asked = test.scene.ring(test.scene.start).await;
    let (claim, now) = (test.scene.claim_id(), test.scene.at(1));
    let claim = test.lossy.claim(asked.address, Delivery::First, claim, now).await.unwrap();
    test.assert_retried();
    assert!(matches!(claim, Claim::Won(request) if request.address == asked.address));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_made_is_enqueued_once() {
    let test = losing_the_first("PutItem").await;
    let (scene, address) = (&test.scene, test.scene.address(test.scene.start));
    let initiated = test.lossy.initiate(address, &scene.allowed, scene.start).await.unwrap();
    test.assert_retried();
    assert!(matches!(initiated, Initiated::Enqueued(_)));
    assert_eq!(scene.look(&scene.there, scene.start).await.len(), 1);
}

/// The retry finds a ring just before it, its own, and is let in as an early one.
#[tokio::test(start_paused = true)]
async fn attention_that_was_drawn_is_no_refusal() {
    let test = losing_the_first("UpdateItem").await;
    let (scene, address) = (&test.scene, test.scene.address(test.scene.start));
    let initiated = test.lossy.initiate(address, &scene.allowed, scene.start).await.unwrap();
    assert_eq!(test.lost.calls(), 3, "the answer was not lost, or the retry was not let in");
    assert!(matches!(initiated, Initiated::Enqueued(_)));
}

#[tokio::test(start_paused = true)]
async fn a_report_that_was_applied_is_recorded_and_not_stale() {
    let test = losing_the_first("UpdateItem").await;
    let asked = test.scene.ring(test.scene.start).await;
    let outcome = Outcome::Completed(ResultBody::try_from("{}".to_owned()).unwrap());
    let (scene, now) = (&test.scene, test.scene.at(1));
    let reported = test.lossy.report(asked.address, &scene.allowed, &outcome, now).await.unwrap();
    test.assert_retried();
    assert_eq!(reported, Reported::Recorded { created_at: scene.start });
}

#[tokio::test(start_paused = true)]
async fn a_time_out_that_was_written_is_shown() {
    let test = losing_the_first("UpdateItem").await;
    let asked = test.scene.ring(test.scene.start).await;
    let polled = test.lossy.poll(asked.address, &test.scene.allowed, test.scene.at(31)).await.unwrap();
    test.assert_retried();
    assert!(matches!(polled, Polled::TimedOut(request) if request.state == State::Timeout(Lapse::Unclaimed)));
}

#[tokio::test(start_paused = true)]
async fn beats_registrations_and_sign_offs_may_happen_twice() {
    let now = async |test: &Ambiguous| test.scene.at(1);
    let test = losing_the_first("UpdateItem").await;
    let beat = test.lossy.beat(test.scene.runtime, &test.scene.allowed, now(&test).await).await.unwrap();
    test.assert_retried();
    assert_eq!(beat, Beat::Recorded { attention: false });

    let test = losing_the_first("UpdateItem").await;
    let runtime = test.lossy.register(test.scene.registration("codex"), now(&test).await).await.unwrap();
    test.assert_retried();
    assert_eq!(runtime.registered_at, test.scene.start);

    let test = losing_the_first("UpdateItem").await;
    let done =
        test.lossy.deregister(test.scene.runtime, &test.scene.allowed, now(&test).await).await.unwrap();
    test.assert_retried();
    assert_eq!(done, Deregistered::Done);
}
